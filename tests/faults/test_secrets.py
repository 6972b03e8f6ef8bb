"""Passwords appear in no output, log, report, error, process title or file."""

from __future__ import annotations

import logging
import traceback

import psutil
import pytest

import propload
from propload.errors import PropLoadError
from tests.faults import loading
from tests.faults.proxy import Fault, Proxy
from tests.faults.server import SLOW_LEDGER, commits_of, prepare_ledger, wait_until
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

#: A password with odd characters, and how it is written inside an address.
SECRET, IN_ADDRESS = "se sam%é@1", "se%20sam%25%C3%A9%401"
TRACES = ("se sam", "sam%25", "sam%é")


def assert_hidden(*texts):
    for text in texts:
        for trace in TRACES:
            assert trace not in text, text


def everything_in(folder):
    """Return the bytes of all files below a folder, as text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


@pytest.fixture
def proxy(server):
    with Proxy(server) as one:
        yield one


@pytest.fixture
def file(dsn, tmp_path, chance):
    path = tmp_path / "homes.csv"
    loading.listings(4_000, chance=chance, bad=5).write_csv(path)
    run_sql(dsn, loading.table_sql())
    return path


def title_of(process):
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return ""  # it has just ended, and has no title any more


def test_password_is_hidden_in_output_titles_and_files_of_a_process(
    dsn, proxy, file, state_dir
):
    secret = proxy.dsn_of(dsn, password=IN_ADDRESS)
    without_password = proxy.dsn_of(dsn)
    prepare_ledger(dsn, *SLOW_LEDGER)
    flags = loading.arguments("", batch_rows=500)[2:]
    for case in ("good", "cut", "killed", "refused"):
        arguments = ["ingest", file, *flags, "--debug", "--retry-attempts", "2"]
        arguments += ["--to", "postgresql:///nowhere"] if case == "refused" else []
        proxy.faults.extend([Fault("cut", 2_000)] * 20 if case == "cut" else [])
        environment = {"PROPLOAD_TO": secret}
        if case == "good":
            environment = {"PROPLOAD_TO": without_password, "PGPASSWORD": SECRET}
        with loading.start(*arguments, **environment) as process:
            if case == "killed":
                wait_until(lambda: process.ended or commits_of(dsn) > 0)
                titles = [psutil.Process(process.pid), *psutil.Process().children()]
                assert_hidden(*map(title_of, titles))
                process.kill()
            else:
                code = process.wait()
                assert (code == 0) == (case == "good"), process.log
        proxy.faults.clear()
        assert_hidden(process.printed, process.log)
    assert_hidden(everything_in(state_dir))


def test_password_is_hidden_in_errors_reports_and_logs(
    dsn, proxy, file, state_dir, caplog
):
    caplog.set_level(logging.DEBUG)
    secret = proxy.dsn_of(dsn, password=IN_ADDRESS)
    settings = loading.settings(secret, retry_attempts=2, retry_seconds=0.1)
    report = propload.ingest(str(file), **settings)
    assert_hidden(report.to_json(), repr(report), str(report), report._repr_html_())
    for faults in ([Fault("reset", 0)] * 9, [None] * 3 + [Fault("cut", 5_000)] * 9):
        proxy.faults.extend(faults)
        with pytest.raises(PropLoadError) as failed:
            propload.ingest(str(file), **settings)
        proxy.faults.clear()
        assert_hidden("".join(traceback.format_exception(failed.value)))
    loader = propload.Loader(**settings)
    loader.put([{"id": 1, "version": 2, "price": 3, "text": "x"}])
    assert_hidden(everything_in(state_dir))
    loader.abort(RuntimeError("enough"))
    assert_hidden(everything_in(state_dir), caplog.text, repr(loader))


def test_files_in_the_state_folder_are_private(dsn, file, state_dir):
    loader = propload.Loader(**loading.settings(dsn))
    loader.put([{"id": 1, "version": 2, "price": "dear", "text": "x"}])
    loader.close()
    propload.ingest(str(file), **loading.settings(dsn))
    for path in [state_dir, *state_dir.rglob("*")]:
        allowed = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 & ~allowed == 0, path
    assert list(state_dir.iterdir())
