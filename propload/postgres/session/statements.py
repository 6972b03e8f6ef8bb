"""The interface of a session: run statements and queries, whatever the driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adbc_driver_manager.dbapi import Cursor

T = TypeVar("T")
#: A row as a dict by column name; its values have the types that the query returns.
Record: TypeAlias = "dict[str, Any]"


class Statements(ABC):
    """Runs statements and queries in a transaction; implemented by `Connection`."""

    @abstractmethod
    def execute(self, sql: str, params: Sequence[object] = ()) -> int | None:
        """Run a statement; return how many rows it changed, or None if not reported."""

    @abstractmethod
    def commit(self) -> None:
        """Commit the open transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Roll back the open transaction."""

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Values of types without an Arrow counterpart (regclass, inet, ...) are returned
        as bytes: cast them to text in the query.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        self._begin()
        return self.ask(sql, params)

    def ask(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query, as `rows` does, but begin no transaction.

        For a single query that needs none, such as a query of the catalog.

        Raises:
            ServerError: The server refused, or the connection is gone.
        """
        return self._ask(sql, params, lambda cursor: list(cursor.fetchall()))

    def records(self, sql: str) -> list[Record]:
        """Return the rows of a query, as `rows` does, each as a dict by column name.

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
        """Begin a transaction unless one is open."""

    @abstractmethod
    def _ask(
        self, sql: str, params: Sequence[object], take: Callable[[Cursor], T]
    ) -> T:
        """Run a query; return what `take` returns for the driver's cursor."""
