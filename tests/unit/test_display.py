"""Progress and reports, as terminals and notebooks show them."""

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
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


def make_report(**changes):
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


def test_progress_shows_counts_speed_time_fill_memory_and_activity():
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


def test_progress_of_a_new_run_has_no_lanes_and_no_memory():
    lines = display.progress_lines(Snapshot())
    assert len(lines) == 2
    assert "memory" not in lines[1]
    assert "lanes" not in lines[1]


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.01, 0.33, 0.999, 1.0, 7.0])
def test_bar_has_the_same_width_for_any_share(share):
    now = Snapshot(fill=Fill(queue=share))
    assert len(display.progress_lines(now)[1]) == len("queue ") + 10


def test_without_a_terminal_nothing_is_shown_and_no_thread_started(capsys):
    before = threading.active_count()
    with display.watch(Metrics()):
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("exists", [True, False])
def test_closed_or_missing_stderr_disables_progress(monkeypatch, exists):
    stream = Terminal() if exists else None
    if stream is not None:
        stream.close()
    # in a program that was started without stderr, Python sets it to None
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    before = threading.active_count()
    with display.watch(Metrics()):
        assert threading.active_count() == before


class Tee:
    """A program's own stream, which prints but is not a file."""

    def __init__(self):
        self.written = []
        self.write = self.written.append

    def flush(self):
        pass


def test_custom_stream_as_stderr_gets_reports_but_no_progress(
    monkeypatch,
):
    stream = Tee()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with display.watch(Metrics()):
        pass
    assert stream.written == []
    display.print_report(make_report(), stream)
    assert "".join(stream.written) == f"{make_report()}\n"


def test_progress_is_drawn_on_stderr_and_leaves_stdout_alone(monkeypatch, capsys):
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
def test_terminal_that_cannot_redraw_lines_shows_no_progress(name, value, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    with display.watch(Metrics()):
        pass
    assert stream.getvalue() == ""


def test_display_thread_ends_as_soon_as_its_block(monkeypatch):
    # if the wait could not be interrupted, the block would last this long
    monkeypatch.setattr(display, "REFRESH_SECONDS", 3_600)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(KeyError), display.watch(Metrics()):
        raise KeyError
    assert not [t for t in threading.enumerate() if t.name == "propload-display"]


def test_terminal_that_is_closed_midway_does_not_fail_the_run(monkeypatch):
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


def test_unchanged_progress_is_shown_once(monkeypatch):
    # each update changes a notebook's file, and a Loader may wait for a day
    shown = []
    refreshed = threading.Semaphore(0)

    class View:
        show = shown.append

        def close(self):
            shown.append("closed")

    def lines(_now):
        refreshed.release()
        return ("as ever",)

    monkeypatch.setattr(display, "_open_view", View)
    monkeypatch.setattr(display, "REFRESH_SECONDS", 0.001)
    with display.watch(Metrics(), lines=lines):
        for _ in range(3):
            assert refreshed.acquire(timeout=10)
    assert shown == [("as ever",), "closed"]


class Notebook:
    """A kernel's display, and the outputs of all cells as they were shown."""

    def __init__(self):
        self.cell = "1"
        self.outputs = []
        self.updated = threading.Event()
        self.kernel = object()

    def get_parent(self):
        return {"header": {"msg_id": self.cell}}

    def display(self, data, *, raw, display_id):
        assert raw
        assert display_id
        shown = [data]
        self.outputs.append(shown)

        def update(data, *, raw):
            assert raw
            shown.append(data)
            self.updated.set()

        return SimpleNamespace(update=update)


@pytest.fixture
def notebook(monkeypatch):
    double = Notebook()
    module = ModuleType("IPython.display")
    module.display = double.display
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: double
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(display, "_ended_outputs", display._EndedOutputs())
    return double


def test_notebook_updates_a_single_output(notebook):
    metrics = Metrics()
    metrics.add(Counts(read=7, inserted=7))
    metrics.set_activity("<b>")
    with display.watch(metrics):
        assert notebook.updated.wait(10)
    (shown,) = notebook.outputs
    assert ">7 rows read" in shown[1]["text/html"]
    assert "&lt;b&gt;" in shown[1]["text/html"]
    # for viewers without HTML, and for notebooks saved as text
    assert shown[1]["text/plain"].startswith("7 rows read")
    assert "<b>" in shown[1]["text/plain"]
    nothing = {"text/html": "", "text/plain": ""}
    assert (shown[0], shown[-1]) == (nothing, nothing)


def test_a_loop_of_loads_leaves_few_outputs_in_its_cell(notebook):
    # JupyterLab hides all that comes after 50 outputs
    for _ in range(60):
        with display.watch(Metrics()):
            pass
    assert len(notebook.outputs) == 10


def test_another_cell_gets_an_output_of_its_own(notebook):
    for cell in ("a", "b"):
        notebook.cell = cell
        for _ in range(20):
            with display.watch(Metrics()):
                pass
    assert len(notebook.outputs) == 20


def test_loads_at_the_same_time_never_share_an_output(notebook):
    for _ in range(10):
        with display.watch(Metrics()):
            pass
    with display.watch(Metrics()), display.watch(Metrics()), display.watch(Metrics()):
        assert len(notebook.outputs) == 12


def test_report_is_plain_text_if_the_stream_is_no_terminal():
    stream = io.StringIO()
    display.print_report(make_report(), stream)
    assert stream.getvalue() == f"{make_report()}\n"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "1;32"),
        ({"status": "failed"}, "1;31"),
        ({"counts": Counts(read=2, rejected=2)}, "1;31"),
    ],
)
def test_report_on_a_terminal_is_coloured_by_its_outcome(changes, code, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    display.print_report(make_report(**changes), stream)
    text = stream.getvalue()
    assert text.startswith(f"\x1b[{code}m")
    # text from rows is shown as it is, not read as markup
    assert "[red]null[/red]" in text


@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_control_characters_in_a_report_are_escaped(stream_type, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = stream_type()
    display.print_report(make_report(message="\x1b]0;owned\x07"), stream)
    assert r"\x1b]0;owned\x07" in stream.getvalue()
    assert "\x1b]0" not in stream.getvalue()


def test_no_color_variable_turns_colours_off(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    display.print_report(make_report(), stream)
    assert "32m" not in stream.getvalue()


def test_progress_of_a_check_shows_only_rows_read():
    now = Snapshot(counts=Counts(read=1_234_567), seconds=10.0)
    assert display.check_lines(now) == ("1,234,567 rows read  123,457 rows/s  0:00:10",)
    assert display.check_lines(Snapshot()) == ("0 rows read  0 rows/s  0:00:00",)
