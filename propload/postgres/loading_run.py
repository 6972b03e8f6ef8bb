"""What the tables of one run share: the ledger, and the shadow of a replace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from propload.errors import TableGoneError
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.replacing.shadow import Shadow
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.tables.assumptions import MADE_AGAIN, changed
from propload.postgres.writing.committing import EntryWriter
from propload.postgres.writing.lane_session import LaneSession
from propload.postgres.writing.stored.stored_rows import StoredRows
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.ledger import Ledger
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.facts import TableFacts
    from propload.target import ColumnPlan, TableName, Target

#: What is told where the database has no room for a ledger.
_NO_ROOM = (
    "this user could neither use nor create the schema propload in the "
    "database when the run began, so its ledger is the file {}"
)


class LoadingRun:
    """What the tables of one run share: the ledger, and a replace's shadow.

    Args:
        run: The run.
        ledger: Where its pieces are entered.
        commands: How commands are written that find the journals of runs.
        connect: Opens a connection.

    Attributes:
        notes: What a reader of the report should know.
        ledger: Where pieces are entered.
        end_notes: What a reader should know of its end.
    """

    def __init__(
        self,
        run: RunRecord,
        ledger: Ledger,
        commands: Commands,
        *,
        connect: Callable[[], Connection],
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self.end_notes: tuple[str, ...] = ()
        self.ledger = ledger
        self._connect = connect
        self._commands = commands
        self._record = run
        if isinstance(ledger, FileLedger):
            self.notes = (_NO_ROOM.format(ledger.path),)
        self._shadow: Shadow | None = None
        self._sessions: dict[int, LaneSession] = {}
        #: The number of the table that its rows go into, once that is known.
        self._oid: int | None = None
        self._is_first = True
        self._stored: StoredRows | None = None
        #: Unsure while the answer to the commit of the end is not there.
        self._end: Literal["open", "unsure", "entered"] = "open"

    def session_of(self, lane: int, /) -> LaneSession:
        """Return the session of a lane, for its writers one after the other."""
        return self._sessions.setdefault(lane, LaneSession(self._connect))

    def open_entry_writer(self, lane: int, /) -> EntryWriter:
        """Return a writer for a lane's pieces of batches without a row."""
        return EntryWriter(self.session_of(lane), self.ledger, self._record.target)

    def describe(self, session: Connection, run: RunRecord) -> None:
        """Enter what holds from now on, where it is not what was entered last."""
        if run.settings != self._record.settings:
            self.ledger.describe(session, run)
            self._record = run

    def has_rows(self, session: Connection) -> bool:
        """Return whether the run has committed rows that still count."""
        return self._committed(session).stored > 0

    def take_up(
        self,
        session: Connection,
        target: Target,
        facts: TableFacts | None,
        /,
        *,
        status: str,
    ) -> None:
        """Take up what earlier processes of the run have gathered, to end it.

        Args:
            session: One without open work.
            target: The table and its rules.
            facts: The table as it is now, or None where it is gone.
            status: How the run ends.

        Raises:
            WriteError: It is to replace the rows of a table that is gone: nothing
                would be put in place, and what was gathered be forgotten.
        """
        has_rows = self.has_rows(session)
        session.rollback()
        if not has_rows:
            return
        if facts is not None:
            self.table_to_fill(target, facts)
        elif target.mode == "replace" and status == "loaded":
            raise failures.table_gone(self._record.target, is_replace=True)

    def require_table(
        self, session: Connection, target: Target, facts: TableFacts | None, /
    ) -> None:
        """Refuse to go on where the table that rows went into is gone.

        It would be made again for the next ones, by their columns alone. What a
        replace has gathered is elsewhere: it may go into a table that somebody has
        made again.

        Args:
            session: One without open work.
            target: The table and its rules.
            facts: The table as it is now, or None where it is gone.

        Raises:
            TableGoneError: It was dropped or renamed; or it was made again, and rows
                went with the one before.
        """
        is_replace = target.mode == "replace"
        if facts is None:
            is_needed = self.is_filling or (is_replace and self.has_rows(session))
            session.rollback()
            if is_needed:
                raise failures.table_gone(str(target.table), is_replace=is_replace)
        elif self._oid not in (None, facts.oid) and not is_replace:
            raise changed(target.table, [MADE_AGAIN], kind=TableGoneError)

    def _committed(self, session: Connection) -> Counts:
        """Return what became of the rows that still count."""
        entries = filter(self._record.still_counts, self.ledger.committed(session))
        return sum((entry.counts for entry in entries), Counts())

    def table_to_fill(self, target: Target, facts: TableFacts) -> TableName:
        """Return the table that writers fill: the target or its shadow."""
        table = target.table
        if target.mode == "replace":
            if self._shadow is None:
                self._shadow = self._make_shadow(target, facts)
            self._shadow.widen(facts.columns)
            table = self._shadow.table
        # not before: an end that is tried again must know the shadow of a replace
        self._oid = facts.oid
        return table

    def _make_shadow(self, target: Target, facts: TableFacts) -> Shadow:
        """Return the shadow of a table, made or taken up."""
        in_database = not isinstance(self.ledger, FileLedger)
        shadow = Shadow(
            target,
            self._record,
            "propload" if in_database else target.table.namespace,
            commands=self._commands,
            connect=self._connect,
        )
        try:
            continued = self.has_rows(shadow.session())
            shadow.make(unique=facts.keeps_unique(target.key), continued=continued)
        except BaseException:
            shadow.close()
            raise
        return shadow

    def stored_rows(
        self, shape: Shape, expected: Callable[[], int | None] | None, /
    ) -> StoredRows | None:
        """Return what is known of the rows of a table, for rows of one set of columns.

        Of a second set nothing is, and what was known for the first one is forgotten:
        rows of one may change those of the other.

        Args:
            shape: How rows go into the table.
            expected: Returns how many rows come, or None; None where nobody knows.
        """
        first, self._is_first = self._is_first, False
        if first and expected is not None:
            self._stored = StoredRows.find(shape, expected)
            return self._stored
        if self._stored is not None:
            self._stored.give_up()
        return None

    def note_columns(self, plan: tuple[ColumnPlan, ...]) -> None:
        """Note columns that rows come with."""
        if self._shadow is not None:
            self._shadow.note_columns([each.column for each in plan])

    @property
    def is_filling(self) -> bool:
        """Whether it is known into which table its rows go."""
        return self._oid is not None

    def end(self, status: str, session: Connection) -> None:
        """Let table and ledger know how the run ended; the first call counts.

        Args:
            status: How it ended.
            session: One without open work, where the run keeps none for a shadow.
        """
        if self._end == "entered":
            return
        try:
            shadow = self._shadow
            if shadow is not None:
                session = shadow.session()
            # an earlier attempt may have been committed although its answer was lost
            unsure = self._end == "unsure"
            if not (unsure and self.ledger.status(session) == status):
                if shadow is not None and status == "loaded":
                    shadow.swap(self._committed(session))
                    # while the table is locked
                    runs = self.ledger.other_open_runs(session, self._record.target)
                    self.end_notes = _wiped(runs, self._record.target)
                self.ledger.enter_end(session, status)
                self._end = "unsure"
                session.commit()
            self.ledger.settle_end(status)
            self._end = "entered"
            if shadow is not None and status == "loaded":
                shadow.clear()
        except ServerError as error:
            table, doing = self._record.target, "the end of the run was recorded"
            raise failures.as_write_error(error, table=table, doing=doing) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the session that keeps the shadow's lock."""
        if self._shadow is not None:
            self._shadow.close()


def _wiped(runs: Sequence[str], table: str) -> tuple[str, ...]:
    """Return what is said of runs whose rows a replace has removed as they went on."""
    if not runs:
        return ()
    who = f"run {runs[0]}" if len(runs) == 1 else f"runs {', '.join(runs)}"
    note = (
        f"{who} still ran when this replace took effect: what was committed by "
        f"then is gone from {table}, and what came later stays beside the new rows. "
        "Load it again if rows are missing, and keep such runs apart with --lock"
    )
    return (note,)
