"""Test doubles in memory, for tests of code that uses propload, and of propload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.arguments import require_count
from propload.batch import Batch
from propload.values.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["MemorySource"]


class MemorySource:
    """A source of rows in memory, for `ingest`, `check` and `put`.

    Args:
        rows: The rows.
        chunk_rows: Rows in each batch, 1 or more.
        name: The source's name in reports and for rejected rows.
        error: If given, raised after the last row, as by a source that fails.

    Raises:
        ConfigError: `chunk_rows` is not 1 or more.
    """

    # not a dataclass, which would be taken for a row
    def __init__(
        self,
        rows: Sequence[Mapping[str, object]],
        chunk_rows: int = 10,
        name: str = "memory",
        error: BaseException | None = None,
    ) -> None:
        require_count("chunk_rows", chunk_rows)
        self.rows = rows
        self.chunk_rows = chunk_rows
        self.name = name
        # reports name iterables, such as generators, by this attribute
        self.__name__ = name
        self.error = error

    def __iter__(self) -> Iterator[Batch]:
        columns = Columns(complete=False)
        for start in range(0, len(self.rows), self.chunk_rows):
            part = [dict(row) for row in self.rows[start : start + self.chunk_rows]]
            yield Batch(columns.build(part), self.name, start + 1)
        if self.error is not None:
            raise self.error
