"""The reports of earlier runs, each a private file of JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.private_files import replace_private
from propload.report import REJECTS_GONE, from_dict
from propload.run_files import RunFiles, written_before

if TYPE_CHECKING:
    from datetime import datetime

    from propload.report import Report

log = logging.getLogger(__name__)


class ReportStore:
    """The reports of all runs.

    Args:
        folder: The folder of their files.

    Attributes:
        files: The files.
    """

    def __init__(self, folder: Path) -> None:
        self.files = RunFiles(folder, ".json", "such run", "propload runs list")

    def save(self, report: Report, /) -> None:
        """Keep a report.

        A disk that refuses is logged: the run itself has ended well or not by then.
        """
        path = self.files.path(report.run_id)
        try:
            replace_private(path, report.to_json().encode())
        except OSError as error:
            log.warning("the report was not kept in %s: %s", path, error)

    def read(self, run_id: str = "", /) -> Report:
        """Return a run's report.

        Args:
            run_id: The run, or its beginning; empty for the newest.

        Raises:
            ConfigError: There is none, or its file is none of a report.
        """
        return _read(self.files.find(run_id))

    def newest(self, limit: int = 0, /) -> list[Report]:
        """Return the reports of the newest runs, those of all where there is no limit.

        A file that is none of a report is passed over with a warning.
        """
        found: list[Report] = []
        for path in self.files.all():
            try:
                found.append(_read(path))
            except ConfigError as error:
                log.warning("%s", error)
            if limit and len(found) == limit:
                break
        return found

    def drop(self, before: datetime, /) -> int:
        """Delete the reports of runs that ended before; return how many.

        Raises:
            OSError: The folder refuses.
        """
        old = written_before(before, self.files.all())
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _read(path: Path) -> Report:
    try:
        return _as_of_now(from_dict(json.loads(path.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is not the report of a run: {error}"
        raise ConfigError(msg) from error


def _as_of_now(report: Report) -> Report:
    """Return a report that points to no refused rows which are gone."""
    if report.rejects_path is None or Path(report.rejects_path).exists():
        return report
    note = f"of its refused rows {REJECTS_GONE}"
    return replace(report, rejects_path=None, notes=(*report.notes, note))
