"""Processes that were forked from one that had loaded already."""

from __future__ import annotations

import os
import re
from pathlib import Path

from propload.errors import ConfigError

#: The processes that have used propload or Polars; a fork inherits them.
_USED_BY: set[int] = set()

#: Where Linux tells the names of a process's threads, and that of Polars' workers.
_THREADS = Path("/proc/self/task")
_WORKER = re.compile(r"polars-[0-9]+")


def refuse_forked() -> None:
    """Refuse to work where Polars would wait for ever, and note that it works here.

    Polars starts threads when it is first used; a fork has their locks, and not them.

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
    """Note, before a fork, whether Polars works here, without propload as well."""
    if _has_workers():
        _USED_BY.add(os.getpid())


def _has_workers() -> bool:
    """Whether Polars has started its threads, or may have where nothing tells."""
    if "POLARS_THREAD_NAME" in os.environ or not _THREADS.exists():
        return True
    return any(_WORKER.fullmatch(_name_of(one)) for one in _THREADS.iterdir())


def _name_of(thread: Path) -> str:
    try:
        return (thread / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it has just ended
        return ""
