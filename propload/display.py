"""Shows a run live on a terminal or in a notebook, and prints its report.

Nothing here writes to stdout during a run.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from propload.messages.notebook_html import preformatted
from propload.messages.wording import counted, visible
from propload.process.threads import start_thread
from propload.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from propload.monitoring.metrics import Metrics, Snapshot

#: Often enough to look live, seldom enough to cost nothing.
REFRESH_SECONDS = 0.25
#: Width of a bar in characters.
_BAR = 8
#: JupyterLab hides what a cell shows after its first 50 outputs, the result as well.
_MOST_OUTPUTS = 10
#: Blocks that fill 0/8 to 7/8 of a character.
_EIGHTHS = " ▏▎▍▌▋▊▉"


def progress_lines(now: Snapshot) -> tuple[str, ...]:
    """Return the lines that show a run's progress on a terminal or in a notebook."""
    counts = now.counts
    lanes = " ".join(_bar(fill) for fill in now.fill.lanes)
    first = (
        f"{counted(counts.read, 'row')} read  "
        f"{counts.accounted - counts.rejected:,} done  "
        f"{now.rows_per_second:,.0f} rows/s  {counts.rejected:,} rejected  "
        f"{_clock(now.seconds)}"
    )
    second = f"queue {_bar(now.fill.queue)}"
    if lanes:
        second += f"  lanes {lanes}"
    if now.memory_bytes:
        second += f"  memory {now.memory_bytes / (1 << 20):,.0f} MB"
    if now.retries:
        second += f"  {counted(now.retries, 'retry')}"
    return (first, second, now.activity) if now.activity else (first, second)


def check_lines(now: Snapshot) -> tuple[str, ...]:
    """Return the lines that show a check's progress on a terminal or in a notebook."""
    pace = now.counts.read / now.seconds if now.seconds else 0.0
    read = counted(now.counts.read, "row")
    return (f"{read} read  {pace:,.0f} rows/s  {_clock(now.seconds)}",)


@contextmanager
def watch(
    metrics: Metrics,
    /,
    *,
    wanted: bool = True,
    lines: Callable[[Snapshot], tuple[str, ...]] = progress_lines,
) -> Iterator[None]:
    """Show a run live while the block runs, on a terminal or in a notebook.

    On a terminal it is drawn on stderr, in a notebook in the cell's output; elsewhere
    nothing is shown.

    Args:
        metrics: The counters of the run.
        wanted: Whether it is to be shown at all.
        lines: Returns the lines to show for a snapshot of the counters.
    """
    view = _open_view() if wanted else None
    if view is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(
        target=_show_until,
        args=(ended, lambda: lines(metrics.snapshot()), view),
        name="propload-display",
        daemon=True,
    )
    start_thread(thread)
    try:
        yield
    finally:
        ended.set()
        thread.join()


def print_report(report: object, /, stream: TextIO | None = None) -> None:
    """Print a report, with colours where the stream is a terminal.

    Args:
        report: A `Report`, `CheckReport` or anything else with a readable `str()`.
        stream: Where to print it; stdout by default.
    """
    stream = stream or sys.stdout
    text = visible(str(report))
    if not _is_terminal(stream):
        print(text, file=stream)
        return
    # soft_wrap: the terminal wraps long messages, rich does not break them
    console = Console(file=stream, highlight=False)
    for number, line in enumerate(text.splitlines()):
        style = _headline_style(report) if number == 0 else _line_style(line)
        console.print(Text(line, style=style), soft_wrap=True)


def _headline_style(report: object) -> str:
    if not isinstance(report, Report):
        return "bold"
    is_well = report.status == "loaded" and not report.counts.all_rejected
    return "bold green" if is_well else "bold red"


