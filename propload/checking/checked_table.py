"""The table of a check: how rows would be written to it, and what would stop them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from propload.errors import ConfigError, SchemaMismatchError, WriteError
from propload.messages.wording import counted
from propload.names.type_names import create_type, type_name
from propload.pipeline.notes import newest_as_text_notes
from propload.pipeline.row_fitting import without_casts
from propload.postgres.dry_run import DryRun
from propload.postgres.session.failures import READ_ONLY
from propload.postgres.sql import swapping
from propload.postgres.tables import creating
from propload.postgres.tables.rights import missing_rights
from propload.postgres.tables.row_plan import plan_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import polars as pl

    from propload.postgres.database import Database
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.preparing import Preparer
    from propload.target import ColumnPlan, Target


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """How rows with one set of columns are checked.

    Attributes:
        preparer: Maps and checks them.
        dry_run: Asks the server about them, or None if it cannot be asked.
    """

    preparer: Preparer
    dry_run: DryRun | None = None

    def close(self) -> None:
        """Close the session that asks the server."""
        if self.dry_run is not None:
            self.dry_run.close()


@dataclass(slots=True)
class CheckedTable:
    """The table that rows would be written to.

    Attributes:
        database: Where it is.
        target: The table and its rules.
        facts: What the catalog holds about it, or None if it would be created.
        pg_types: PostgreSQL types for columns of a table that is created.
        stack: Closes what is opened here.
        types: The type of each column in the rows, and in the table.
        created_facts: What the catalog would hold about the table that earlier rows
            would have created.
        notes: Notes for the report.
    """

    database: Database
    target: Target
    facts: TableFacts | None
    pg_types: Mapping[str, str]
    stack: ExitStack
    types: dict[str, tuple[str, str]] = field(default_factory=dict)
    created_facts: TableFacts | None = None
    notes: list[str] = field(default_factory=list)
    _columns: dict[str, pl.DataType] = field(default_factory=dict)
    _pg_types: dict[str, str] = field(default_factory=dict)

    @property
    def current_facts(self) -> TableFacts | None:
        """The table that the next rows find: it may be one that earlier rows create."""
        return self.facts or self.created_facts

    def find_problems(self) -> list[str]:
        """Return what is wrong with the key or the mode, if anything."""
        problems = []
        if self.facts is not None:
            try:
                self.database.require_mode(self.facts, self.target)
            except WriteError as error:
                problems.append(str(error))
        if self.target.mode == "replace":
            problems.append(self.database.missing_shadow_right(self.target.table))
        return list(filter(None, problems))

    def replaced_note(self) -> list[str]:
        """Return a note on the rows that a replace would delete, if any."""
        if self.target.mode != "replace" or self.facts is None:
            return []
        count = self.database.count_rows(self.facts.name) or 0
        limit = swapping.MOST_COUNTED
        rows = f"more than {limit:,} rows" if count > limit else counted(count, "row")
        table = self.target.table
        return [f"a replace deletes what {table} holds now: {rows}"] if count else []

    def newest_as_text_notes(self) -> list[str]:
        """Return a note if `newest` would be compared as text."""
        return newest_as_text_notes(self.target, self.types, is_new=self.facts is None)

    def fit(
        self, preparer: Preparer, created_as: Mapping[str, str], problems: list[str]
    ) -> CheckedRows:
        """Return how rows with these columns are checked; add problems to `problems`.

        Args:
            preparer: Prepares such rows.
            created_as: Types that the source gives for columns that are sent as text.
            problems: Receives what would stop the load.
        """
        with ExitStack() as opened:
            try:
                connection = opened.enter_context(self.database.connect())
                if self.facts is None:
                    pg_types = {**preparer.created_as(created_as), **self.pg_types}
                    rows = self._fit_new_table(preparer, pg_types, connection, problems)
                else:
                    rows = self._fit_plan(preparer, self.facts, connection, problems)
            except (ConfigError, SchemaMismatchError, WriteError) as error:
                problems.append(str(error))
                return CheckedRows(without_casts(preparer))
            if rows.dry_run is not None:
                self.stack.push(opened.pop_all())
        return rows

    def _fit_new_table(
        self,
        preparer: Preparer,
        pg_types: Mapping[str, str],
        connection: Connection,
        problems: list[str],
    ) -> CheckedRows:
        """Return how rows are checked against a table like the one to be created.

        The table counts as existing once earlier rows would have created it.
        """
        for name, dtype in preparer.schema.items():
            created = pg_types.get(name) or create_type(dtype)
            self.types.setdefault(name, (type_name(dtype), created))
        is_first = self.created_facts is None
        if is_first or self.target.on_new_columns == "add":
            self._columns = {**preparer.schema, **self._columns}
            self._pg_types = {**pg_types, **self._pg_types}
        table = (connection, self.target.table, self._columns)
        key, types = self.target.key, self._pg_types
        creating.dry_run_create(*table, key=key, pg_types=types)
        try:
            facts = creating.create_temporary_table(*table, key=key, pg_types=types)
        except WriteError as error:
            self._note_unchecked(error, problems)
            return CheckedRows(without_casts(preparer))
        self.created_facts = replace(facts, empty=is_first)
        return self._fit_plan(preparer, self.created_facts, connection, problems)

    def _note_unchecked(self, error: WriteError, problems: list[str]) -> None:
        if error.sqlstate == READ_ONLY:
            problems.append(str(error))
            return
        self.notes.append(f"the rows were not checked against the server: {error}")

    def _fit_plan(
        self,
        preparer: Preparer,
        facts: TableFacts,
        connection: Connection,
        problems: list[str],
    ) -> CheckedRows:
        pg_types = {column.name: column.pg_type for column in facts.columns}
        for name, dtype in preparer.schema.items():
            self.types.setdefault(name, (type_name(dtype), pg_types.get(name, "(new)")))
        plan = plan_rows(preparer.schema, facts, self.target)
        problems += (
            [plan.unknown] if plan.unknown else self._new_column_problems(plan.new)
        )
        problems += plan.faults
        self.notes += plan.notes
        problems += missing_rights(connection, facts, self.target, plan)
        planned = {each.column for each in plan.columns}
        if plan.faults or not planned.issuperset(self.target.key):
            # already reported as a problem; check the rows without the server
            return CheckedRows(without_casts(preparer))
        dry_run = self._dry_run(facts, plan.columns, connection, problems)
        return CheckedRows(preparer.with_plan(plan.columns), dry_run)

    def _new_column_problems(self, new: Collection[str]) -> list[str]:
        """Return what is wrong with columns that would be added to the table."""
        if not new or self.target.on_new_columns == "ignore":
            return []
        with self.database.connect() as connection:
            try:
                creating.check_new_columns(connection, self.target.table, new)
            except SchemaMismatchError as error:
                return [str(error)]
        return []

    def _dry_run(
        self,
        facts: TableFacts,
        plan: tuple[ColumnPlan, ...],
        connection: Connection,
        problems: list[str],
    ) -> DryRun | None:
        target = replace(self.target, table=facts.name)
        try:
            dry_run = DryRun.of(connection, facts, target, plan)
        except WriteError as error:
            self._note_unchecked(error, problems)
            return None
        self.notes += dry_run.notes
        return dry_run
