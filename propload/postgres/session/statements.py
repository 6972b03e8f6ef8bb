"""What modules below the one that knows the driver ask of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Statements(Protocol):
    """Runs statements in a transaction: a `Connection`."""

    def execute(self, sql: str, /) -> int | None:
        """Return the rows that a statement changed, or None where not told."""

    def rows(self, sql: str, params: Sequence[object], /) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def commit(self) -> None:
        """Commit the open transaction."""

    def rollback(self) -> None:
        """Undo the open transaction."""
