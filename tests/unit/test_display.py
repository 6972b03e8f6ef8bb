"""A run as people see it."""

from __future__ import annotations

import io
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from propload import display
from propload.monitoring.metrics import Fill, Metrics, Snapshot
from propload.report import Counts, ReasonCount, Report, TargetName

pytestmark = pytest.mark.timeout(30)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def a_report(**changes):
    values = {
        "run_id": "r1",
        "status": "loaded",
        "source": "a.csv",
        "target": TargetName("local", "public.homes"),
        "counts": Counts(read=3, inserted=2, rejected=1),
        "seconds": 1.0,
        "reasons_counted": (ReasonCount("check", "id", "key", 1, "[red]null[/red]"),),
        "notes": ("a note",),
    }
    return Report(**{**values, **changes})


def test_progress_says_what_has_become_of_the_rows():
    now = Snapshot(
        counts=Counts(read=1_234_567, inserted=1_000_000, rejected=12),
        seconds=3_725.9,
        retries=2,
        fill=Fill(queue=0.5, lanes=(0.0, 1.0)),
        memory_bytes=412 << 20,
        activity="waiting for the database",
    )
    lines = display.progress_lines(now)
    assert "1,234,567 rows read  1,000,000 done  268 rows/s  12 rejected" in lines[0]
    assert lines[0].endswith("1:02:05")
    assert "queue ▕████    ▏  lanes ▕        ▏ ▕████████▏" in lines[1]
    assert "memory 412 MB  2 retries" in lines[1]
    assert lines[2] == "waiting for the database"


def test_progress_of_a_run_that_has_just_begun_is_two_lines():
    lines = display.progress_lines(Snapshot())
    assert len(lines) == 2
    assert "memory" not in lines[1]
    assert "lanes" not in lines[1]


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.01, 0.33, 0.999, 1.0, 7.0])
def test_a_bar_is_always_as_wide(share):
    now = Snapshot(fill=Fill(queue=share))
    assert len(display.progress_lines(now)[1]) == len("queue ") + 10


def test_nothing_is_shown_where_nobody_looks(capsys):
    before = threading.active_count()
    with display.watch(Metrics()):
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_program_whose_stderr_is_closed_works_unseen(monkeypatch, is_there):
    stream = Terminal() if is_there else None
    if stream is not None:
        stream.close()
    # as Python has it in a program that was begun without one
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    before = threading.active_count()
    with display.watch(Metrics()):
        assert threading.active_count() == before


class Tee:
    """A stream of a program's own, which prints but is no file."""

    def __init__(self):
        self.written = []
        self.write = self.written.append

    def flush(self):
        pass


def test_a_program_that_put_its_own_stream_in_the_place_of_stderr_works_unseen(
    monkeypatch,
):
    stream = Tee()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with display.watch(Metrics()):
        pass
    assert stream.written == []
    display.print_report(a_report(), stream)
    assert "".join(stream.written) == f"{a_report()}\n"


def test_a_terminal_shows_progress_on_stderr_and_nothing_on_stdout(monkeypatch, capsys):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    drawn = threading.Event()
    metrics = Metrics()
    metrics.add(Counts(read=5, inserted=5))

    def fill():
        drawn.set()
        return Fill()

    metrics.observe_fill(fill)
    with display.watch(metrics):
        assert drawn.wait(10)
        sys.stdout.write("a result\n")
        sys.stderr.write("a log line\n")
    assert sys.stderr is stream
    assert "5 rows read" in stream.getvalue()
    assert "a log line" in stream.getvalue()
    assert capsys.readouterr().out == "a result\n"


@pytest.mark.parametrize(
    ("name", "value"), [("TERM", "dumb"), ("JPY_PARENT_PID", "123")]
)
def test_a_terminal_that_cannot_draw_over_its_lines_shows_nothing(
    name, value, monkeypatch
):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    with display.watch(Metrics()):
        pass
    assert stream.getvalue() == ""


def test_the_thread_ends_with_the_block_at_once(monkeypatch):
    # were the wait not an event's, the block would last this long
    monkeypatch.setattr(display, "REFRESH_SECONDS", 3_600)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(KeyError), display.watch(Metrics()):
        raise KeyError
    assert not [t for t in threading.enumerate() if t.name == "propload-display"]


def test_a_closed_terminal_does_not_end_the_run(monkeypatch):
    failed = threading.Event()

    class Closed:
        def show(self, now):
            failed.set()
            raise OSError(5, "Input/output error")

        def close(self):
            pytest.fail("a closed terminal is left alone")

    monkeypatch.setattr(display, "_open_view", Closed)
    with display.watch(Metrics()):
        assert failed.wait(10)


def test_what_has_not_changed_is_shown_once(monkeypatch):
    # each time it is shown, a notebook's file changes: a Loader may wait for a day
    shown = []
    looked = threading.Semaphore(0)

    class View:
        show = shown.append

        def close(self):
            shown.append("closed")

    def lines(_now):
        looked.release()
        return ("as ever",)

    monkeypatch.setattr(display, "_open_view", View)
    monkeypatch.setattr(display, "REFRESH_SECONDS", 0.001)
    with display.watch(Metrics(), lines=lines):
        for _ in range(3):
            assert looked.acquire(timeout=10)
    assert shown == [("as ever",), "closed"]


def test_a_notebook_updates_one_output(monkeypatch):
    shown = []
    updated = threading.Event()

    class Handle:
        def update(self, data, *, raw):
            assert raw
            shown.append(data)
            updated.set()

    module = ModuleType("IPython.display")
    module.display = lambda data, **_: shown.append(data) or Handle()
    shell = SimpleNamespace(kernel=object())
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    metrics = Metrics()
    metrics.add(Counts(read=7, inserted=7))
    metrics.set_activity("<b>")
    with display.watch(metrics):
        assert updated.wait(10)
    assert ">7 rows read" in shown[1]["text/html"]
    assert "&lt;b&gt;" in shown[1]["text/html"]
    # where no HTML is shown, and in what is saved as text
    assert shown[1]["text/plain"].startswith("7 rows read")
    assert "<b>" in shown[1]["text/plain"]
    nothing = {"text/html": "", "text/plain": ""}
    assert (shown[0], shown[-1]) == (nothing, nothing)


def test_a_report_is_plain_text_where_it_is_no_terminal():
    stream = io.StringIO()
    display.print_report(a_report(), stream)
    assert stream.getvalue() == f"{a_report()}\n"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "1;32"),
        ({"status": "failed"}, "1;31"),
        ({"counts": Counts(read=2, rejected=2)}, "1;31"),
    ],
)
def test_a_terminal_gets_colours_and_the_same_words(changes, code, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    display.print_report(a_report(**changes), stream)
    text = stream.getvalue()
    assert text.startswith(f"\x1b[{code}m")
    # what was in the rows is shown, not read as markup
    assert "[red]null[/red]" in text


@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_a_value_in_a_report_commands_no_terminal(stream_type, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = stream_type()
    display.print_report(a_report(message="\x1b]0;owned\x07"), stream)
    assert r"\x1b]0;owned\x07" in stream.getvalue()
    assert "\x1b]0" not in stream.getvalue()


def test_colours_can_be_refused(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    display.print_report(a_report(), stream)
    assert "32m" not in stream.getvalue()


def test_progress_of_a_check_is_what_was_read():
    now = Snapshot(counts=Counts(read=1_234_567), seconds=10.0)
    assert display.check_lines(now) == ("1,234,567 rows read  123,457 rows/s  0:00:10",)
    assert display.check_lines(Snapshot()) == ("0 rows read  0 rows/s  0:00:00",)
