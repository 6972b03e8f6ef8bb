"""Replace: rows gather in a shadow of the table and take its place at the end.

The shadow of a run that failed stays, so that the run can be continued. The next
replace of a table of the same namespace removes it, unless nobody could read its rows
again: the journal of such a run has let go of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from propload.errors import WriteError
from propload.postgres.ledger.access import LedgerAccess
from propload.postgres.replacing.shadow_rights import missing_shadow_right
from propload.postgres.replacing.swap import Swap, require_types
from propload.postgres.session import failures, locking
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import ledger, swapping
from propload.postgres.sql.locks import limit_wait
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.sql.shadow_names import ShadowNames
from propload.postgres.sql.tables import (
    add_columns_statement,
    drop_statement,
    exists_query,
    like_statement,
)
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableColumn
    from propload.report import Counts
    from propload.target import Target

log = logging.getLogger(__name__)

#: Letters of the run's hash in a shadow's name: no two runs of one database meet.
_LETTERS = 20
#: To drop a shadow locks what it refers to; who reads that waits behind this.
DROP_SECONDS = 0.5
#: After so many days each replace tells of a shadow that is kept for its journal.
TOLD_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands with a shadow, for runs that know nothing else of it.

    Attributes:
        run: The run that fills it.
        target: The table whose place it is to take.
        since: When it was made, ISO 8601.
        journaled: Whether it holds rows that nobody can read again.
        columns: The columns that rows came with.
    """

    run: str
    target: str
    since: str
    journaled: bool = False
    columns: Sequence[str] = ()

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Return the remark of a text, or None where that is something else."""
        try:
            return cls(**json.loads(text or ""))
        except (TypeError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The remark as it stands with the shadow."""
        return json.dumps(asdict(self))

    @property
    def is_old(self) -> bool:
        """Whether somebody may have forgotten the run."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.since)
        return age > timedelta(days=TOLD_AFTER_DAYS)


class Shadow:
    """The shadow of one run; a lock tells other runs that it is in use.

    Args:
        connection: A session that holds the lock until the run ends.
        target: The table and its rules.
        run: The run.
        namespace: Where shadows are kept.
        commands: How commands are written that find the journals of runs.
    """

    def __init__(
        self,
        connection: Connection,
        target: Target,
        run: RunRecord,
        namespace: str,
        *,
        commands: Commands,
    ) -> None:
        self.table = TableName(namespace, _name_of(run.run_id, str(target.table)))
        self._run = run
        self._commands = commands
        self._connection = connection
        self._target = target
        self._columns: dict[str, None] = {}
        self._since = datetime.now(UTC).isoformat(timespec="seconds")

    def make(self, *, unique: bool, continued: bool) -> None:
        """Make the shadow, empty, or take up the one of a run that is continued.

        Args:
            unique: Whether the target keeps the key unique.
            continued: Whether the run has committed pieces already.

        Raises:
            WriteError: The rows of a continued run are gone, another process is at
                this run now, or this user may not make tables there.
        """
        self._take_lock()
        self._remove_abandoned()
        there = self._connection.value(exists_query(self.table))
        if continued and not there:
            raise failures.gathered_rows_gone(str(self._target.table))
        if continued:
            noted = self._connection.value(swapping.noted(self.table))
            before = Remark.read(noted)
            if before is not None:
                self._columns |= dict.fromkeys(before.columns)
                self._since = before.since
        else:
            self._require_right()
            self._create(unique=unique)
            self._note(self._columns)
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

        Raises:
            WriteError: The shadow is gone.
        """
        found = self._connection.rows(swapping.columns_of(self.table))
        there = {name for (name,) in found}
        if not there:
            raise failures.gathered_rows_gone(str(self._target.table))
        new = {one.name: one.pg_type for one in columns if one.name not in there}
        if new:
            self._connection.execute(add_columns_statement(self.table, new))
        self._connection.commit()

    def note_columns(self, columns: Sequence[str], /) -> None:
        """Note columns that rows come with, for who continues the run as well.

        Raises:
            SchemaMismatchError: They have other types in the table than in the shadow.
        """
        connection = self._connection
        try:
            require_types(connection, self._target.table, self.table, columns)
        finally:
            connection.rollback()
        if self._columns.keys() >= set(columns):
            return
        known = self._columns | dict.fromkeys(columns)
        self._note(known)
        self._connection.commit()
        # not before: where the line broke, they are noted when this is tried again
        self._columns = known

    def swap(self, committed: Counts, /) -> None:
        """Put the shadow's rows in place of the table's; ends with the commit.

        Args:
            committed: What became of the rows that the run has committed.

        Raises:
            WriteError: The server refused, rows of the shadow are lost, or a trigger
                let some fall; the table holds what it held.
            SchemaMismatchError: The table's columns have other types by now.
        """
        columns = tuple(self._columns)
        swap = Swap(self._connection, self._target, self.table, columns)
        swap.run(committed)

    def clear(self) -> None:
        """Drop what a committed swap has left; never raises.

        Where that cannot be had now, a later replace does it.
        """
        try:
            _drop(self._connection, self.table, wait=DROP_SECONDS)
        except ServerError as error:
            log.debug("%s is left, empty: %s", self.table, error)

    def _take_lock(self) -> None:
        wait = locking.GRACE_SECONDS
        if not locking.take(self._connection, _subject(self.table), wait=wait):
            msg = (
                f"another process is replacing {self._target.table} in this same run "
                f"{self._run.run_id}: wait for its end"
            )
            raise WriteError(msg, table=str(self._target.table))

    def _note(self, columns: Iterable[str]) -> None:
        remark = Remark(
            self._run.run_id,
            str(self._target.table),
            since=self._since,
            journaled=self._run.is_journaled,
            columns=[*columns],
        )
        self._connection.execute(swapping.note(self.table, remark.text))

    def _require_right(self) -> None:
        table = self._target.table
        missing = missing_shadow_right(self._connection, table, self.table.namespace)
        if missing:
            raise WriteError(missing, table=str(table), sqlstate=failures.MISSING_RIGHT)

    def _create(self, *, unique: bool) -> None:
        target = self._target
        run = self._connection.execute
        run(drop_statement(self.table))
        run(like_statement(self.table, target.table))
        if target.key and not unique:
            run(swapping.add_key(self.table, target.key))
        query = (quoted_table(target.table),)
        constraints = self._connection.rows(swapping.FOREIGN_KEYS, query)
        # a row that finds no partition at the end would end the run
        placed = self._connection.value(swapping.PLACED, query)
        if placed:
            named = f"partition of {target.table.table}"
            constraints.append((named, f"CHECK ({placed})"))
        for constraint, definition in constraints:
            run(swapping.add_constraint(self.table, constraint, definition))

    def _remove_abandoned(self) -> None:
        """Remove shadows that nobody holds the lock of.

        Not those of runs into other tables that have not ended, whose session may
        have been lost for a while, and not those of runs whose rows nobody can read
        again: `propload recover` still finishes them, whenever that is.
        """
        query = (self._target.table.namespace,)
        found = self._connection.rows(swapping.SHADOWS, query)
        spared = {self.table.table, *self._unfinished()}
        for namespace, name, noted in found:
            other, remark = TableName(namespace, name), Remark.read(noted)
            if name in spared or (remark is not None and remark.journaled):
                self._tell(other, remark)
            elif locking.take(self._connection, _subject(other)):
                _drop(self._connection, other, wait=DROP_SECONDS)
                locking.release(self._connection, _subject(other))

    def _tell(self, other: TableName, remark: Remark | None) -> None:
        """Tell of a shadow that nobody may come back for."""
        if remark is None or remark.run == self._run.run_id or not remark.is_old:
            return
        log.warning(
            "%s has held since %s what run %s had gathered for %s: %s "
            "puts it in its place, and with --drop gives it up. Where the journal of "
            "that run is lost, drop the table",
            other,
            remark.since,
            remark.run,
            remark.target,
            self._commands.recover(remark.run),
        )

    def _unfinished(self) -> list[str]:
        if not LedgerAccess.of(self._connection).is_usable:
            return []
        query = (str(self._target.table),)
        runs = self._connection.rows(ledger.UNFINISHED_REPLACES, query)
        return [_name_of(run_id, target) for run_id, target in runs]


