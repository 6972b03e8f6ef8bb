"""The state that all tables of one run share: its ledger and a replace's shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from propload.errors import TableGoneError
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.replacing.shadow import Shadow
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql.ledger import LOADED
from propload.postgres.tables.assumptions import RECREATED, changed_table_error
from propload.postgres.writing.committing import PieceCommitter
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

#: The note for a run whose ledger cannot be in the database.
_FILE_LEDGER_NOTE = (
    "this user could neither use nor create the schema propload in the "
    "database when the run began, so its ledger is the file {}"
)


class LoadingRun:
    """The state that all tables of one run share: its ledger and a replace's shadow.

    Args:
        run: The run.
        ledger: The ledger that its pieces are entered in.
        commands: Formats commands that find the journals of runs, for messages.
        connect: Opens a connection.

    Attributes:
        notes: Notes for the report.
        ledger: The ledger that pieces are entered in.
        end_notes: Notes for the report about the run's end.
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
            self.notes = (_FILE_LEDGER_NOTE.format(ledger.path),)
        self._shadow: Shadow | None = None
        self._sessions: dict[int, LaneSession] = {}
        #: The OID of the table that its rows go into, once it is known.
        self._oid: int | None = None
        self._is_first = True
        self._stored: StoredRows | None = None
        #: `unsure` until the server has answered the commit of the end.
        self._end: Literal["open", "unsure", "entered"] = "open"

    def session_of(self, lane: int, /) -> LaneSession:
        """Return the session of a lane, which its writers use one after another."""
        return self._sessions.setdefault(lane, LaneSession(self._connect))

    def open_entry_writer(self, lane: int, /) -> PieceCommitter:
        """Return a writer for a lane's pieces of batches without rows."""
        return PieceCommitter(self.session_of(lane), self.ledger, self._record.target)

    def enter_settings(self, session: Connection, run: RunRecord) -> None:
        """Enter the run's settings in the ledger if they differ from the last ones."""
        if run.settings != self._record.settings:
            self.ledger.enter_run(session, run)
            self._record = run

    def has_rows(self, session: Connection) -> bool:
        """Return whether the run has committed rows that still count."""
        return self._committed(session).stored > 0

    def restore_state(
        self,
        session: Connection,
        target: Target,
        facts: TableFacts | None,
        /,
        *,
        status: str,
    ) -> None:
        """Take over what earlier processes of the run have gathered, to end the run.

        Args:
            session: A session without an open transaction.
            target: The table and its rules.
            facts: The table as it is now, or None if it is gone.
            status: How the run ends.

        Raises:
            WriteError: The run is to replace a table that is gone: no table would be
                put in its place, and the gathered rows would be forgotten.
        """
        has_rows = self.has_rows(session)
        session.rollback()
        if not has_rows:
            return
        if facts is not None:
            self.table_to_fill(target, facts)
        elif target.mode == "replace" and status == LOADED:
            raise failures.table_gone_error(self._record.target, is_replace=True)

    def require_table(
        self, session: Connection, target: Target, facts: TableFacts | None, /
    ) -> None:
        """Raise if the table that rows of the run went into is gone.

        It would otherwise be created again from the columns of the next rows alone. The
        rows of a replace are in its shadow, so they may replace a table that somebody
        has created again.

        Args:
            session: A session without an open transaction.
            target: The table and its rules.
            facts: The table as it is now, or None if it is gone.

        Raises:
            TableGoneError: It was dropped or renamed; or it was created again, and
                rows were lost with the earlier table.
        """
        is_replace = target.mode == "replace"
        if facts is None:
            is_needed = self.is_filling or (is_replace and self.has_rows(session))
            session.rollback()
            if is_needed:
                raise failures.table_gone_error(
                    str(target.table), is_replace=is_replace
                )
        elif self._oid not in (None, facts.oid) and not is_replace:
            raise changed_table_error(target.table, [RECREATED], kind=TableGoneError)

    def _committed(self, session: Connection) -> Counts:
        """Return the total counts of the entries that still count."""
        entries = filter(self._record.still_counts, self.ledger.committed(session))
        return sum((entry.counts for entry in entries), Counts())

    def table_to_fill(self, target: Target, facts: TableFacts) -> TableName:
        """Return the table that writers fill: the target or its shadow."""
        table = target.table
        if target.mode == "replace":
            if self._shadow is None:
                self._shadow = self._make_shadow(target, facts)
            self._shadow.add_missing_columns(facts.columns)
            table = self._shadow.table
        # set last: once it is set, `end` has to know the shadow of a replace
        self._oid = facts.oid
        return table

    def _make_shadow(self, target: Target, facts: TableFacts) -> Shadow:
        """Return the shadow of a table: a new one, or that of an earlier process."""
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
        """Return what is known of the table's rows, for rows of one set of columns.

        Only the first call gets an answer; any later one returns None and discards what
        was known, because rows of one set may change those of the other.

        Args:
            shape: How rows go into the table.
            expected: Returns how many rows will come, or None if that is not known;
                None itself if rows are not to be compared.
        """
        first, self._is_first = self._is_first, False
        if first and expected is not None:
            self._stored = StoredRows.for_shape(shape, expected)
            return self._stored
        if self._stored is not None:
            self._stored.give_up()
        return None

    def note_columns(self, plan: tuple[ColumnPlan, ...]) -> None:
        """Note in the shadow of a replace which columns its rows have."""
        if self._shadow is not None:
            self._shadow.note_columns([each.column for each in plan])

    @property
    def is_filling(self) -> bool:
        """Whether the table that its rows go into is known."""
        return self._oid is not None

    def end(self, status: str, session: Connection) -> None:
        """Record in table and ledger how the run ended, unless that was done before.

        Args:
            status: How it ended.
            session: A session without an open transaction; a replace that takes effect
                uses the one that it keeps for its shadow.
        """
        if self._end == "entered":
            return
        try:
            shadow = self._shadow
            if shadow is not None and status == LOADED:
                session = shadow.session()
            # an earlier attempt may have been committed and only its answer lost
            is_unsure = self._end == "unsure"
            if not (is_unsure and self.ledger.status(session) == status):
                if shadow is not None and status == LOADED:
                    shadow.swap(self._committed(session))
                    # asked here, while the table is still locked by the swap
                    runs = self.ledger.other_open_runs(session, self._record.target)
                    self.end_notes = _overwritten_runs_note(runs, self._record.target)
                self.ledger.enter_end(session, status)
                self._end = "unsure"
                session.commit()
            self.ledger.mark_end_committed(status)
            self._end = "entered"
            if shadow is not None and status == LOADED:
                shadow.clear()
        except ServerError as error:
            table, doing = self._record.target, "the end of the run was recorded"
            raise failures.as_write_error(error, table=table, doing=doing) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the session that holds the shadow's lock."""
        if self._shadow is not None:
            self._shadow.close()


def _overwritten_runs_note(runs: Sequence[str], table: str) -> tuple[str, ...]:
    """Return the note about runs that were still running when a replace took effect."""
    if not runs:
        return ()
    names = f"run {runs[0]}" if len(runs) == 1 else f"runs {', '.join(runs)}"
    note = (
        f"{names} still ran when this replace took effect: what was committed by "
        f"then is gone from {table}, and what came later stays beside the new rows. "
        "Load it again if rows are missing, and keep such runs apart with --lock"
    )
    return (note,)
