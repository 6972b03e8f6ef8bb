"""Replace: rows gather in a shadow of the table and take its place at the end.

The shadow of a run that failed stays, so that the run can be continued. The next
replace of a table of the same namespace removes it, but not where `propload recover`
may still finish that run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.session import failures, locking
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import bookkeeping, swapping
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.sql.session import find_operators
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableColumn
    from propload.target import Target

log = logging.getLogger(__name__)

#: Letters of the run's hash in a shadow's name: no two runs of one database meet.
_LETTERS = 20


class Shadow:
    """The shadow of one run; a lock tells other runs that it is in use.

    Args:
        connection: A session that holds the lock until the run ends.
        target: The table and its rules.
        run_id: The run.
        namespace: Where shadows are kept.
    """

    def __init__(
        self, connection: Connection, target: Target, run_id: str, namespace: str
    ) -> None:
        self.table = TableName(namespace, _name_of(run_id, str(target.table)))
        self._run_id = run_id
        self._connection = connection
        self._target = target
        self._columns: dict[str, None] = {}

    def make(self, *, unique: bool, continued: bool) -> None:
        """Make the shadow, empty, or take up the one of a run that is continued.

        Args:
            unique: Whether the target keeps the key unique.
            continued: Whether the run has committed pieces already.

        Raises:
            WriteError: The rows of a continued run are gone, or another process
                is at this run now.
        """
        self._take_lock()
        self._remove_abandoned()
        there = self._connection.rows(swapping.exists(self.table))[0][0]
        if continued and not there:
            msg = (
                f"the rows that this run had gathered for {self._target.table} are "
                "gone: start the replace anew, without --resume"
            )
            raise WriteError(msg, table=str(self._target.table))
        if continued:
            noted = self._connection.rows(swapping.noted(self.table))[0][0]
            self._columns |= dict.fromkeys(json.loads(noted or "[]"))
        else:
            self._create(unique=unique)
        self._connection.commit()

    def move_to(self, connection: Connection, /) -> None:
        """Go on in another session, after the one that held the lock was lost.

        Raises:
            WriteError: Another process has taken up this run meanwhile.
        """
        self._connection = connection
        self._take_lock()

    def widen(self, columns: Sequence[TableColumn], /) -> None:
        """Add the columns that the target was given since the shadow was made.

        Args:
            columns: The target's columns.
        """
        there = {
            name for (name,) in self._connection.rows(swapping.columns_of(self.table))
        }
        for column in columns:
            if column.name not in there:
                self._connection.execute(
                    swapping.add_column(self.table, column.name, column.pg_type)
                )
        self._connection.commit()

    def carries(self, columns: Sequence[str], /) -> None:
        """Note columns that rows come with, for who continues the run as well."""
        if self._columns.keys() >= set(columns):
            return
        known = self._columns | dict.fromkeys(columns)
        self._connection.execute(swapping.note(self.table, json.dumps([*known])))
        self._connection.commit()
        # not before: where the line broke, they are noted when this is tried again
        self._columns = known

    def swap(self) -> None:
        """Put the shadow's rows in place of the table's; ends with the commit.

        Raises:
            WriteError: The server refused, or a trigger let rows fall; the table
                holds what it held.
        """
        target = self._target.table
        query = (quoted_table(target),)
        run = self._connection.execute
        try:
            referenced = self._connection.rows(swapping.REFERENCED, query)[0][0]
            settable = self._connection.rows(swapping.SETTABLE, query)
            run(find_operators(target))
            swap = swapping.swap(
                target,
                self.table,
                tuple(self._columns),
                self._target.key,
                others=[one for (one,) in settable if one not in self._columns],
                referenced=referenced,
            )
            for statement in swap.make_room:
                run(statement)
            taken = run(swap.fill)
            if (
                swap.tells_all
                and self._connection.rows(swapping.TRIGGERED, query)[0][0]
            ):
                self._account(taken)
            run(swapping.drop(self.table))
        except ServerError as error:
            self._connection.rollback()
            if failures.classify(error).kind == "transient":
                raise
            text = failures.classify(error).message
            msg = f"{target} keeps its old rows; the new ones do not fit: {text}"
            raise WriteError(msg, table=str(target), sqlstate=error.sqlstate) from error

    def _account(self, taken: int | None) -> None:
        """Refuse to lose rows that were reported as stored."""
        held = self._connection.rows(swapping.count(self.table))[0][0]
        if taken == held:
            return
        self._connection.rollback()
        target = self._target.table
        msg = (
            f"{target} keeps its old rows: a trigger of it let {held - (taken or 0):,} "
            f"of {held:,} new rows fall, which a replace has counted as inserted "
            "already. Disable the trigger, or leave those rows out of the input"
        )
        raise WriteError(msg, table=str(target))

    def _take_lock(self) -> None:
        wait = locking.GRACE_SECONDS
        if not locking.take(self._connection, self._subject(self.table), wait=wait):
            msg = (
                f"another process is replacing {self._target.table} in this same run "
                f"{self._run_id}: wait for its end"
            )
            raise WriteError(msg, table=str(self._target.table))

    def _create(self, *, unique: bool) -> None:
        target = self._target
        run = self._connection.execute
        run(swapping.drop(self.table))
        run(swapping.create(self.table, target.table))
        if target.key and not unique:
            run(swapping.add_key(self.table, target.key))
        query = (quoted_table(target.table),)
        constraints = self._connection.rows(swapping.FOREIGN_KEYS, query)
        # a row that finds no partition at the end would end the run
        (placed,) = self._connection.rows(swapping.PLACED, query)[0]
        if placed:
            named = f"partition of {target.table.table}"
            constraints.append((named, f"CHECK ({placed})"))
        for constraint, definition in constraints:
            run(swapping.add_constraint(self.table, constraint, definition))

    def _remove_abandoned(self) -> None:
        """Remove shadows that nobody holds the lock of.

        Not those of runs into other tables that have not ended, whose session may
        have been lost for a while, and not those of killed runs whose rows nobody
        can read again: `propload recover` still finishes them.
        """
        query = (self._target.table.namespace,)
        found = [
            TableName(*each) for each in self._connection.rows(swapping.SHADOWS, query)
        ]
        spared = {self.table.table, *self._unfinished()}
        for other in found:
            if other.table in spared:
                continue
            if locking.take(self._connection, self._subject(other)):
                self._drop(other)
                locking.release(self._connection, self._subject(other))

    def _drop(self, other: TableName) -> None:
        """Drop an abandoned shadow; that it stays is no fault of this run."""
        try:
            self._connection.execute(swapping.drop(other))
            self._connection.commit()
        except ServerError as error:
            self._connection.rollback()
            failure = failures.classify(error)
            if failure.kind == "transient":
                raise
            log.warning("%s of an earlier replace stays: %s", other, failure.message)

    def _unfinished(self) -> list[str]:
        _, _, usable = self._connection.rows(bookkeeping.STANDING)[0]
        if not usable:
            return []
        query = (str(self._target.table),)
        runs = self._connection.rows(bookkeeping.UNFINISHED_REPLACES, query)
        return [_name_of(run_id, target) for run_id, target in runs]

    @staticmethod
    def _subject(shadow: TableName) -> str:
        return f"shadow:{shadow}"


def _name_of(run_id: str, target: str) -> str:
    told = f"{run_id} {target}".encode()
    return swapping.PREFIX + hashlib.blake2b(told).hexdigest()[:_LETTERS]
