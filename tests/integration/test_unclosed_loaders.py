"""A program that ends without closing its loader reports the rows that wait."""

import os
import subprocess
import sys

import pytest

from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from tests.integration.reading import run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: Pushes rows and ends in some way without closing its loader.
UNCLOSED = """
import gc, os, sys, time
import propload
dsn, seconds, mode, end = sys.argv[1:]
def push():
    loader = propload.Loader(to=dsn, table="homes", key="id", mode=mode,
                             progress=False, batch_seconds=float(seconds))
    loader.put([{"id": n, "day": 1} for n in range(50)])
    until = time.monotonic() + 20
    while float(seconds) < 1 and loader.metrics.snapshot().counts.accounted < 50:
        assert time.monotonic() < until
    return loader
if end == "nobody has it":
    push()
    gc.collect()
    sys.exit()
loader = push()
if end == "exit":
    sys.exit(5)
if end == "error":
    raise KeyError("homes")
if end == "fork":
    if not os.fork():
        sys.exit()
    os.wait()
    loader.abort(KeyError("homes"))
if end == "failed":
    loader.abort(KeyError("homes"))
if end in {"unseen", "seen"}:
    loader._source.finish()
    loader._thread.join()
    assert loader.failed
if end == "seen":
    try:
        loader.put({"id": 50})
    except propload.LoadError:
        pass
if end == "close":
    loader.close()
if end == "at the last moment":
    class Keeper:
        # nothing can be imported by then
        refused, said = propload.LoadError, sys.stderr
        def __del__(self):
            for act in (lambda: loader.put({"id": 51}), loader.close):
                try:
                    act()
                except self.refused as error:
                    print(error, file=self.said)
            loader.abort(KeyError("homes"))
    keeper = Keeper()
if end == "in a generator":
    def gives():
        with loader:
            yield
    giver = gives()
    next(giver)
"""


def run_unclosed(dsn, state_dir, *, end="", mode="upsert", seconds=600):
    """Run a program that leaves its loader open; return its exit code and its log."""
    process = subprocess.run(
        [sys.executable, "-c", UNCLOSED, dsn, str(seconds), mode, end],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "PROPLOAD_STATE_DIR": str(state_dir)},
    )
    return process.returncode, process.stderr


@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("exit", 5), ("error", 1), ("nobody has it", 0)]
)
def test_program_that_leaves_its_loader_open_is_told_how_to_load_its_rows(
    database, state_dir, end, code
):
    exit_code, log = run_unclosed(database, state_dir, end=end)
    [left] = leftovers()
    assert exit_code == code
    message = "the Loader of public.homes was not closed: at most 50 rows wait in the"
    assert log.count(message) == log.count("Loader of") == 1
    assert f"propload recover {left.run_id}. Close a Loader" in log
    [report] = recover(left.run_id, to=database)
    assert report.counts.inserted == 50


@pytest.mark.parametrize(
    ("end", "refusals"), [("at the last moment", 2), ("in a generator", 0)]
)
def test_closing_a_loader_after_the_program_has_ended_does_not_hang(
    database, state_dir, end, refusals
):
    code, log = run_unclosed(database, state_dir, end=end)
    [left] = leftovers()
    assert code == 0
    assert log.count("the program has ended, and with it the threads") == refusals
    assert f"propload recover {left.run_id}. Close a Loader" in log
    [report] = recover(left.run_id, to=database)
    assert report.counts.inserted == 50


@pytest.mark.parametrize("end", ["close", "failed", "fork"])
def test_nothing_is_reported_of_a_loader_that_was_closed_or_aborted(
    database, state_dir, end
):
    code, log = run_unclosed(database, state_dir, end=end)
    assert code == 0
    assert "Loader" not in log


def test_open_loader_is_reported_although_its_rows_are_all_processed(
    database, state_dir
):
    log = run_unclosed(database, state_dir, seconds=0.01)[1]
    assert "its rows are loaded or rejected, and only its end remains" in log
    log = run_unclosed(database, state_dir, seconds=0.01, mode="replace")[1]
    assert "it keeps its old rows, and the 50 rows that came wait. To put them" in log
    assert f"propload recover {max(one.run_id for one in leftovers())}" in log


def test_command_for_an_open_loader_names_its_state_folder(
    database, state_dir, tmp_path, monkeypatch
):
    code = UNCLOSED.replace("to=dsn,", f"to=dsn, state_dir={str(tmp_path)!r},")
    monkeypatch.setitem(globals(), "UNCLOSED", code)
    _, log = run_unclosed(database, state_dir)
    [left] = leftovers(state_dir=tmp_path)
    assert f"propload recover {left.run_id} --state-dir {tmp_path}" in log


@pytest.mark.parametrize("end", ["unseen", "seen"])
def test_failed_load_is_reported_unless_an_error_was_raised(database, state_dir, end):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    code, log = run_unclosed(database, state_dir, end=end)
    assert code == 0, log
    assert log.count("was not closed: at most 50 rows wait") == (end == "unseen")
