"""Fits rows with one set of columns to their table: types, plan, writers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from propload.batch import Deduped, no_reasons
from propload.errors import ConcurrentCreateError, ConfigError, SchemaMismatchError
from propload.names.type_names import type_name
from propload.pipeline.notes import (
    delimiter_note,
    newest_as_text_notes,
    no_rows_note,
    with_source,
)
from propload.pipeline.row_fitting import (
    fit_rows,
    has_columns,
    note_unmatched,
    with_context,
    without_casts,
)
from propload.pipeline.stages import Routing
from propload.prepare.casting.inference import type_names, types_by_name
from propload.prepare.mapping import UnmatchedColumns
from propload.prepare.preparing import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from propload.postgres.database import Database
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.loading_run import LoadingRun
    from propload.postgres.prepared_target import PreparedTarget
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Preparer
    from propload.target import ColumnPlan, OnRefused, Target, Writer

log = logging.getLogger(__name__)

#: How many first rows are tried against the schema: checking 50,000 takes 20 ms.
TRIED_ROWS = 1_000


def _try_schema(preparer: Preparer, joined: Joined) -> None:
    """Raise if the first rows do not match the schema as a whole.

    Otherwise a wrong table would be created, which would then refuse corrected rows.

    Raises:
        SchemaMismatchError: They do not match.
    """
    if preparer.checker is not None:
        without_casts(preparer).validate(joined.first.raw().head(TRIED_ROWS))


def _describe_plan(plan: Sequence[ColumnPlan]) -> str:
    """Return how columns are cast and sent, for the log."""
    return ", ".join(
        f"{column.column} {type_name(column.dtype)} → {column.pg_type}"
        + (" by a cast of the server" if column.transfer_format == "text" else "")
        for column in plan
    )


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Rows of one set of columns, their preparer and their table.

    Attributes:
        preparer: Maps, checks, dedupes and routes.
        prepared_target: The table, ready to be written.
    """

    preparer: Preparer
    prepared_target: PreparedTarget

    @property
    def routing(self) -> Routing:
        """What decides which lane takes a row with these columns."""
        types = {column.column: column.dtype for column in self.preparer.plan}
        key = tuple(types[name] for name in self.preparer.key if name in types)
        return Routing(self.preparer.together, key)

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:
        """Return the prepared rows."""
        preparer = with_context(self.preparer, joined)
        if together is not None:
            preparer = replace(preparer, together=together)
        return preparer.prepare(joined.raw())

    def open_writer(self, lane: int, on_rejected: OnRefused) -> Writer:
        """Return a writer for a lane, which reports rejected rows before it commits."""
        return self.prepared_target.open_writer(lane, on_refused=on_rejected)


@dataclass(frozen=True, slots=True)
class NoRows:
    """Rows none of which could be read: they are entered in the ledger, not written.

    Attributes:
        run: The run, entered in its ledger.
        lanes: How many lanes enter a piece.
        routing: None, as no row goes to a lane.
    """

    run: LoadingRun
    lanes: int
    routing: None = None

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:  # noqa: ARG002 - the protocol's signature
        """Return no rows for any lane, and no reasons."""
        return Prepared([Deduped(())] * self.lanes, no_reasons())

    def open_writer(self, lane: int, on_rejected: OnRefused) -> Writer:  # noqa: ARG002 - as above
        """Return a writer for a lane, which enters pieces without rows."""
        return self.run.open_entry_writer(lane)


