"""Fixtures: write files, read sources, and collect what they yield."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources import open_source

if TYPE_CHECKING:
    from propload.batch import Batch, Unread


@dataclass
class Reading:
    """Everything that a source has yielded, up to its end or its error."""

    batches: list[Batch] = field(default_factory=list)
    error: SourceError | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch.rows.to_pylist()]

    @property
    def tuples(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.rows]

    @property
    def unread(self) -> list[Unread]:
        return [fault for batch in self.batches for fault in batch.unread]

    @property
    def numbers(self) -> list[int]:
        """The row number of each good row."""
        return [number for batch in self.batches for number in batch.numbers]

    @property
    def names(self) -> list[str]:
        return list(self.batches[0].rows.schema.names)


def read_all(source: object, **options: Any) -> Reading:
    reading = Reading()
    try:
        for batch in open_source(source, SourceOptions(**options)):
            reading.batches.append(batch)
    except SourceError as error:
        reading.error = error
    return reading


@pytest.fixture(scope="session")
def read():
    return read_all


@pytest.fixture
def write(tmp_path):
    def to_file(name: str, content: str | bytes, encoding: str = "utf-8") -> str:
        path = tmp_path / name
        if isinstance(content, str):
            content = content.encode(encoding)
        path.write_bytes(content)
        return str(path)

    return to_file


@pytest.fixture
def folder(tmp_path):
    """Create a folder with files of several kinds, and return it."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, text in {
        "b.csv": "x\nb\n",
        "a.csv": "x\na\n",
        "deep/c.ndjson": '{"y": 1}\n',
        "notes.md": "no rows",
        ".hidden.csv": "x\n?\n",
        "_SUCCESS": "",
    }.items():
        (tmp_path / "in" / name).write_text(text)
    return tmp_path / "in"
