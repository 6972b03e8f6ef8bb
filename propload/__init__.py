"""propload loads property listings, and any other table, into PostgreSQL.

    import propload

    report = propload.ingest("homes.csv", table="homes", key="id")

Names are imported on first use, so importing propload is cheap.
"""

from __future__ import annotations

# Polars imports it later, which fails in a thread once the main thread has ended
import concurrent.futures.thread  # noqa: F401
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str

    from propload.batch import Batch as Batch
    from propload.batch import Unread as Unread
    from propload.checking.check import check as check
    from propload.checking.report import CheckReport as CheckReport
    from propload.checking.report import ColumnCheck as ColumnCheck
    from propload.earlier_runs.dropping import Dropped as Dropped
    from propload.earlier_runs.dropping import drop_old_rejects as drop_old_rejects
    from propload.earlier_runs.dropping import drop_rejects as drop_rejects
    from propload.earlier_runs.dropping import drop_runs as drop_runs
    from propload.earlier_runs.inspecting import rejects as rejects
    from propload.earlier_runs.inspecting import runs as runs
    from propload.earlier_runs.leftover_journals import drop_leftover as drop_leftover
    from propload.earlier_runs.leftover_journals import leftovers as leftovers
    from propload.earlier_runs.recovering import recover as recover
    from propload.earlier_runs.replaying import replay as replay
    from propload.errors import BlockedError as BlockedError
    from propload.errors import ConfigError as ConfigError
    from propload.errors import CountsError as CountsError
    from propload.errors import JournalError as JournalError
    from propload.errors import LoadError as LoadError
    from propload.errors import LockedError as LockedError
    from propload.errors import PropLoadError as PropLoadError
    from propload.errors import RejectLimitError as RejectLimitError
    from propload.errors import SchemaMismatchError as SchemaMismatchError
    from propload.errors import SourceError as SourceError
    from propload.errors import TransientWriteError as TransientWriteError
    from propload.errors import WriteError as WriteError
    from propload.ingesting import ingest as ingest
    from propload.journal import Leftover as Leftover
    from propload.loader import Loader as Loader
    from propload.monitoring.metrics import Metrics as Metrics
    from propload.monitoring.metrics import Snapshot as Snapshot
    from propload.options import Settings as Settings
    from propload.report import Counts as Counts
    from propload.report import ReasonCount as ReasonCount
    from propload.report import Report as Report
    from propload.report import TargetName as TargetName
    from propload.running.choosing import embedded_url as embedded_url
    from propload.target import Target as Target
    from propload.trials import Trial as Trial
    from propload.trials import Tuning as Tuning
    from propload.tuning import tune as tune

_HOMES = {
    "Batch": "batch",
    "BlockedError": "errors",
    "CheckReport": "checking.report",
    "ColumnCheck": "checking.report",
    "ConfigError": "errors",
    "Counts": "report",
    "CountsError": "errors",
    "Dropped": "earlier_runs.dropping",
    "JournalError": "errors",
    "Leftover": "journal",
    "LoadError": "errors",
    "Loader": "loader",
    "LockedError": "errors",
    "Metrics": "monitoring.metrics",
    "PropLoadError": "errors",
    "ReasonCount": "report",
    "RejectLimitError": "errors",
    "Report": "report",
    "SchemaMismatchError": "errors",
    "Settings": "options",
    "Snapshot": "monitoring.metrics",
    "SourceError": "errors",
    "Target": "target",
    "TargetName": "report",
    "TransientWriteError": "errors",
    "Trial": "trials",
    "Tuning": "trials",
    "Unread": "batch",
    "WriteError": "errors",
    "check": "checking.check",
    "drop_leftover": "earlier_runs.leftover_journals",
    "drop_old_rejects": "earlier_runs.dropping",
    "drop_rejects": "earlier_runs.dropping",
    "drop_runs": "earlier_runs.dropping",
    "embedded_url": "running.choosing",
    "ingest": "ingesting",
    "leftovers": "earlier_runs.leftover_journals",
    "recover": "earlier_runs.recovering",
    "rejects": "earlier_runs.inspecting",
    "replay": "earlier_runs.replaying",
    "runs": "earlier_runs.inspecting",
    "tune": "tuning",
}

# written out, because type checkers read it statically
__all__ = [
    "Batch",
    "BlockedError",
    "CheckReport",
    "ColumnCheck",
    "ConfigError",
    "Counts",
    "CountsError",
    "Dropped",
    "JournalError",
    "Leftover",
    "LoadError",
    "Loader",
    "LockedError",
    "Metrics",
    "PropLoadError",
    "ReasonCount",
    "RejectLimitError",
    "Report",
    "SchemaMismatchError",
    "Settings",
    "Snapshot",
    "SourceError",
    "Target",
    "TargetName",
    "TransientWriteError",
    "Trial",
    "Tuning",
    "Unread",
    "WriteError",
    "__version__",
    "check",
    "drop_leftover",
    "drop_old_rejects",
    "drop_rejects",
    "drop_runs",
    "embedded_url",
    "ingest",
    "leftovers",
    "recover",
    "rejects",
    "replay",
    "runs",
    "tune",
]


# checked here, because later imports fail on modules and signals that Windows lacks
if sys.platform == "win32":
    msg = "propload needs a POSIX system (Linux or macOS): on Windows, use WSL"
    raise ImportError(msg)


def _before_fork() -> None:
    if "polars" in sys.modules:
        import_module("propload.process.forking").note_polars()


# threads that a fork will lack can be seen only before the fork
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


def _load(name: str) -> object:
    if name == "__version__":
        from importlib import metadata  # noqa: PLC0415 - takes 40 ms

        return metadata.version("propload")
    if name not in _HOMES:
        msg = f"module 'propload' has no attribute {name!r}"
        # `name` and `obj` let a traceback suggest the name that was meant
        raise AttributeError(msg, name=name, obj=sys.modules[__name__])
    from propload.messages.tracebacks import short_interrupts  # noqa: PLC0415 - only now

    with short_interrupts():
        found: object = getattr(import_module(f"propload.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


if not TYPE_CHECKING:
    # a type checker that sees it accepts any name
    __getattr__ = _load


def __dir__() -> list[str]:
    # names that this module itself imports would clutter completion
    return sorted({*__all__, *(name for name in globals() if name[:2] == "__")})
