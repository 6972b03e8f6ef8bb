"""With what code a command ends that ran something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.errors import RejectLimitError
from propload.process.early_signals import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.errors import PropLoadError
    from propload.report import Report, Status

#: How a run that raised nothing ended.
_EXIT_CODES: Mapping[Status, int] = {
    "loaded": 0,
    "failed": 1,
    "stopped": RejectLimitError.exit_code,
    "blocked": 5,
    "interrupted": INTERRUPTED,
}


def exit_code(report: Report, /) -> int:
    """Return the exit code of a command whose run ended with a report.

    Nobody who runs it from cron sees that a site or a file changed, if a run that
    refused every row ends as one that loaded them.
    """
    if report.status == "loaded" and report.counts.all_rejected:
        return RejectLimitError.exit_code
    return _EXIT_CODES[report.status]


def code_of(error: PropLoadError | KeyboardInterrupt, /) -> int:
    """Return the exit code of a command that failed or was interrupted."""
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else error.exit_code
