"""The exit codes of commands that start a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import RejectLimitError
from propload.process.early_signals import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.errors import PropLoadError
    from propload.report import Report, Status

#: The exit code for each status of a run that raised no error.
_EXIT_CODES: Mapping[Status, int] = {
    "loaded": 0,
    "failed": 1,
    "stopped": RejectLimitError.exit_code,
    "blocked": 5,
    "interrupted": INTERRUPTED,
}


def exit_code(report: Report, /) -> int:
    """Return the exit code of a command whose run ended with a report.

    A run that rejected every row exits as one that the reject limit stopped: with 0, a
    cron job would never show that a site or a file has changed.
    """
    if report.status == "loaded" and report.counts.all_rejected:
        return RejectLimitError.exit_code
    return _EXIT_CODES[report.status]


def code_of(error: PropLoadError | KeyboardInterrupt, /) -> int:
    """Return the exit code of a command that raised an error or was interrupted."""
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else error.exit_code