def drop_shadow(connection: Connection, run_id: str, target: str, /) -> None:
    """Drop what a replace had gathered, where it is still there.

    Args:
        connection: A session without open work.
        run_id: The run.
        target: The qualified table.
    """
    query = (_name_of(run_id, target),)
    for place in connection.rows(swapping.NAMED, query):
        _drop(connection, TableName(*place))
    connection.rollback()


def _drop(
    connection: Connection, shadow: TableName, *, wait: float | None = None
) -> None:
    """Drop an abandoned shadow; that it stays is no fault of this run.

    Args:
        connection: A session without open work.
        shadow: The shadow.
        wait: Seconds to wait for who reads what it refers to; None for no limit.
    """
    try:
        if wait is not None:
            connection.execute(limit_wait(wait))
        connection.execute(drop_statement(shadow))
        connection.commit()
    except ServerError as error:
        connection.rollback()
        failure = failures.classify(error)
        if wait is not None and error.sqlstate == locking.NOT_IN_TIME:
            return
        if failure.kind == "transient":
            raise
        log.warning("%s of an earlier replace stays: %s", shadow, failure.message)


def _subject(shadow: TableName) -> str:
    return f"shadow:{shadow}"


def _name_of(run_id: str, target: str) -> str:
    told = f"{run_id} {target}".encode()
    return swapping.PREFIX + hashlib.blake2b(told).hexdigest()[:_LETTERS]


def read_shadow_names(
    connection: Connection, shadow: TableName, target: TableName, /
) -> ShadowNames:
    """Return the names of a shadow's indexes and constraints and the target's.

    Args:
        connection: Where both are.
        shadow: The table that is written; the target itself has no other names.
        target: The table that is to be replaced.

    Raises:
        ServerError: The catalog cannot be read.
    """
    if shadow == target:
        return ShadowNames()
    both = (quoted_table(shadow), quoted_table(target))
    found = [(str(one), str(own)) for one, own in connection.rows(swapping.TWINS, both)]
    tables = ((str(shadow), str(target)), (shadow.table, target.table))
    named = sorted(found, key=lambda pair: len(pair[0]), reverse=True)
    return ShadowNames((*named, *tables), shadow.namespace)
