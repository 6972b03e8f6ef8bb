"""Scratch tables for trials, in a namespace of their own that is removed afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import WriteError
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import scratching
from propload.postgres.sql.tables import drop_statement, exists_query, like_statement
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.postgres.session.connection import Connection


@dataclass(frozen=True, slots=True)
class ScratchNamespace:
    """A namespace for trials.

    Attributes:
        session: A session of its own.
        namespace: The PostgreSQL schema of the tables.
        model: The table whose structure they copy, if it exists.
    """

    session: Connection
    namespace: str
    model: TableName

    @classmethod
    @contextmanager
    def open(
        cls, session: Connection, namespace: str, model: TableName, /
    ) -> Iterator[ScratchNamespace]:
        """Create the namespace, and remove it with all traces at the end.

        Args:
            session: A session, which is closed at the end.
            namespace: A name that is not in use.
            model: The table whose structure scratch tables copy, if it exists.

        Raises:
            WriteError: This user may not create a namespace, or the server refuses.
        """
        with session:
            had_ledger = bool(session.value(scratching.HAS_LEDGER))
            _make(session, namespace)
            scratch = cls(session, namespace, model)
            try:
                yield scratch
            finally:
                scratch.remove(with_ledger=not had_ledger)

    @contextmanager
    def table(self, name: str, /) -> Iterator[str]:
        """Yield the name of a table, empty or missing, that is dropped at the end."""
        table = TableName(self.namespace, name)
        if self.session.value(exists_query(self.model)):
            self.session.execute(like_statement(table, self.model))
        self.session.commit()
        try:
            yield str(table)
        finally:
            self.session.rollback()
            self.session.execute(drop_statement(table))
            self.session.commit()

    def remove(self, *, with_ledger: bool) -> None:
        """Drop the namespace, and the entries of its runs in the ledger.

        The entries stay if this user may not delete from the ledger.

        Args:
            with_ledger: Whether to drop the ledger itself, as it did not exist before,
                unless another run has been entered in it.
        """
        self.session.rollback()
        self.session.execute(scratching.drop_namespace(self.namespace))
        if self.session.value(scratching.MAY_FORGET):
            for statement in scratching.forget_runs(self.namespace):
                self.session.execute(statement)
            if with_ledger:
                self._drop_ledger()
        self.session.commit()

    def _drop_ledger(self) -> None:
        # a run that began meanwhile is entered there and needs it
        self.session.execute(scratching.LOCK_RUNS)
        if not self.session.rows(scratching.ANY_RUN):
            self.session.execute(scratching.DROP_LEDGER)


def _make(session: Connection, namespace: str) -> None:
    try:
        session.execute(scratching.make_namespace(namespace))
        session.commit()
    except ServerError as error:
        if error.sqlstate != failures.MISSING_RIGHT:
            raise failures.as_write_error(error, table=namespace) from error
        msg = (
            "trials need a namespace of their own, which this user may not create: "
            f"GRANT CREATE ON DATABASE to it, or use another server ({error})"
        )
        raise WriteError(msg) from error
