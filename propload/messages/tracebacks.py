"""Tracebacks for IPython: only the user's own lines, and the message."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PROPLOAD = Path(__file__).parents[1]
_INSTALLED = {"site-packages", "dist-packages"}
_CAUSE_SEPARATOR = (
    "\nThe above exception was the direct cause of the following exception:\n"
)


@contextmanager
def short_interrupts() -> Iterator[None]:
    """Within the block, an interrupt shows IPython what an error of propload does."""
    try:
        yield
    except KeyboardInterrupt as error:
        # what IPython calls; a class of its own would be shown under another name
        vars(error)["_render_traceback_"] = partial(own_lines, error)
        raise


def own_lines(error: BaseException, /, *, whole: bool = False) -> list[str]:
    """Return the traceback of an error for IPython.

    The message says what is wrong and what to do. Above it, a notebook would show up to
    200 lines of calls within propload, with the user's own cell somewhere among them.

    Args:
        error: The error.
        whole: Whether to show all calls, which `%xmode Verbose` requests as well.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    own = _own(error.__traceback__)
    if shell is None:
        return traceback.format_exception(error)
    view = shell.InteractiveTB
    if whole or own is None or view.mode == "Verbose":
        return _shown(view, error, error.__traceback__, offset=None)
    # without its causes, which IPython would show: most have no line of the user's
    summary = Exception(str(error))
    for note in getattr(error, "__notes__", ()):
        summary.add_note(note)
    if isinstance(error, KeyboardInterrupt) and isinstance(error.__cause__, Exception):
        # its own message is the signal's name; this one says how to continue
        summary.add_note(str(error.__cause__))
    lines = _shown(view, summary, own, kind=type(error))
    cause = _first_cause(error)
    raised = _own(cause.__traceback__) if cause else None
    if cause is None or raised is None:
        return lines
    return [*_shown(view, cause, raised), _CAUSE_SEPARATOR, *lines]


def _shown(
    view: Any,  # IPython's
    error: BaseException,
    trace: TracebackType | None,
    *,
    kind: type[BaseException] | None = None,
    offset: int | None = 0,
) -> list[str]:
    # variables hold the connection string with its password
    previous, view.include_vars = view.include_vars, False
    try:
        lines: list[str] = view.structured_traceback(
            kind or type(error), error, trace, tb_offset=offset
        )
    finally:
        view.include_vars = previous
    return lines


def _first_cause(error: BaseException) -> BaseException | None:
    cause = error.__cause__
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    return cause


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Return the entries of a traceback that are neither propload's nor a library's."""
    own = None
    for frame in reversed(list(_entries(trace))):
        if _is_own(_file_of(frame.tb_frame)):
            own = TracebackType(own, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return own


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _file_of(frame: FrameType) -> str:
    """Return the file of a frame's code, or of its module if the code was generated.

    A dataclass generates `__init__`; Cython names its source as it was built from.
    """
    name = frame.f_code.co_filename
    is_generated = name == "<string>" or name.endswith((".pyx", ".pxi"))
    return frame.f_globals.get("__file__", name) if is_generated else name


def _is_own(name: str) -> bool:
    path = Path(name)
    if path.is_relative_to(_PROPLOAD) or _INSTALLED & set(path.parts):
        return False
    # frozen modules of Python have no file
    is_python = path.is_relative_to(sysconfig.get_path("stdlib"))
    return not (is_python or name.startswith("<frozen "))
