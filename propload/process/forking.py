"""Detects processes forked from one that had already used propload or Polars."""

from __future__ import annotations

import os
import re
from pathlib import Path

from propload.errors import ConfigError

#: Ids of the processes that have used propload or Polars; a fork inherits this set.
_USED_BY: set[int] = set()

#: Where Linux lists the threads of a process, and the names of Polars' threads.
_THREADS = Path("/proc/self/task")
_WORKER = re.compile(r"polars-[0-9]+")


def refuse_forked() -> None:
    """Raise in a forked process in which Polars would hang, else note its use here.

    Polars starts threads on its first use; a fork inherits their locks without them.

    Raises:
        ConfigError: This process was forked from one that had used propload or Polars.
    """
    process = os.getpid()
    if _USED_BY - {process}:
        msg = (
            "this process was forked from one that had used propload or Polars "
            "before, and Polars' threads do not survive that: start it with "
            "multiprocessing.get_context('spawn') or 'forkserver', or fork before "
            "either is first used"
        )
        raise ConfigError(msg)
    _USED_BY.add(process)


def note_polars() -> None:
    """Note, before a fork, whether this process has used Polars, even directly."""
    if _has_workers():
        _USED_BY.add(os.getpid())


def _has_workers() -> bool:
    """Return whether Polars has started its threads, or may have if that is unknown."""
    if "POLARS_THREAD_NAME" in os.environ or not _THREADS.exists():
        return True
    return any(_WORKER.fullmatch(_name_of(thread)) for thread in _THREADS.iterdir())


def _name_of(thread: Path) -> str:
    try:
        return (thread / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it has just ended
        return ""
