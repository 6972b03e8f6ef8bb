"""The format of a journal: records with checksums, by which a torn tail is detected.

A record is a header of 16 bytes (magic number, length of the body, CRC-32, length of
the body's first part), followed by the body: a JSON object about the batch, and the
batch as an Arrow IPC stream.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from propload.batch import Batch, Unread
from propload.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD = struct.Struct("<4sIII")
_MAGIC = b"PLJ1"
SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Record:
    """A batch in a journal.

    Attributes:
        batch: The batch.
        first_row: The number of its first row within the run, from 0.
    """

    batch: Batch
    first_row: int

    @property
    def through_row(self) -> int:
        """The row number of the run after its last row, unread rows included."""
        return self.first_row + self.batch.height


@dataclass(slots=True)
class TornTail:
    """The part at the end of a journal that cannot be read.

    Attributes:
        bytes: Bytes that are not a complete record.
        damaged: The file that begins this part, if complete records or other files
            follow, or None. A killed process leaves neither: it ends a record, and a
            file, before the next.
    """

    bytes: int = 0
    damaged: Path | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What a journal holds.

    Attributes:
        first_row: The number of its first row within the run.
        through_row: The number after its last row.
        torn_bytes: Bytes at the end that are not a complete record, and were never
            acknowledged.
        damaged_bytes: Bytes from a damaged record on that others follow: acknowledged
            rows that cannot be read.
    """

    first_row: int
    through_row: int
    torn_bytes: int
    damaged_bytes: int


def encode(record: Record) -> bytes:
    """Return the bytes of a record."""
    batch = record.batch
    about = {
        "first_row": record.first_row,
        "source": batch.source,
        "row": batch.first_row,
        "row_numbers": batch.row_numbers,
        "untyped": batch.untyped,
        "unread": [asdict(row) for row in batch.unread],
        "as_of": batch.as_of.isoformat() if batch.as_of else None,
    }
    first = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    # Arrow's own stream: making a Python one takes longer than encoding a row
    rows = pa.BufferOutputStream()
    with pa.ipc.new_stream(rows, batch.rows.schema) as writer:
        writer.write_batch(batch.rows)
    body: bytes = first + rows.getvalue().to_pybytes()
    return _HEAD.pack(_MAGIC, len(body), _checksum(body, len(first)), len(first)) + body


def read(file: BinaryIO) -> Record | None:
    """Return the next record of a file, or None if the file ends after a whole record.

    Raises:
        JournalError: What follows is not a complete record.
    """
    parts = _read_body(file)
    return None if parts is None else _decode(*parts)


def _read_body(file: BinaryIO) -> tuple[bytes, int] | None:
    """Return a record's body and the length of its first part, or None at the end."""
    head = file.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        msg = "the record's head is cut"
        raise JournalError(msg)
    magic, length, checksum, first = _HEAD.unpack(head)
    body = file.read(length) if magic == _MAGIC else b""
    if magic != _MAGIC or len(body) < length or _checksum(body, first) != checksum:
        msg = "the record is cut or damaged"
        raise JournalError(msg)
    return body, first


def _checksum(body: bytes, first: int) -> int:
    # covers the body and `first`; damage to the header's other fields shows by itself
    return zlib.crc32(body, first)


def _decode(body: bytes, first: int) -> Record:
    about = json.loads(body[:first])
    with pa.ipc.open_stream(pa.py_buffer(body)[first:]) as reader:
        rows = reader.read_next_batch()
    batch = Batch(
        rows,
        about["source"],
        about["row"],
        tuple(about["row_numbers"]) if about["row_numbers"] else None,
        about["untyped"],
        tuple(Unread(**one) for one in about["unread"]),
        datetime.fromisoformat(about["as_of"]) if about["as_of"] else None,
    )
    return Record(batch, about["first_row"])


def segment_name(first_row: int) -> str:
    """Return the file name of the segment that begins with this row number."""
    return f"{first_row:016d}{SUFFIX}"


def segments(folder: Path) -> list[Path]:
    """Return the journal's files, in order of their rows."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read_segments(folder: Path, torn: TornTail) -> Iterator[Record]:
    """Yield the records of a journal up to a torn tail, which is counted in `torn`.

    A record is acknowledged to its producer only after its last byte was written, so a
    torn one never was. Nothing after it can be trusted, so reading ends there.
    """
    for body, first in _bodies(folder, torn):
        yield _decode(body, first)


def survey(folder: Path) -> Survey:
    """Return what a journal holds; of its batches only the last is decoded."""
    torn = TornTail()
    first_row, last = 0, None
    for parts in _bodies(folder, torn):
        if last is None:
            body, length = parts
            first_row = int(json.loads(body[:length])["first_row"])
        last = parts
    through = first_row if last is None else _decode(*last).through_row
    damaged = torn.damaged is not None
    return Survey(
        first_row, through, 0 if damaged else torn.bytes, torn.bytes if damaged else 0
    )


def _bodies(folder: Path, torn: TornTail) -> Iterator[tuple[bytes, int]]:
    paths = segments(folder)
    for position, path in enumerate(paths, start=1):
        with path.open("rb") as file:
            while True:
                valid_end = file.tell()
                try:
                    parts = _read_body(file)
                except JournalError:
                    _describe_tail(torn, path, valid_end, paths[position:])
                    return
                if parts is None:
                    break
                yield parts


def _describe_tail(torn: TornTail, path: Path, start: int, later: list[Path]) -> None:
    """Enter how much cannot be read from `start` on, and whether it is damage."""
    torn.bytes += path.stat().st_size - start
    torn.bytes += sum(each.stat().st_size for each in later)
    torn.damaged = path if later or _is_followed(path, start) else None


def _is_followed(path: Path, start: int) -> bool:
    """Return whether a complete record follows the damaged one at `start`."""
    with path.open("rb") as file:
        file.seek(start)
        rest = file.read()
    behind = io.BytesIO(rest)
    place = rest.find(_MAGIC, 1)
    while place >= 0:
        behind.seek(place)
        try:
            return _read_body(behind) is not None
        except JournalError:
            place = rest.find(_MAGIC, place + 1)
    return False


class EncodedBatch:
    """An encoded batch, which is encoded again if its first row gets another number."""

    def __init__(self, batch: Batch, first_row: int) -> None:
        self.record = Record(batch, first_row)
        self.data = encode(self.record)

    def number_from(self, first_row: int) -> None:
        """Number its rows from `first_row` on."""
        if first_row != self.record.first_row:
            self.record = Record(self.record.batch, first_row)
            self.data = encode(self.record)
