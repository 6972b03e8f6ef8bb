"""Counts how many stored values are erased by columns that contain only nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import merging

if TYPE_CHECKING:
    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape

#: With fewer rows, a column of nulls is no sign of a mistake.
LEAST_ROWS = 100


class ErasureCounter:
    """Counts what a column erases, in the first piece in which it has only nulls.

    That takes one more query, which joins stage and table, only once for each column,
    however many pieces there are.

    Args:
        shape: How rows go into the table.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._reported: set[str] = set()
        self._counts: dict[str, int] = {}

    def begin(self) -> None:
        """Discard the counts of the piece before; they have been reported."""
        self._counts = {}

    def count(self, connection: Connection, layer: pl.DataFrame, /) -> None:
        """Count the stored values that the rows of the stage are about to erase.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.

        Raises:
            ServerError: A staged value cannot be cast, or the connection broke.
        """
        if layer.height < LEAST_ROWS:
            return
        empty = [
            name
            for name in self._shape.erasing_columns(layer)
            if name not in self._reported and layer[name].null_count() == layer.height
        ]
        if empty:
            query = merging.forecast(self._shape, erasing=empty)
            _, _, _, *erased = connection.rows(query)[0]
            self._counts = dict(zip(empty, map(int, erased), strict=True))

    def least_erased(self, refused: int, /) -> dict[str, int]:
        """Return the least number of values that the piece erases, by column.

        Args:
            refused: How many of its rows were refused and so erase nothing.
        """
        return {name: n - refused for name, n in self._counts.items() if n > refused}

    def exclude_counted(self) -> None:
        """Exclude the columns counted for a piece, as it was committed, from now on."""
        self._reported |= self._counts.keys()
