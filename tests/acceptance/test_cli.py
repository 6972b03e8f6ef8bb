"""The command line as people run it: a real process and a real embedded database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from propload.errors import PropLoadError
from propload.postgres.server import embedded
from propload.postgres.session.connection import connect

pytestmark = pytest.mark.timeout(180)

HOMES = """id,city,price,seen
1,Delft,350000,2026-07-01
2,Leiden,425000,2026-07-01
1,Delft,339000,2026-07-02
,Gouda,295000,2026-07-02
"""
TARGET = ("--table", "homes", "--key", "id", "--newest", "seen")
COUNTS = ("inserted", "updated", "unchanged", "stale", "duplicates", "rejected")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder to work in, whose state folder has a database of its own."""
    working_folder = tmp_path_factory.mktemp("cli")
    yield working_folder
    embedded.destroy(working_folder / "state")


@pytest.fixture
def environment(folder):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PROPLOAD_")}
    return {**inherited, "PROPLOAD_STATE_DIR": str(folder / "state"), "TERM": "dumb"}


@pytest.fixture
def run(folder, environment):
    def call(*arguments, stdin_text=None, check=0):
        completed = subprocess.run(
            [sys.executable, "-m", "propload", *arguments],
            cwd=folder,
            env=environment,
            input=stdin_text,
            stdin=subprocess.DEVNULL if stdin_text is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert completed.returncode == check, completed.stdout + completed.stderr
        return completed

    return call


@pytest.fixture
def homes(folder):
    """Write the file of homes, and drop the table of an earlier test."""
    (folder / "homes.csv").write_text(HOMES, encoding="utf-8")
    with connect(embedded.start(folder / "state")) as connection:
        connection.execute("DROP TABLE IF EXISTS public.homes")
        connection.commit()


@pytest.fixture
def sql(folder):
    """Return a function that queries the embedded database, started if necessary."""

    def ask(query):
        with connect(embedded.start(folder / "state")) as connection:
            return connection.rows(query)

    return ask


def counts_of(completed):
    counts = json.loads(completed.stdout)["counts"]
    assert counts["read"] == sum(counts[name] for name in COUNTS)
    return counts


def test_file_is_loaded_inspected_and_loaded_again(run, homes, sql):
    first = run("ingest", "homes.csv", *TARGET)
    assert "inserted   2" in first.stdout
    assert first.stderr == ""
    rows = sql("SELECT id, price FROM homes ORDER BY id")
    assert rows == [(1, 339_000), (2, 425_000)]

    again = counts_of(run("ingest", "homes.csv", *TARGET, "--json"))
    assert (again["unchanged"], again["inserted"], again["updated"]) == (2, 0, 0)
    assert (again["duplicates"], again["rejected"]) == (1, 1)

    refused = run("rejects", "show").stdout.splitlines()
    assert len(refused) == 2
    assert "homes.csv:4" in refused[1]
    listed = json.loads(run("runs", "list", "--json").stdout)
    assert [one["counts"]["inserted"] for one in listed[:2]] == [0, 2]


def test_stdout_holds_only_json_and_each_run_has_its_own_id(run, homes):
    completed = [
        run("ingest", "homes.csv", *TARGET, "--json", "--verbose") for _ in range(2)
    ]
    reports = [json.loads(one.stdout) for one in completed]
    for step in ("homes.csv into public.homes", "prepared", "lane 0: committed"):
        assert step in completed[0].stderr
    assert reports[0]["run_id"] != reports[1]["run_id"]
    assert reports[0]["target"]["table"] == "public.homes"
    assert reports[0]["status"] == "loaded"


SHELL = 'exec "$1" -m propload ingest homes.csv --table closed --key id --newest seen'


FULL = [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", *FULL])
def test_closed_and_full_streams_do_not_fail_a_load(
    folder, environment, homes, sql, redirection
):
    command = ["sh", "-c", f"{SHELL} {redirection}", "sh", sys.executable]
    completed = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        timeout=120,
        check=False,
        capture_output=True,
    )
    assert completed.returncode == 0, completed.stderr
    assert b"Traceback" not in completed.stderr
    assert (b"propload runs show" in completed.stderr) is (redirection == ">/dev/full")
    assert sql("SELECT count(*) FROM closed") == [(2,)]


def test_process_substitution_of_a_shell_is_a_source(folder, environment, homes, sql):
    line = '"$1" -m propload ingest <(cat homes.csv) --table piped --key id -q'
    command = ["bash", "-c", line, "bash", sys.executable]
    subprocess.run(command, cwd=folder, env=environment, timeout=120, check=True)
    assert sql("SELECT count(*) FROM piped") == [(2,)]


def test_rows_are_read_from_stdin(run, homes, sql):
    stdin_text = "".join(
        json.dumps({"id": n, "price": n * 10}) + "\n" for n in range(100)
    )
    arguments = ("ingest", "-", "--format", "ndjson", "--table", "homes", "--key", "id")
    assert (
        counts_of(run(*arguments, "--json", stdin_text=stdin_text))["inserted"] == 100
    )
    assert sql("SELECT sum(price)::bigint FROM homes") == [(49_500,)]


def test_job_runs_from_any_folder(run, homes, folder, environment, tmp_path):
    (folder / "propload.toml").write_text(
        '[jobs.night]\nsource = "homes.csv"\ntable = "homes"\nkey = "id"\n',
        encoding="utf-8",
    )
    completed = subprocess.run(
        [sys.executable, "-m", "propload", "ingest", "--job", "night", "--json"],
        cwd=tmp_path,
        env={**environment, "PROPLOAD_CONFIG": str(folder / "propload.toml")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (folder / "propload.toml").unlink()
    assert counts_of(completed)["read"] == 4


def test_check_writes_nothing(run, homes, sql):
    completed = run("check", "homes.csv", "--table", "homes", "--key", "id", "--json")
    assert isinstance(json.loads(completed.stdout), dict)
    assert sql("SELECT to_regclass('homes') IS NULL") == [(True,)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.csv", *TARGET), 4, "nowhere.csv"),
        (("empty.csv", *TARGET), 4, "empty.csv"),
        (("homes.csv", "--table", "homes", "--key", "nr"), 2, "nr"),
        (("homes.csv", *TARGET, "--workers", "0"), 2, "workers"),
        (("homes.csv", *TARGET, "--schema", "nobody"), 2, "nobody"),
        (("homes.csv", *TARGET, "--job", "night"), 2, "night"),
        (("homes.csv", *TARGET, "--max-rejects", "0"), 3, "reject"),
        (("homes.csv", *TARGET, "--unknown"), 2, "--unknown"),
    ],
)
def test_each_error_has_its_exit_code_and_no_traceback(
    arguments, code, message, run, homes, folder
):
    (folder / "empty.csv").touch()
    completed = run("ingest", *arguments, check=code)
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr


def test_stopped_run_prints_its_report_as_json(run, homes):
    completed = run(
        "ingest", "homes.csv", *TARGET, "--max-rejects", "0", "--json", check=3
    )
    report = json.loads(completed.stdout)
    assert report["status"] == "stopped"
    assert report["counts"]["rejected"] == 1


def test_error_for_a_wrong_address_shows_no_password(run, homes):
    address = "postgresql://somebody:sesame@127.0.0.1:1/none"
    arguments = ("homes.csv", *TARGET, "--to", address, "--retry-attempts", "1")
    completed = run("ingest", *arguments, "--debug", check=1)
    assert "127.0.0.1" in completed.stderr
    assert "Traceback" in completed.stderr
    assert "sesame" not in completed.stdout + completed.stderr


def test_full_stdout_is_reported_in_one_line(folder, environment, run, homes):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "propload", "db", "url"]
        completed = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    message = (
        "the result cannot be written to stdout: No space left on device. Make room, "
        "or send it elsewhere"
    )
    assert completed.returncode == 1
    # one line that begins with a date, and no traceback
    assert completed.stderr.count("\n") == 1
    assert completed.stderr.endswith(f" propload: {message}\n")


@pytest.mark.parametrize("state_folder", ["homes.csv", "/proc/nowhere"])
def test_state_folder_that_cannot_be_written_is_a_wrong_setting(
    run, homes, state_folder
):
    for arguments in (["ingest", "homes.csv", "--table", "homes"], ["db", "start"]):
        completed = run(*arguments, "--state-dir", state_folder, check=2)
        assert f"{state_folder} cannot be used: " in completed.stderr
        assert "--state-dir FOLDER" in completed.stderr


def test_embedded_database_can_be_chosen_by_name(run, homes, environment):
    environment["PROPLOAD_TO"] = "postgresql://nobody@127.0.0.1:1/nothing"
    run("ingest", "homes.csv", "--table", "named", "--key", "id", "--to", "embedded")


def test_reader_that_closes_the_pipe_is_no_failure(run, homes, folder, environment):
    # more lines than a pipe holds, so that the writer meets the closed end
    rows = "".join(f",{n},{'x' * 100}\n" for n in range(5_000))
    (folder / "bad.csv").write_text(f"id,n,text\n{rows}", encoding="utf-8")
    run("ingest", "bad.csv", "--table", "homes", "--key", "id", check=3)
    command = [sys.executable, "-m", "propload", "rejects", "show", "--limit", "0"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("row\t")
        process.stdout.close()
        messages = process.stderr.read().splitlines()
    assert process.returncode == 0
    assert [line.rpartition(" ")[0] for line in messages] == ["rejected rows of run"]


def test_ctrl_c_ends_the_run_with_a_report(homes, folder, environment):
    arguments = ["ingest", "-", "--format", "csv", "--header", "--json"]
    arguments += ["--table", "homes", "--key", "id", "--batch-seconds", "0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "propload", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    feeder = threading.Thread(target=feed, args=(process.stdin,))
    feeder.start()
    try:
        wait_for_rows(folder, process)
        process.send_signal(signal.SIGINT)
        # not `communicate`, which would close the pipe that is being fed
        stdout, stderr = process.stdout.read(), process.stderr.read()
        assert process.wait(60) == 130, stderr
    finally:
        process.kill()
        process.wait()
        feeder.join(30)
        process.stdout.close()
        process.stderr.close()
    report = json.loads(stdout)
    assert report["status"] == "interrupted"
    assert report["counts"]["inserted"] > 0


def test_rows_of_a_slow_pipe_are_stored_before_it_ends(homes, sql, folder, environment):
    arguments = ["ingest", "-", "--format", "csv", "--table", "homes", "--key", "id"]
    arguments += ["--batch-seconds", "0.1", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "propload", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            process.stdin.write("id,city\n1,Delft\n")
            process.stdin.flush()
            wait_for_rows(folder, process)
            assert process.poll() is None
            stdout, stderr = process.communicate("2,Leiden\n", timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["counts"]["inserted"] == 2
    assert sql("SELECT id, city FROM homes ORDER BY id") == [
        (1, "Delft"),
        (2, "Leiden"),
    ]


def feed(stream):
    """Write rows until nobody reads them; the pipe sets the pace."""
    try:
        stream.write(b"id,text\n")
        for block in range(10**9):
            rows = range(block * 10_000, (block + 1) * 10_000)
            stream.write("".join(f"{n},row\n" for n in rows).encode())
    except BrokenPipeError:
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def wait_for_rows(folder, process):
    """Return once the table holds rows; the test's timeout bounds the wait."""
    pause = threading.Event()
    while process.poll() is None:
        try:
            with connect(embedded.url(folder / "state")) as connection:
                if connection.rows("SELECT 1 FROM public.homes LIMIT 1"):
                    return
        except PropLoadError:  # the table is not there yet
            pass
        pause.wait(0.1)


def test_embedded_database_is_kept_until_it_is_destroyed(run, homes, sql):
    run("ingest", "homes.csv", *TARGET)
    run("db", "stop")
    assert json.loads(run("db", "status", "--json").stdout)["running"] is False
    assert "not running" in run("db", "stop").stderr
    url = run("db", "start").stdout.strip()
    assert run("db", "url").stdout.strip() == url
    assert sql("SELECT count(*) FROM homes") == [(2,)]

    completed = run(
        "db", "psql", "--", "-X", "-A", "-t", "-c", "SELECT count(*) FROM homes"
    )
    assert completed.stdout == "2\n"

    run("db", "destroy", stdin_text="n\n", check=1)
    assert sql("SELECT count(*) FROM homes") == [(2,)]
    run("db", "destroy", "--yes")
    run("db", "start")
    assert sql("SELECT to_regclass('homes') IS NULL") == [(True,)]


def test_program_and_module_are_the_same_command(run):
    program = os.path.join(os.path.dirname(sys.executable), "propload")  # noqa: PTH118, PTH120 - the interpreter may be a link
    completed = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True
    )
    assert completed.stdout == run("--version").stdout
