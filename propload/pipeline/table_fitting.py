"""How rows of one set of columns get to their table: types, plan, writers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from propload.batch import Deduped, no_reasons
from propload.errors import ConfigError, MadeMeanwhileError, SchemaMismatchError
from propload.names.type_names import type_name
from propload.pipeline.notes import (
    delimiter_note,
    located,
    newest_as_text_notes,
    no_rows_note,
)
from propload.pipeline.row_fitting import (
    fit_rows,
    has_columns,
    in_context,
    note_unmatched,
    without_casts,
)
from propload.pipeline.stages import Routing
from propload.prepare.casting.inference import known_types, named
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

#: So many first rows show whether rows and schema go together: 50,000 take 20 ms.
TRIED_ROWS = 1_000


def _try_schema(preparer: Preparer, joined: Joined) -> None:
    """Refuse first rows that do not go together with the schema as a whole.

    The wrong table that would be made for them would keep out the corrected ones.

    Raises:
        SchemaMismatchError: They do not.
    """
    if preparer.checker is not None:
        without_casts(preparer).sift(joined.first.raw().head(TRIED_ROWS))


def _described(plan: Sequence[ColumnPlan]) -> str:
    """Return how columns travel, for a log."""
    return ", ".join(
        f"{one.column} {type_name(one.dtype)} → {one.pg_type}"
        + (" by a cast of the server" if one.carrier == "text" else "")
        for one in plan
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
        """What decides which lane takes a row of these columns."""
        types = {one.column: one.dtype for one in self.preparer.plan}
        key = tuple(types[name] for name in self.preparer.key if name in types)
        return Routing(self.preparer.together, key)

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:
        """Return the prepared rows."""
        preparer = in_context(self.preparer, joined)
        if together is not None:
            preparer = replace(preparer, together=together)
        return preparer.prepare(joined.raw())

    def open_writer(self, lane: int, on_refused: OnRefused) -> Writer:
        """Return a writer for a lane, which reports rejected rows before it commits."""
        return self.prepared_target.open_writer(lane, on_refused=on_refused)


@dataclass(frozen=True, slots=True)
class NoRows:
    """Rows of which none could be read: they are entered, and none is written.

    Attributes:
        run: The run, entered in its ledger.
        lanes: How many lanes enter a piece.
        routing: None, for no row takes a lane.
    """

    run: LoadingRun
    lanes: int
    routing: None = None

    def prepare(self, joined: Joined, *, together: bool | None = None) -> Prepared:  # noqa: ARG002 - the form of all
        """Return that there is nothing to write."""
        return Prepared([Deduped(())] * self.lanes, no_reasons())

    def open_writer(self, lane: int, on_refused: OnRefused) -> Writer:  # noqa: ARG002 - as above
        """Return a writer for a lane, which enters pieces without a row."""
        return self.run.open_entry_writer(lane)


class TableFit:
    """Fits rows to the target: called once for each set of columns of a run.

    Args:
        database: Where the table is.
        target: The table and its rules.
        preparer: How rows are mapped and checked; it learns columns and plan here.
        run: The run, as the ledger knows it, and what earlier processes of it guessed.
        pg_types: PostgreSQL types for columns of a table that is created.
        lenient: Whether rows come one by one, so that the first ones may lack a key
            that the table has.
        expected: Returns how many rows the run will have, or None; None of a run that
            an earlier process began.

    Attributes:
        is_fitted: Whether rows have met their table: it is ready for them.
        has_made: Whether it was not there before.
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
        self._preparer = replace(preparer, guessed=known_types(run.guessed))
        self._run = run
        self._pg_types = pg_types
        self._undecided = ""
        self.has_made = False
        self._notes: dict[str, None] = {}
        self.is_fitted = False
        self._unmatched = UnmatchedColumns(preparer.mapping)
        self._no_rows: NoRows | None = None

    def __call__(self, joined: Joined) -> FittedTable | NoRows | None:
        """Return how rows like these are prepared and written.

        Types are guessed from the source's own first batch, so that they do not
        depend on how many rows are joined. Where there is no row and it takes one to
        know what table to make, it is how unread ones are entered, or None.

        Raises:
            ConfigError: The key, `newest` or the mapping has no such columns.
            SchemaMismatchError: The rows do not fit the table.
        """
        try:
            fitted = self._fit(joined) or self._entered(joined)
        except (ConfigError, SchemaMismatchError) as error:
            raise type(error)(located(error, joined)) from error
        if fitted is not None:
            while self._on_entered:
                self._on_entered.pop()()
        return fitted

    def on_entered(self, listener: Callable[[], None], /) -> None:
        """Call `listener` once the ledger holds the run, before a row is stored."""
        self._on_entered.append(listener)

    def _entered(self, joined: Joined) -> NoRows | None:
        """Return how rows are entered that could not be read, if there are any."""
        if joined.unread and self._no_rows is None:
            run = self._database.enter(self._run)
            self._no_rows = NoRows(run, self._preparer.lanes)
        return self._no_rows if joined.unread else None

    def _fit(self, joined: Joined) -> FittedTable | None:
        if not has_columns(joined):
            return None
        known = self._preparer, self._run
        try:
            return self._fit_to_table(joined)
        except MadeMeanwhileError as error:
            # that table decides what values are, not what was guessed for one's own
            self._preparer, self._run = known
            log.info("rows are fitted anew: %s", error)
            return self._fit_to_table(joined)

    def _fit_to_table(self, joined: Joined) -> FittedTable | None:
        facts = self._database.facts(self._target.table)
        self._take_table(facts)
        preparer = fit_rows(
            self._preparer,
            joined,
            facts,
            lenient=self.is_fitted or (self._lenient and facts is not None),
        )
        note_unmatched(self._unmatched, joined)
        # one that is gone since is not to be made again, which `prepare` refuses
        is_unmade = facts is None and not self.is_fitted
        if is_unmade and not preparer.decides(joined):
            self._undecided = no_rows_note(joined, self._target)
            return None
        if is_unmade:
            _try_schema(preparer, joined)
        # before the table is made: whoever comes again finds it there
        self._hold(preparer.guessed)
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
        self._note(table, preparer.schema, joined)
        return FittedTable(
            preparer.with_plan(table.plan, together=table.together), table
        )

    def _take_table(self, facts: TableFacts | None) -> None:
        """Forget what was guessed for a table that somebody has made anew since."""
        if facts is not None and self._run.table_oid not in (None, facts.oid):
            self._hold({})
            self._run = self._run.into(facts)

    def _hold(self, guessed: Mapping[str, pl.DataType]) -> None:
        """Use guessed types for all rows of the run, in its later processes as well."""
        self._preparer = replace(self._preparer, guessed=guessed)
        self._run = self._run.guessing(named(guessed))

    def _note(
        self,
        table: PreparedTarget,
        schema: Mapping[str, pl.DataType],
        joined: Joined,
    ) -> None:
        """Note what a reader should know of how these rows go into the table."""
        types = {
            one.column: (type_name(schema[one.column]), one.pg_type)
            for one in table.plan
        }
        letters = newest_as_text_notes(self._target, types, is_new=self.has_made)
        notes = [*table.notes, *letters, *delimiter_note(joined)]
        self._notes |= dict.fromkeys(notes)
        log.info("table %s: %s", self._target.table, _described(table.plan))

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know."""
        notes = [*self._notes, *self._unmatched.notes]
        if self._undecided and not self.is_fitted:
            notes.append(self._undecided)
        return notes
