"""The end of a replace: the rows of its shadow take the place of the table's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from propload.errors import SchemaMismatchError, WriteError
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import swapping
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.sql.sessions import find_operators
from propload.postgres.sql.tables import drop_statement, exists_query

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from propload.postgres.session.connection import Connection
    from propload.report import Counts
    from propload.target import TableName, Target

log = logging.getLogger(__name__)


class Swap:
    """Puts the rows of a shadow in place of the table's, in one transaction.

    Args:
        connection: A session without open work; the caller commits.
        target: The table and its rules.
        shadow: Its shadow.
        columns: The columns that rows came with.
    """

    def __init__(
        self,
        connection: Connection,
        target: Target,
        shadow: TableName,
        columns: Sequence[str],
    ) -> None:
        self._connection = connection
        self._target = target
        self._table = target.table
        self._shadow = shadow
        self._columns = columns
        #: What queries about the table, and about its shadow, are given.
        self._of_table = (quoted_table(target.table),)
        self._of_shadow = (quoted_table(shadow),)

    def run(self, committed: Counts, /) -> None:
        """Put the rows in place of the old ones, from the shadow; all but the commit.

        The shadow goes with them, or is left empty where it refers to other tables.

        Args:
            committed: What became of the rows that the run has committed.

        Raises:
            TableGoneError: The table was dropped or renamed.
            WriteError: The server refused, rows of the shadow are lost, or a trigger
                let some fall; the table holds what it held.
            SchemaMismatchError: The table's columns have other types by now.
            ServerError: The connection is gone, or the like.
        """
        try:
            self._put_in_place(committed)
        except ServerError as error:
            self._connection.rollback()
            failure, table = failures.classify(error), str(self._table)
            if failure.kind == "transient":
                raise
            if failures.is_missing(error) and self._is_gone():
                raise failures.table_gone(table, is_replace=True) from error
            if failure.kind == "permanent":
                raise failures.as_write_error(
                    error, table=table, doing="the new rows were put in place"
                ) from error
            msg = f"{table}: the new rows do not fit: {failure.message}"
            raise WriteError(msg, table=table, sqlstate=error.sqlstate) from error
        except (WriteError, SchemaMismatchError):
            self._connection.rollback()
            raise

    def _is_gone(self) -> bool:
        """Return whether it is the table itself that is not there."""
        is_there = self._connection.value(exists_query(self._table))
        self._connection.rollback()
        return not is_there

    def _put_in_place(self, committed: Counts) -> None:
        run = self._connection.execute
        if not self._connection.value(exists_query(self._shadow)):
            raise failures.gathered_rows_gone(str(self._table))
        run(find_operators(self._table))
        run(swapping.lock(self._table, referenced=self._is_referenced()))
        # under the lock: until the commit the table stays what it is
        settable = self._connection.rows(swapping.SETTABLE, self._of_table)
        statements = swapping.swap(
            self._table,
            self._shadow,
            self._columns,
            self._target.key,
            others=[one for (one,) in settable if one not in self._columns],
            referenced=self._is_referenced(),
        )
        require_types(self._connection, self._table, self._shadow, self._columns)
        self._require_reach()
        run(statements.make_room)
        taken = run(statements.fill)
        self._account(taken if statements.tells_all else None, committed)
        if not self._connection.rows(swapping.FOREIGN_KEYS, self._of_shadow):
            run(drop_statement(self._shadow))
            return
        # dropping it locks what it refers to, whose readers may be waiting for this
        # table: a deadlock. So it is emptied now, and dropped after the commit
        run(swapping.empty(self._shadow))
        run(swapping.note(self._shadow, ""))

    def _is_referenced(self) -> bool:
        """Return whether other tables point to the table now."""
        return bool(self._connection.value(swapping.REFERENCED, self._of_table))

    def _require_reach(self) -> None:
        """Refuse to empty more than the table, or less."""
        found = self._connection.rows(swapping.REACH, self._of_table)
        inherited, secured = found[0]
        if inherited:
            msg = (
                f"{self._table}: other tables have inherited from it since this "
                "replace began, and would be emptied as well: detach them (ALTER "
                "TABLE ... NO INHERIT ...)"
            )
            raise WriteError(msg, table=str(self._table))
        if secured:
            msg = (
                f"{self._table}: row-level security has applied to this user since "
                "this replace began, so that it might not see all rows: continue as "
                "the owner or as a role with BYPASSRLS"
            )
            raise WriteError(msg, table=str(self._table))

    def _account(self, taken: int | None, committed: Counts) -> None:
        """Refuse to give up the old rows for fewer or more than were stored.

        Args:
            taken: The rows that the table took, where that is told.
            committed: What became of the rows that the run has committed.
        """
        # a batch whose entry a file's ledger lost was met as stored when it came again
        whole = range(committed.inserted, committed.stored + 1)
        named = self._of_table
        if taken in whole and not self._connection.value(swapping.TRIGGERED, named):
            return
        held = int(self._connection.value(swapping.count(self._shadow)))
        if held not in whole:
            self._tell_of_lost(held, committed.inserted)
        if taken is not None and taken != held:
            msg = (
                f"{self._table}: a trigger or rule of it dropped {held - taken:,} of "
                f"{held:,} new rows, which were already counted as inserted. Disable "
                "that, or leave those rows out of the input"
            )
            raise WriteError(msg, table=str(self._table))

    def _tell_of_lost(self, held: int, stored: int) -> None:
        """Refuse rows that others than the run took away or brought.

        Rows may have gone with what they refer to, as those of the table do.
        """
        cascades = self._connection.value(swapping.CASCADES, self._of_shadow)
        told = (
            f"{self._table}: this replace has stored {stored:,} rows, of which its "
            f"shadow {self._shadow} holds {held:,} now"
        )
        if cascades and 0 < held < stored:
            log.warning(
                "%s: the others were deleted with rows that they refer to", told
            )
            return
        msg = f"{told}: somebody has changed that table meanwhile"
        raise WriteError(msg, table=str(self._table), goes_on=False)


def require_types(
    connection: Connection,
    table: TableName,
    shadow: TableName,
    columns: Collection[str],
    /,
) -> None:
    """Refuse values of other types: what is copied or inserted would be changed.

    Args:
        connection: A session; its transaction stays open.
        table: The table that is to be replaced.
        shadow: Its shadow.
        columns: The columns that rows came with.

    Raises:
        SchemaMismatchError: A column is of another type in the table by now.
    """
    both = (quoted_table(shadow), quoted_table(table))
    told = ", ".join(
        f"column {column} was {gathered} and is {now} now"
        for column, gathered, now in connection.rows(swapping.RETYPED, both)
        if column in columns
    )
    if told:
        msg = (
            f"{table}: {told}, which might round values that this replace has "
            "gathered. Change the type back, or load all rows again"
        )
        raise SchemaMismatchError(msg)
