"""What a session can be asked and told to do, without a word of the driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adbc_driver_manager.dbapi import Cursor

T = TypeVar("T")
#: A row by the names of its columns; the types of its values are the server's.
Record: TypeAlias = "dict[str, Any]"


class Statements(ABC):
    """Runs statements and answers questions, in a transaction: a `Connection`."""

    @abstractmethod
    def execute(self, sql: str, params: Sequence[object] = ()) -> int | None:
        """Return the rows that a statement changed, or None where not told."""

    @abstractmethod
    def commit(self) -> None:
        """Commit the open transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the open transaction."""

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Types without an Arrow equal (regclass, inet, ...) come as bytes: cast them to
        text in the query.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        self._begin()
        return self.ask(sql, params)

    def ask(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query, as `rows` does, and begin no transaction.

        For what needs none, as it is one by itself: a question to the catalog.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        return self._ask(sql, params, lambda cursor: list(cursor.fetchall()))

    def records(self, sql: str) -> list[Record]:
        """Return the rows of a query, as `rows` does, each by the names of its columns.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """

        def by_names(cursor: Cursor) -> list[Record]:
            names = [name for name, *_ in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        self._begin()
        return self._ask(sql, (), by_names)

    def value(self, sql: str, params: Sequence[object] = ()) -> Any:
        """Return the first value of the first row of a query, as `rows` does.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        return self.rows(sql, params)[0][0]

    @abstractmethod
    def _begin(self) -> None:
        """Begin a transaction, where none is open."""

    @abstractmethod
    def _ask(
        self, sql: str, params: Sequence[object], take: Callable[[Cursor], T]
    ) -> T:
        """Return what is taken from the driver's cursor of an answered query."""
