"""Checks the rows of a source: their outcome, and what would stop the load."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload.checking.hints import object_hints, text_hints
from propload.checking.profiling import ColumnCounts, Repeats, hashes
from propload.checking.report import CheckReport
from propload.errors import ConfigError, SchemaMismatchError
from propload.messages.wording import counted
from propload.pipeline.notes import (
    delimiter_note,
    no_rows_note,
    with_source,
    would_erase_note,
)
from propload.pipeline.row_fitting import (
    fit_rows,
    has_columns,
    note_unmatched,
    with_context,
)
from propload.prepare.mapping import UnmatchedColumns
from propload.prepare.rejected_cells import refused_cells
from propload.rejecting import ReasonCounts
from propload.report import Counts
from propload.running.advice import nothing_to_replace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from propload.batch import Deduped
    from propload.checking.checked_table import CheckedRows, CheckedTable
    from propload.options import RejectLimit
    from propload.postgres.dry_run import DryRun
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Preparer

#: The number of sets of columns that are cached, least recently used first: each has a
#: session of its own, of which a server has few. Any other is looked up again.
_SHAPES_KEPT = 4


class Scan:
    """Checks the rows of a source, and predicts their outcome.

    Args:
        preparer: Maps and checks them.
        table: The table that they would be written to.
        problems: What is known to stop the load.
        limit: How many rejected rows a load allows.
        one_by_one: Whether rows arrive one by one, so that the first ones may lack a
            key that the table has.
    """

    def __init__(
        self,
        preparer: Preparer,
        table: CheckedTable,
        problems: list[str],
        *,
        limit: RejectLimit,
        one_by_one: bool,
    ) -> None:
        self._limit = limit
        self._one_by_one = one_by_one
        self._preparer = preparer
        self._table = table
        self._target = table.target
        self._problems = [*problems, *table.find_problems()]
        self._fitted: dict[tuple[str, ...], CheckedRows] = {}
        self._expected = Counts()
        self._undetermined = 0
        self._erased: Counter[str] = Counter()
        self._columns = ColumnCounts()
        self._undecided = ""
        self._unmatched = UnmatchedColumns(preparer.mapping)
        self._rows = Repeats()
        self._keys = Repeats()
        self._reasons = ReasonCounts()
        self._read = self._rejected = 0

    def add(self, joined: Joined) -> None:
        """Check some rows, and note their outcome."""
        self._read += joined.height + joined.unread
        for _, unread in joined.refused_by_source():
            self._count_rejected(unread)
        fitted = self._fit(joined)
        if fitted is None:
            return
        preparer = with_context(fitted.preparer, joined)
        raw = joined.raw()
        sifted, _ = preparer.validate(raw)
        self._count_rejected(sifted.reasons)
        frame = sifted.frame.drop(ROW)
        self._columns.add(frame.iter_columns())
        self._columns.add(refused_cells(preparer, raw, sifted.reasons))
        if not frame.height:
            return
        if fitted.dry_run is not None:
            self._forecast_rows(preparer.layer(sifted.frame), fitted.dry_run)
        self._rows.add(hashes(frame))
        if self._target.key:
            self._keys.add(hashes(frame.select(self._target.key)))

    def report(self, source: str, notes: Collection[str]) -> CheckReport:
        """Return the report on all rows.

        Args:
            source: The name of the source.
            notes: Notes of the source on how it was read.
        """
        problems = [*self._problems, *self._problems_of_all(source)]
        all_notes = [*self._table.notes, *notes, *self._notes_of_all()]
        return CheckReport(
            source=source,
            table=str(self._target.table),
            exists=self._table.facts is not None,
            rows=self._read,
            rejected=self._rejected,
            columns=self._columns.checks(self._table.types),
            reasons=self._reasons.counted,
            key=self._target.key,
            key_repeats=self._keys.count,
            row_repeats=self._rows.count,
            problems=tuple(dict.fromkeys(problems)),
            expected=None if problems else self._forecast(),
            notes=tuple(dict.fromkeys(all_notes)),
        )

    def _notes_of_all(self) -> Iterator[str]:
        """Yield the notes that depend on all rows."""
        if self._undetermined:
            yield (
                f"what becomes of {counted(self._undetermined, 'row')} depends on "
                "other rows of the same key that are equally new, or refused: it is "
                "not predicted"
            )
        repeated = self._keys.count > 0
        yield from would_erase_note(self._erased, self._target, repeated=repeated)
        yield from self._table.newest_as_text_notes()
        yield from self._unmatched.notes
        yield from self._table.replaced_note()
        if self._undecided and not self._table.types:
            yield self._undecided

    def _problems_of_all(self, source: str) -> Iterator[str]:
        """Yield the problems that depend on all rows."""
        rejected, read = self._rejected, self._read
        if self._target.mode == "replace" and read == rejected:
            yield nothing_to_replace(source, self._target)
        if self._limit.is_passed(rejected=rejected, read=read, ended=True):
            yield (
                f"{rejected:,} of {counted(read, 'row')} would be rejected, which is "
                "more than max_rejects allows"
            )

    def _forecast(self) -> Counts | None:
        """Return the predicted counts, or None if they do not cover all rows."""
        if self._table.facts is None:
            return None
        expected = replace(self._expected, read=self._read, rejected=self._rejected)
        return expected if expected.accounted == expected.read else None

    def _forecast_rows(self, deduped: Deduped, dry_run: DryRun) -> None:
        forecast = dry_run.forecast(deduped)
        self._expected += forecast.counts
        self._count_rejected(forecast.reasons)
        self._undetermined += forecast.undetermined
        self._erased.update(forecast.erased)

    def _fit(self, joined: Joined) -> CheckedRows | None:
        columns = joined.parts[0].rows.schema
        shape = tuple(f"{field.name}:{field.type}" for field in columns)
        if shape in self._fitted:
            # keep the most recently used one last
            self._fitted[shape] = self._fitted.pop(shape)
        elif has_columns(joined):
            fitted = self._fit_first(joined)
            if fitted is None:
                return None
            problems: list[str] = []
            created_as = joined.first.parts[0].created_as
            self._fitted[shape] = self._table.fit(fitted, created_as, problems)
            self._problems += [
                self._with_source(problem, joined) for problem in problems
            ]
            self._table.notes += [] if problems else delimiter_note(joined)
            if len(self._fitted) > _SHAPES_KEPT:
                self._fitted.pop(next(iter(self._fitted))).close()
        return self._fitted.get(shape)

    def _fit_first(self, joined: Joined) -> Preparer | None:
        """Return the preparer for rows with these columns, or None if there is none."""
        facts = self._table.current_facts
        exists = self._table.facts is not None
        lenient = bool(self._fitted) or (self._one_by_one and exists)
        try:
            fitted = fit_rows(self._preparer, joined, facts, lenient=lenient)
        except (ConfigError, SchemaMismatchError) as error:
            self._problems.append(self._with_source(error, joined))
            return None
        note_unmatched(self._unmatched, joined)
        if facts is None and not fitted.determines_types(joined):
            self._undecided = no_rows_note(joined, self._target)
            return None
        if facts is None:
            self._table.notes += _hints(fitted, joined)
        # inferred types apply to all rows of a run
        self._preparer = replace(self._preparer, inferred=fitted.inferred)
        return fitted

    def _with_source(self, message: object, joined: Joined) -> str:
        # the report already begins with the source's name
        return with_source(message, joined, shown=self._preparer.context.source)

    def _count_rejected(self, reasons: pl.DataFrame) -> None:
        self._rejected += reasons[ROW].n_unique()
        self._reasons.add(reasons)


def _hints(fitted: Preparer, joined: Joined) -> list[str]:
    """Return hints on columns that would be text or JSON in a new table.

    Empty if the delimiter may be wrong: then these are not the real columns.
    """
    if fitted.checker is not None or delimiter_note(joined):
        return []
    names = [name for name in fitted.unmapped(fitted.schema) if name not in fitted.key]
    if joined.untyped:
        texts = [name for name in names if fitted.schema[name] == pl.String]
        return text_hints(joined.raw(), texts)
    types = joined.parts[0].created_as
    raw = joined.raw()
    objects = [
        name
        for name in names
        if types.get(name) == "jsonb" and raw.schema[name] == pl.String
    ]
    return object_hints(raw, objects)
