"""Looking at the rows of a check: what would become of them, what would stop them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload.checking.counting import ColumnCounts
from propload.checking.hints import text_hints
from propload.checking.report import CheckReport
from propload.errors import ConfigError, SchemaMismatchError, WriteError
from propload.pipeline.fitting import (
    as_they_are,
    fit_rows,
    has_columns,
    in_context,
    see_columns,
)
from propload.pipeline.remarks import (
    compared_as_text,
    delimiter_note,
    located,
    nothing_to_tell,
)
from propload.postgres.rehearsing import Rehearsal
from propload.postgres.tables import making
from propload.postgres.tables.rights import missing_rights
from propload.postgres.tables.row_plan import plan_rows
from propload.prepare.cells import refused_cells
from propload.prepare.mapping import Lacking
from propload.prepare.repeats import Repeats, hashes
from propload.rejecting import ReasonCounts
from propload.report import Counts
from propload.running.planning import nothing_to_replace
from propload.type_names import create_type, type_name
from propload.wording import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from propload.batch import Deduped
    from propload.postgres.loading import Database
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Preparer
    from propload.target import ColumnPlan, Target


#: Sets of columns that are known at once, those used last: each has a session of its
#: own, of which a server has few. Others are looked up again.
_SHAPES_KEPT = 4


@dataclass(frozen=True, slots=True)
class _Fitted:
    """How rows of one set of columns are looked at.

    Attributes:
        preparer: Maps and checks them.
        rehearsal: Asks the server about them, or None where it cannot be asked.
    """

    preparer: Preparer
    rehearsal: Rehearsal | None = None

    def close(self) -> None:
        """Let go of the session that asks."""
        if self.rehearsal is not None:
            self.rehearsal.close()


@dataclass(slots=True)
class CheckedTable:
    """The table that rows would go to.

    Attributes:
        database: Where it is.
        target: The table and its rules.
        facts: What the catalog knows of it, or None where it would be created.
        pg_types: PostgreSQL types for columns of a table that is created.
        stack: Closes what is opened here.
        types: Each column's type in the rows and in the table.
        made: What the catalog would know of a table that earlier rows have created.
        notes: What a reader should know.
    """

    database: Database
    target: Target
    facts: TableFacts | None
    pg_types: Mapping[str, str]
    stack: ExitStack
    types: dict[str, tuple[str, str]] = field(default_factory=dict)
    made: TableFacts | None = None
    notes: list[str] = field(default_factory=list)
    _columns: dict[str, pl.DataType] = field(default_factory=dict)
    _pg_types: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> TableFacts | None:
        """What the next rows find: the table, or the one that earlier rows created."""
        return self.facts or self.made

    def without_key(self) -> list[str]:
        """Return what is wrong with the key or the mode, or nothing."""
        if self.facts is None:
            return []
        try:
            self.database.require_mode(self.facts, self.target)
        except WriteError as error:
            return [str(error)]
        return []

    def newest_note(self) -> list[str]:
        """Return what is said where `newest` compares letters, or nothing."""
        _, pg_type = self.types.get(self.target.newest or "", ("", None))
        note = compared_as_text(self.target, pg_type, is_new=self.facts is None)
        return [] if note is None else [note]

    def fit(
        self, fitted: Preparer, created_as: Mapping[str, str], problems: list[str]
    ) -> _Fitted:
        """Return how rows like these are looked at; tells what would stop them.

        Args:
            fitted: The preparer of such rows.
            created_as: Types that the source tells of columns that travel as text.
            problems: What would stop them is added here.
        """
        with ExitStack() as opened:
            try:
                connection = opened.enter_context(self.database.connect())
                if self.facts is None:
                    told = {**fitted.created_as(created_as), **self.pg_types}
                    found = self._created(fitted, told, connection, problems)
                else:
                    found = self._planned(fitted, self.facts, connection, problems)
            except (ConfigError, SchemaMismatchError, WriteError) as error:
                problems.append(str(error))
                return _Fitted(as_they_are(fitted))
            if found.rehearsal is not None:
                self.stack.push(opened.pop_all())
        return found

    def _created(
        self,
        fitted: Preparer,
        pg_types: Mapping[str, str],
        connection: Connection,
        problems: list[str],
    ) -> _Fitted:
        """Return how rows are looked at that go into a table like the one to be made.

        What earlier rows have made of it is as if it were stored.
        """
        for name, dtype in fitted.schema.items():
            created = pg_types.get(name) or create_type(dtype)
            self.types.setdefault(name, (type_name(dtype), created))
        is_first = self.made is None
        if is_first or self.target.on_new_columns == "add":
            self._columns = {**fitted.schema, **self._columns}
            self._pg_types = {**pg_types, **self._pg_types}
        told = (connection, self.target.table, self._columns)
        key, types = self.target.key, self._pg_types
        making.rehearse_table(*told, key=key, pg_types=types)
        try:
            found = making.borrow_table(*told, key=key, pg_types=types)
        except WriteError as error:
            self._tell_unasked(error)
            return _Fitted(as_they_are(fitted))
        self.made = replace(found, empty=is_first)
        return self._planned(fitted, self.made, connection, problems)

    def _tell_unasked(self, error: WriteError) -> None:
        self.notes.append(f"the server was not asked about the rows: {error}")

    def _planned(
        self,
        fitted: Preparer,
        facts: TableFacts,
        connection: Connection,
        problems: list[str],
    ) -> _Fitted:
        known = {column.name: column.pg_type for column in facts.columns}
        for name, dtype in fitted.schema.items():
            self.types.setdefault(name, (type_name(dtype), known.get(name, "(new)")))
        plan = plan_rows(fitted.schema, facts, self.target)
        problems += [plan.unknown] if plan.unknown else self._without_room(plan.new)
        problems += plan.faults
        problems += missing_rights(connection, facts, self.target, plan)
        planned = {each.column for each in plan.columns}
        if plan.faults or not planned.issuperset(self.target.key):
            # that is told already; the rows are judged all the same
            return _Fitted(as_they_are(fitted))
        rehearsal = self._rehearsal(facts, plan.columns, connection)
        return _Fitted(fitted.with_plan(plan.columns), rehearsal)

    def _without_room(self, new: Collection[str]) -> list[str]:
        """Return what is wrong with columns that the table is to be given."""
        if not new or self.target.on_new_columns == "ignore":
            return []
        with self.database.connect() as connection:
            try:
                making.check_new_columns(connection, self.target.table, new)
            except SchemaMismatchError as error:
                return [str(error)]
        return []

    def _rehearsal(
        self,
        facts: TableFacts,
        plan: tuple[ColumnPlan, ...],
        connection: Connection,
    ) -> Rehearsal | None:
        target = replace(self.target, table=facts.name)
        try:
            rehearsal = Rehearsal.of(connection, facts, target, plan)
        except WriteError as error:
            self._tell_unasked(error)
            return None
        self.notes += rehearsal.notes
        return rehearsal


class Looking:
    """Looks at the rows of a source and notes what would become of them.

    Args:
        preparer: Maps and checks them.
        table: Where they would go.
        problems: What would stop the load.
        one_by_one: Whether rows come one by one, so that the first ones may lack a
            key that the table has.
    """

    def __init__(
        self,
        preparer: Preparer,
        table: CheckedTable,
        problems: list[str],
        *,
        one_by_one: bool,
    ) -> None:
        self._one_by_one = one_by_one
        self._preparer = preparer
        self._table = table
        self._target = table.target
        self._problems = [*problems, *table.without_key()]
        self._fitted: dict[tuple[str, ...], _Fitted] = {}
        self._expected = Counts()
        self._untold = 0
        self._columns = ColumnCounts()
        self._undecided = ""
        self._lacking = Lacking(preparer.mapping)
        self._rows = Repeats()
        self._keys = Repeats()
        self._reasons = ReasonCounts()
        self._read = self._rejected = 0

    def look(self, joined: Joined) -> None:
        """Note what would become of some rows."""
        self._read += joined.height + joined.unread
        _, unread = joined.refused_by_source()
        self._refuse(unread)
        fitted = self._fit(joined)
        if fitted is None:
            return
        preparer = in_context(fitted.preparer, joined)
        raw = joined.raw()
        sifted, _ = preparer.sift(raw)
        self._refuse(sifted.reasons)
        frame = sifted.frame.drop(ROW)
        self._columns.add(frame.iter_columns())
        self._columns.add(refused_cells(preparer, raw, sifted.reasons))
        if not frame.height:
            return
        if fitted.rehearsal is not None:
            self._rehearse(preparer.layer(sifted.frame), fitted.rehearsal)
        self._rows.add(hashes(frame))
        if self._target.key:
            self._keys.add(hashes(frame.select(self._target.key)))

    def report(self, source: str, notes: Collection[str]) -> CheckReport:
        """Return what was noted.

        Args:
            source: The source's name.
            notes: What the source tells of how it was read.
        """
        self._table.notes += notes
        if self._untold:
            self._table.notes.append(
                f"what becomes of {counted(self._untold, 'row')} hangs on others of "
                "the same key, as new as they are, or refused: it is not foretold"
            )
        self._table.notes += [*self._table.newest_note(), *self._lacking.notes]
        if self._undecided and not self._table.types:
            self._table.notes.append(self._undecided)
        if self._target.mode == "replace" and self._read == self._rejected:
            self._problems.append(nothing_to_replace(source, self._target))
        return CheckReport(
            source=source,
            table=str(self._target.table),
            exists=self._table.facts is not None,
            rows=self._read,
            rejected=self._rejected,
            columns=self._columns.told(self._table.types),
            reasons=self._reasons.counted,
            key=self._target.key,
            key_repeats=self._keys.count,
            row_repeats=self._rows.count,
            problems=tuple(dict.fromkeys(self._problems)),
            expected=self._forecast(),
            notes=tuple(dict.fromkeys(self._table.notes)),
        )

    def _forecast(self) -> Counts | None:
        """Return what would become of the rows where that is known of all."""
        if self._table.facts is None or self._problems:
            return None
        told = replace(self._expected, read=self._read, rejected=self._rejected)
        return told if told.accounted == told.read else None

    def _rehearse(self, deduped: Deduped, rehearsal: Rehearsal) -> None:
        forecast = rehearsal.forecast(deduped)
        self._expected += forecast.counts
        self._refuse(forecast.reasons)
        self._untold += forecast.untold

    def _fit(self, joined: Joined) -> _Fitted | None:
        columns = joined.parts[0].rows.schema
        shape = tuple(f"{one.name}:{one.type}" for one in columns)
        if shape in self._fitted:
            # the one that was used last comes last
            self._fitted[shape] = self._fitted.pop(shape)
        elif has_columns(joined):
            fitted = self._fit_first(joined)
            if fitted is None:
                return None
            problems: list[str] = []
            created_as = joined.first.parts[0].created_as
            self._fitted[shape] = self._table.fit(fitted, created_as, problems)
            self._problems += [self._located(one, joined) for one in problems]
            self._table.notes += [] if problems else delimiter_note(joined)
            if len(self._fitted) > _SHAPES_KEPT:
                self._fitted.pop(next(iter(self._fitted))).close()
        return self._fitted.get(shape)

    def _fit_first(self, joined: Joined) -> Preparer | None:
        """Return what prepares such rows, or None where that cannot be told."""
        facts = self._table.known
        is_there = self._table.facts is not None
        lenient = bool(self._fitted) or (self._one_by_one and is_there)
        try:
            fitted = fit_rows(self._preparer, joined, facts, lenient=lenient)
        except (ConfigError, SchemaMismatchError) as error:
            self._problems.append(self._located(error, joined))
            return None
        see_columns(self._lacking, joined)
        if facts is None and not fitted.decides(joined):
            self._undecided = nothing_to_tell(joined, self._target)
            return None
        if facts is None and joined.untyped:
            self._table.notes += _hints(fitted, joined)
        # they hold for all rows of a run
        self._preparer = replace(self._preparer, guessed=fitted.guessed)
        return fitted

    def _located(self, said: object, joined: Joined) -> str:
        # the report begins with the source
        return located(said, joined, shown=self._preparer.context.source)

    def _refuse(self, reasons: pl.DataFrame) -> None:
        self._rejected += reasons[ROW].n_unique()
        self._reasons.add(reasons)


def _hints(fitted: Preparer, joined: Joined) -> list[str]:
    """Return what is said of columns that a new table would have as text.

    Where the delimiter may be wrong they are no columns.
    """
    if fitted.mapping is not None or fitted.checker is not None:
        return []
    if delimiter_note(joined):
        return []
    texts = [name for name, dtype in fitted.schema.items() if dtype == pl.String]
    return text_hints(joined.raw(), [one for one in texts if one not in fitted.key])