def _line_style(line: str) -> str:
    word = line.strip().partition(" ")[0].rstrip(":")
    if word in {"rejected", "refused", "rejects"}:
        return "yellow"
    return "dim" if word == "note" else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _bar(share: float) -> str:
    eighths = round(min(max(share, 0.0), 1.0) * _BAR * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (_EIGHTHS[part] if part else "")
    return f"▕{bar.ljust(_BAR)}▏"


def _open_view() -> _TerminalView | _NotebookView | None:
    if _is_in_notebook():
        return _NotebookView()
    if _is_terminal(sys.stderr) and _can_move_up():
        return _TerminalView()
    return None


def _can_move_up() -> bool:
    """Return whether the terminal can overwrite its lines.

    That of a command run in a notebook cell (`!propload ingest`) cannot: every refresh
    would leave its lines there, to be saved with the notebook.
    """
    return os.environ.get("TERM") != "dumb" and "JPY_PARENT_PID" not in os.environ


def _is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal.

    The program may have been started without it, may have closed it, or may have
    replaced it by an object that is not a file.
    """
    if stream is None or getattr(stream, "closed", False):
        return False
    return hasattr(stream, "isatty") and stream.isatty()


def _is_in_notebook() -> bool:
    # a kernel has imported IPython; elsewhere it should not be imported for this
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


class _TerminalView:
    """Lines at the bottom of the terminal that are removed after the run."""

    def __init__(self) -> None:
        self._live = Live(
            console=Console(stderr=True, highlight=False),
            auto_refresh=False,
            transient=True,
            # stdout is for the result; what is logged is printed above the lines
            redirect_stdout=False,
            redirect_stderr=True,
        )
        self._live.start()

    def show(self, lines: Sequence[str]) -> None:
        """Show the lines in place of the previous ones."""
        text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        self._live.update(text, refresh=True)

    def close(self) -> None:
        """Clear what was shown."""
        self._live.stop()


class _NotebookView:
    """One output of the cell, updated in place."""

    def __init__(self) -> None:
        self._cell = _running_cell()
        self._handle: Any = _ended_outputs.take(self._cell)
        if self._handle is None:
            shown = import_module("IPython.display")  # only kernels need it
            self._handle = shown.display(_both([]), raw=True, display_id=True)

    def show(self, lines: Sequence[str]) -> None:
        """Show the lines in place of the previous ones."""
        self._handle.update(_both(lines), raw=True)

    def close(self) -> None:
        """Clear what was shown."""
        # the report that follows has all of it
        self._handle.update(_both([]), raw=True)
        _ended_outputs.keep(self._cell, self._handle)


class _EndedOutputs:
    """Cleared outputs of a cell, which its later runs use once there are enough.

    The first runs have one each, so that each is shown below what the cell has printed
    before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cell = ""
        self._handles: list[Any] = []

    def take(self, cell: str) -> Any:
        """Return the last of many outputs of the cell, None if there are few."""
        with self._lock:
            if cell and cell == self._cell and len(self._handles) >= _MOST_OUTPUTS:
                return self._handles.pop()
            return None

    def keep(self, cell: str, handle: Any) -> None:
        """Keep an output that a run of the cell has cleared."""
        with self._lock:
            if cell != self._cell:
                self._cell, self._handles = cell, []
            self._handles.append(handle)


_ended_outputs = _EndedOutputs()


def _running_cell() -> str:
    """Return what identifies the execution of this thread's cell; "" if unknown."""
    parent = sys.modules["IPython"].get_ipython().get_parent() or {}
    return str(parent.get("header", {}).get("msg_id", ""))


def _both(lines: Sequence[str]) -> dict[str, str]:
    """Return lines as HTML, and as text for viewers and formats without HTML."""
    text = "\n".join(lines)
    shown = preformatted(text) if lines else ""
    return {"text/html": shown, "text/plain": text}


def _show_until(
    ended: threading.Event,
    make_lines: Callable[[], tuple[str, ...]],
    view: _TerminalView | _NotebookView,
) -> None:
    """Show a run until it has ended, with an update every quarter second if it changed.

    If showing it fails (on a closed terminal), nothing more is shown; the run goes on.
    """
    shown: tuple[str, ...] = ()
    with suppress(OSError):
        while not ended.is_set():
            lines = make_lines()
            # each update is a message to the notebook and changes its file
            if lines != shown:
                view.show(lines)
                shown = lines
            ended.wait(REFRESH_SECONDS)
        view.close()