class TableFit:
    """Fits rows to the target: called once for each set of columns of a run.

    Args:
        database: Where the table is.
        target: The table and its rules.
        preparer: How rows are mapped and checked, without columns and plan yet.
        run: The run, as the ledger records it, with the types that earlier processes
            of it inferred.
        pg_types: PostgreSQL types for columns of a table that is created.
        lenient: Whether rows arrive one by one, so that the first ones may lack a key
            that the table has.
        expected: Returns how many rows the run will have, or None if that is unknown;
            itself None for a run that an earlier process began.

    Attributes:
        is_fitted: Whether the table is ready, and rows have been fitted to it.
        has_made: Whether the run created the table.
    """

    def __init__(
        self,
        database: Database,
        target: Target,
        preparer: Preparer,
        run: RunRecord,
        pg_types: Mapping[str, str],
        *,
        lenient: bool = False,
        expected: Callable[[], int | None] | None = None,
    ) -> None:
        self._lenient = lenient
        self._on_entered: list[Callable[[], None]] = []
        self._expected = expected
        self._database = database
        self._target = target
        self._preparer = replace(preparer, inferred=types_by_name(run.guessed))
        self._run = run
        self._pg_types = pg_types
        self._undecided = ""
        self.has_made = False
        self._notes: dict[str, None] = {}
        self.is_fitted = False
        self._unmatched = UnmatchedColumns(preparer.mapping)
        self._no_rows: NoRows | None = None

    def __call__(self, joined: Joined) -> FittedTable | NoRows | None:
        """Return how rows with these columns are prepared and written.

        Types are inferred from the source's own first batch, so that they do not
        depend on how many rows are joined. If the table has to be created and there is
        no row to infer types from, the result only enters rows that could not be read,
        or is None if there are none.

        Raises:
            ConfigError: A column of the key, `newest` or the mapping does not exist.
            SchemaMismatchError: The rows do not fit the table.
        """
        try:
            fitted = self._fit(joined) or self._enter_unread(joined)
        except (ConfigError, SchemaMismatchError) as error:
            raise type(error)(with_source(error, joined)) from error
        if fitted is not None:
            while self._on_entered:
                self._on_entered.pop()()
        return fitted

    def on_entered(self, listener: Callable[[], None], /) -> None:
        """Call `listener` once the ledger knows the run, before a row is stored."""
        self._on_entered.append(listener)

    def _enter_unread(self, joined: Joined) -> NoRows | None:
        """Return how to enter unread rows in the ledger, or None if there are none."""
        if joined.unread and self._no_rows is None:
            run = self._database.enter(self._run)
            self._no_rows = NoRows(run, self._preparer.lanes)
        return self._no_rows if joined.unread else None

    def _fit(self, joined: Joined) -> FittedTable | None:
        if not has_columns(joined):
            return None
        before = self._preparer, self._run
        try:
            return self._fit_to_table(joined)
        except ConcurrentCreateError as error:
            # now that table decides the types, not those inferred for a new one
            self._preparer, self._run = before
            log.info("rows are fitted anew: %s", error)
            return self._fit_to_table(joined)

    def _fit_to_table(self, joined: Joined) -> FittedTable | None:
        facts = self._database.facts(self._target.table)
        self._follow_table(facts)
        preparer = fit_rows(
            self._preparer,
            joined,
            facts,
            lenient=self.is_fitted or (self._lenient and facts is not None),
        )
        note_unmatched(self._unmatched, joined)
        # a table that has vanished since is not created again: `prepare` refuses that
        must_create = facts is None and not self.is_fitted
        if must_create and not preparer.determines_types(joined):
            self._undecided = no_rows_note(joined, self._target)
            return None
        if must_create:
            _try_schema(preparer, joined)
        # before the table is created: a later process of the run will find it there
        self._use_inferred_types(preparer.inferred)
        table = self._database.prepare(
            self._target,
            preparer.schema,
            facts,
            run=self._run,
            pg_types={
                **preparer.created_as(joined.first.parts[0].created_as),
                **self._pg_types,
            },
            expected=self._expected,
        )
        self.has_made = self.has_made or facts is None
        self.is_fitted = True
        self._collect_notes(table, preparer.schema, joined)
        return FittedTable(
            preparer.with_plan(table.plan, together=table.single_lane), table
        )

    def _follow_table(self, facts: TableFacts | None) -> None:
        """Forget types inferred for a table that has been created again since."""
        if facts is not None and self._run.table_oid not in (None, facts.oid):
            self._use_inferred_types({})
            self._run = self._run.with_table(facts)

    def _use_inferred_types(self, inferred: Mapping[str, pl.DataType]) -> None:
        """Use inferred types for all rows of the run, also in its later processes."""
        self._preparer = replace(self._preparer, inferred=inferred)
        self._run = self._run.with_guessed_types(type_names(inferred))

    def _collect_notes(
        self,
        table: PreparedTarget,
        schema: Mapping[str, pl.DataType],
        joined: Joined,
    ) -> None:
        """Collect notes for the report on how these rows are written to the table."""
        types = {
            column.column: (type_name(schema[column.column]), column.pg_type)
            for column in table.plan
        }
        text_notes = newest_as_text_notes(self._target, types, is_new=self.has_made)
        notes = [*table.notes, *text_notes, *delimiter_note(joined)]
        self._notes |= dict.fromkeys(notes)
        log.info("table %s: %s", self._target.table, _describe_plan(table.plan))

    @property
    def notes(self) -> list[str]:
        """The notes for the report."""
        notes = [*self._notes, *self._unmatched.notes]
        if self._undecided and not self.is_fitted:
            notes.append(self._undecided)
        return notes
