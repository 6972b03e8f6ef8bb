"""The end of a replace: the shadow's rows replace the table's."""

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
    """Replaces the table's rows with the shadow's, in one transaction.

    Args:
        connection: A session without an open transaction; the caller commits.
        target: The table and its rules.
        shadow: The shadow.
        columns: The columns that rows were sent with.
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
        #: The parameters of queries about the table, and of those about its shadow.
        self._of_table = (quoted_table(target.table),)
        self._of_shadow = (quoted_table(shadow),)

    def run(self, committed: Counts, /) -> None:
        """Replace the table's rows with the shadow's, without committing.

        The shadow is dropped, or only emptied if it refers to other tables.

        Args:
            committed: The counts of the rows that the run has committed.

        Raises:
            TableGoneError: The table was dropped or renamed.
            WriteError: The server refused, the shadow lacks rows, or a trigger skipped
                some; the table keeps its rows.
            SchemaMismatchError: A column of the table has another type by now.
            ServerError: The connection is lost, or another failure is transient.
        """
        try:
            self._replace_rows(committed)
        except ServerError as error:
            self._connection.rollback()
            failure, table = failures.classify(error), str(self._table)
            if failure.kind == "transient":
                raise
            if failures.is_missing(error) and self._is_gone():
                raise failures.table_gone_error(table, is_replace=True) from error
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
        """Return whether the table itself no longer exists."""
        exists = self._connection.value(exists_query(self._table))
        self._connection.rollback()
        return not exists

    def _replace_rows(self, committed: Counts) -> None:
        execute = self._connection.execute
        if not self._connection.value(exists_query(self._shadow)):
            raise failures.gathered_rows_gone_error(str(self._table))
        execute(find_operators(self._table))
        execute(swapping.lock(self._table, referenced=self._is_referenced()))
        # read under the lock, which keeps the table unchanged until the commit
        settable = self._connection.rows(swapping.SETTABLE_COLUMNS, self._of_table)
        statements = swapping.swap(
            self._table,
            self._shadow,
            self._columns,
            self._target.key,
            reset=[name for (name,) in settable if name not in self._columns],
            referenced=self._is_referenced(),
        )
        require_types(self._connection, self._table, self._shadow, self._columns)
        self._require_exact_removal()
        execute(statements.remove_old_rows)
        inserted = execute(statements.fill)
        self._check_row_count(
            inserted if statements.counts_all_rows else None, committed
        )
        if not self._connection.rows(swapping.FOREIGN_KEYS, self._of_shadow):
            execute(drop_statement(self._shadow))
            return
        # dropping it locks the tables that it refers to, whose readers may be waiting
        # for this table: a deadlock. So it is emptied now, and dropped after the commit
        execute(swapping.truncate(self._shadow))
        execute(swapping.set_remark(self._shadow, ""))

    def _is_referenced(self) -> bool:
        """Return whether other tables refer to the table now."""
        return bool(self._connection.value(swapping.IS_REFERENCED, self._of_table))

    def _is_triggered(self) -> bool:
        """Return whether a trigger may skip rows of the table."""
        return bool(self._connection.value(swapping.IS_TRIGGERED, self._of_table))

    def _require_exact_removal(self) -> None:
        """Raise an error if not exactly the rows of the table would be removed."""
        answer = self._connection.rows(swapping.INHERITED_OR_SECURED, self._of_table)
        inherited, secured = answer[0]
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

    def _check_row_count(self, taken: int | None, committed: Counts) -> None:
        """Raise an error if the new rows are fewer or more than the run has stored.

        Args:
            taken: How many rows the table took, or None if that is unknown.
            committed: The counts of the rows that the run has committed.
        """
        # rows of a batch whose entry a file ledger lost come again, and are unchanged
        complete = range(committed.inserted, committed.stored + 1)
        if taken in complete and not self._is_triggered():
            return
        held = int(self._connection.value(swapping.count(self._shadow)))
        if held not in complete:
            self._report_changed_shadow(held, committed.inserted)
        if taken is not None and taken != held:
            msg = (
                f"{self._table}: a trigger or rule of it dropped {held - taken:,} of "
                f"{held:,} new rows, which were already counted as inserted. Disable "
                "that, or leave those rows out of the input"
            )
            raise WriteError(msg, table=str(self._table))

    def _report_changed_shadow(self, held: int, stored: int) -> None:
        """Raise an error because rows of the shadow were added or deleted by others.

        Only warn if some are missing and may have been deleted along with rows that
        they refer to, as the table's own rows would be.
        """
        cascades = self._connection.value(swapping.CASCADES, self._of_shadow)
        finding = (
            f"{self._table}: this replace has stored {stored:,} rows, of which its "
            f"shadow {self._shadow} holds {held:,} now"
        )
        if cascades and 0 < held < stored:
            log.warning(
                "%s: the others were deleted with rows that they refer to", finding
            )
            return
        msg = f"{finding}: somebody has changed that table meanwhile"
        raise WriteError(msg, table=str(self._table), goes_on=False)


def require_types(
    connection: Connection,
    table: TableName,
    shadow: TableName,
    columns: Collection[str],
    /,
) -> None:
    """Raise an error if a column's type in the table differs from that in the shadow.

    Values could be changed when they are copied into the shadow or inserted from it.

    Args:
        connection: A session; its transaction stays open.
        table: The table that is to be replaced.
        shadow: Its shadow.
        columns: The columns that rows were sent with.

    Raises:
        SchemaMismatchError: A column of the table has another type by now.
    """
    both = (quoted_table(shadow), quoted_table(table))
    changes = ", ".join(
        f"column {column} was {gathered} and is {now} now"
        for column, gathered, now in connection.rows(swapping.CHANGED_TYPES, both)
        if column in columns
    )
    if changes:
        msg = (
            f"{table}: {changes}, which might round values that this replace has "
            "gathered. Change the type back, or load all rows again"
        )
        raise SchemaMismatchError(msg)
