"""The reports of earlier runs, each a private JSON file."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.options import Places
from propload.private_files import replace_private
from propload.report import REJECTS_GONE, from_dict
from propload.state.run_files import RunFiles, delete, written_before
from propload.state.state_folder import foreign_owner_message

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
        """Save a report; return whether that worked.

        If it cannot be written, a warning is logged: the run's outcome is settled.
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
            run_id: The run, or a prefix of its id; empty for the newest.

        Raises:
            ConfigError: There is none, or its file is not a report.
        """
        return _read(self.files.find(run_id))

    def find(self, run_id: str, /) -> Report | None:
        """Return a run's report, or None if there is none that can be read."""
        try:
            return self.read(run_id)
        except ConfigError as error:
            log.debug("%s", error)
            return None

    def newest(
        self, limit: int = 0, /, *, table: TableName | None = None
    ) -> list[Report]:
        """Return the reports of the newest runs.

        A file that is not a report is skipped with a warning.

        Args:
            limit: The most reports to return; 0 for all.
            table: The table of the runs, or None for all tables.

        Raises:
            ConfigError: The limit is not a number of reports.
        """
        reports = (report for _, report in _reports_for_table(table, self.files.all()))
        try:
            newest = islice(reports, limit or None)
        except ValueError as error:
            msg = f"limit is {limit!r}: give how many reports, or 0 for all"
            raise ConfigError(msg) from error
        return list(newest)

    def of_source(self, source: str, /, *, since: str = "") -> Iterator[Report]:
        """Yield the reports of runs of a source, newest first.

        Args:
            source: The name of the source.
            since: The id of a run; only runs that began after it are returned.
        """
        newer = takewhile(lambda name: name > since, self.files.names())
        reports = self.find_all(newer, containing=source)
        return (report for report in reports if report.source == source)

    def find_all(
        self, run_ids: Iterable[str], /, *, containing: str
    ) -> Iterator[Report]:
        """Yield the reports of those of some runs that have one.

        Args:
            run_ids: The runs.
            containing: A text; reports that do not contain it are skipped.
        """
        reports = _read_reports(map(self.files.path, run_ids), containing=containing)
        return (report for _, report in reports)

    def drop(self, before: datetime, /, *, table: TableName | None = None) -> int:
        """Delete the reports of runs that ended before a moment; return how many.

        Reports of runs whose rejected rows are kept stay: a replay takes its table from
        them.

        Args:
            before: The moment.
            table: The table of the runs, or None for all tables. If a table is given,
                files that are not reports stay.

        Raises:
            OSError: A file cannot be deleted.
        """
        old = written_before(before, self.files.all())
        if table is not None:
            old = [path for path, _ in _reports_for_table(table, old)]
        kept = {path for path, report in _read_reports(old) if report.rejects_path}
        return sum(delete(path) for path in old if path not in kept)


def _reports_for_table(
    table: TableName | None, paths: Iterable[Path]
) -> Iterator[tuple[Path, Report]]:
    """Yield files with their reports, of one table, or of all if it is None."""
    if table is None:
        return _read_reports(paths)
    reports = _read_reports(paths, containing=str(table))
    return (pair for pair in reports if pair[1].target.table == str(table))


def _read_reports(
    paths: Iterable[Path], *, containing: str = ""
) -> Iterator[tuple[Path, Report]]:
    """Yield files with their reports.

    Args:
        paths: The files.
        containing: A text; files that do not contain it are skipped before they are
            parsed, as most files of years of runs are of other tables and sources.
    """
    # ASCII only: other letters may be escaped in a file that was written by hand
    needle = json.dumps(containing)[1:-1].encode() if containing.isascii() else b""
    for path in paths:
        try:
            if needle in (text := path.read_bytes()):
                yield path, _report_of(path, text)
        except FileNotFoundError:
            # another process has dropped it since it was listed
            continue
        except OSError as error:
            log.warning("%s", _report_error(path, error))
        except ConfigError as error:
            log.warning("%s", error)


def _read(path: Path) -> Report:
    try:
        return _report_of(path, path.read_bytes())
    except OSError as error:
        raise _report_error(path, error) from error


def _report_of(path: Path, text: bytes) -> Report:
    try:
        return _with_current_rejects(from_dict(json.loads(text)), path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _report_error(path, error) from error


def _report_error(path: Path, error: Exception) -> ConfigError:
    owner_message = (
        foreign_owner_message(path) if isinstance(error, PermissionError) else ""
    )
    return ConfigError(owner_message or f"{path} is not the report of a run: {error}")


def _with_current_rejects(report: Report, path: Path) -> Report:
    """Return a report that points to its rejected rows, or notes that they are gone.

    They are found relative to the report, as the state folder may have been moved.
    """
    if report.rejects_path is None:
        return report
    rejects = Places(path.parent.parent).rejects / Path(report.rejects_path).name
    if rejects.exists():
        return replace(report, rejects_path=str(rejects))
    note = f"of its rejected rows {REJECTS_GONE}"
    return replace(report, rejects_path=None, notes=(*report.notes, note))
