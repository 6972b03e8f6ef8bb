"""The reports of earlier runs, each a private file of JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from propload.commands import Commands
from propload.errors import ConfigError
from propload.private_files import replace_private
from propload.report import REJECTS_GONE, from_dict
from propload.run_files import RunFiles, delete, written_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from propload.report import Report
    from propload.target import TableName

log = logging.getLogger(__name__)


class ReportStore:
    """The reports of all runs.

    Args:
        folder: The folder of their files.

    Attributes:
        files: The files.
    """

    def __init__(self, folder: Path) -> None:
        self.files = RunFiles(folder, ".json", "report", Commands.list_runs)

    def save(self, report: Report, /) -> bool:
        """Keep a report; return whether it is kept.

        A disk that refuses is logged: the run itself has ended well or not by then.
        """
        path = self.files.path(report.run_id)
        try:
            replace_private(path, report.to_json().encode(errors="backslashreplace"))
        except OSError as error:
            log.warning("the report was not kept in %s: %s", path, error)
            return False
        return True

    def read(self, run_id: str = "", /) -> Report:
        """Return a run's report.

        Args:
            run_id: The run, or its beginning; empty for the newest.

        Raises:
            ConfigError: There is none, or its file is none of a report.
        """
        return _read(self.files.find(run_id))

    def find(self, run_id: str, /) -> Report | None:
        """Return a run's report, or None where there is none that can be read."""
        try:
            return self.read(run_id)
        except ConfigError as error:
            log.debug("%s", error)
            return None

    def newest(
        self, limit: int = 0, /, *, table: TableName | None = None
    ) -> list[Report]:
        """Return the reports of the newest runs.

        A file that is none of a report is passed over with a warning.

        Args:
            limit: Most reports; 0 for all.
            table: The table of the runs, or None for all tables.

        Raises:
            ConfigError: The limit is no number of reports.
        """
        found = (report for _, report in _each(self.files.all(), table))
        try:
            newest = islice(found, limit or None)
        except ValueError as error:
            msg = f"limit is {limit!r}: give how many reports, or 0 for all"
            raise ConfigError(msg) from error
        return list(newest)

    def drop(self, before: datetime, /, *, table: TableName | None = None) -> int:
        """Delete the reports of runs that ended before; return how many.

        Those of runs whose rejected rows are kept stay: a replay asks them where to.

        Args:
            before: Runs that ended earlier are meant.
            table: The table of the runs, or None for all tables; what is none of a
                report then stays.

        Raises:
            OSError: The folder refuses.
        """
        old = written_before(before, self.files.all())
        if table is not None:
            old = [path for path, _ in _each(old, table)]
        kept = {path for path, report in _each(old, None) if report.rejects_path}
        return sum(delete(path) for path in old if path not in kept)


def _each(
    paths: Iterable[Path], table: TableName | None
) -> Iterator[tuple[Path, Report]]:
    """Yield files with their reports: of one table, or of all where it is None."""
    for path in paths:
        try:
            report = _read(path)
        except ConfigError as error:
            log.warning("%s", error)
            continue
        if table is None or report.target.table == str(table):
            yield path, report


def _read(path: Path) -> Report:
    try:
        return _as_of_now(from_dict(json.loads(path.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is not the report of a run: {error}"
        raise ConfigError(msg) from error


def _as_of_now(report: Report) -> Report:
    """Return a report that points to no rejected rows which are gone."""
    if report.rejects_path is None or Path(report.rejects_path).exists():
        return report
    note = f"of its rejected rows {REJECTS_GONE}"
    return replace(report, rejects_path=None, notes=(*report.notes, note))
