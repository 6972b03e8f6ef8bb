"""The format of a line of rejected rows, and reading the lines of a file."""

from __future__ import annotations

import json
from array import array
from collections import deque
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

#: The fields of each reason of a row.
REASON_COLUMNS = ("stage", "column", "check", "value", "message", "sqlstate")

#: Prefix of the columns about a row, which stand beside the row's own.
OWN_PREFIX = "propload_"

#: The required fields of a line, with the types that JSON gives them.
_REQUIRED: Mapping[str, tuple[type, ...]] = {
    "source": (str,),
    "row": (int,),
    "values": (dict, NoneType),
    "reasons": (list,),
}
#: The optional fields of a line.
_OPTIONAL = {"run": str, "time": str, "as_of": str, "batch": int, "lane": int}
#: Integer fields; propload writes none that needs more than 64 bits.
_INTEGERS = ("row", "batch", "lane")
_INT64_END = 1 << 63
#: The required fields of each reason.
_REQUIRED_OF_REASONS = frozenset({"stage", "column", "check", "message"})
#: The end of each line that propload writes, which is the end of its reasons.
_END = b"}]}"
#: About how many bytes of lines are decoded in one call, so that their values fit into
#: the processor's cache.
_BYTES_AT_ONCE = 1 << 16

#: A decoded line. `values` is None if the row could not be read at all.
Line: TypeAlias = "Mapping[str, Any]"


def each_line(path: Path) -> Iterator[tuple[bytes, Line]]:
    """Yield the lines of a file, each as bytes with its newline and as decoded values.

    A last line that a killed run left incomplete is skipped: its row was not
    acknowledged, so it will be rejected again. A last line that only lacks its newline
    is complete: an editor left that out.

    Raises:
        ConfigError: A line is not a rejected row, as the file was edited.
    """
    with path.open("rb") as file:
        for _, text, line in _lines_with_offset(file, path):
            yield text.removesuffix(b"\n") + b"\n", line


def lines_with_length(file: BinaryIO, path: Path, /) -> Iterator[tuple[int, Line]]:
    """Yield the lines of an open file from its position on, each with its length.

    Raises:
        ConfigError: As in `each_line`.
    """
    return ((len(text), line) for _, text, line in _lines_with_offset(file, path))


def lines_in_order(
    path: Path, is_wanted: Callable[[Line], bool], /
) -> Iterator[tuple[int, Line]]:
    """Yield some lines of a file, each with its length, by batch, source and row.

    The order of the file differs: rows that the database rejects are often written
    after rows of later batches that were rejected while preparing.

    Args:
        path: The file.
        is_wanted: Returns whether a line is to be yielded.

    Raises:
        ConfigError: As in `each_line`.
    """
    positions = _RowPositions()
    with path.open("rb") as file:
        for offset, _, line in _lines_with_offset(file, path):
            if is_wanted(line):
                positions.add(offset, line)
        for texts in _texts_at(file, positions.in_order()):
            # not None: the first pass found a row in each
            lines = _decode_together(texts) or map(_decode_line, texts)
            yield from zip(map(len, texts), cast("Iterable[Line]", lines), strict=True)


def chunk_lines(
    lines: Iterable[tuple[int, Line]], rows: int, nbytes: int, /
) -> Iterator[list[Line]]:
    """Yield lines in lists; a line longer than `nbytes` gets a list of its own.

    Args:
        lines: The lines, each with its length.
        rows: The most lines in a list.
        nbytes: The most bytes in a list.
    """
    part: list[Line] = []
    size = 0
    for length, line in lines:
        if part and (len(part) == rows or size + length > nbytes):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def _lines_with_offset(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes, Line]]:
    """Yield the offset of each line, its text, and its decoded values."""
    offset, number = 0, 1
    lines: Iterable[Line | None]
    while texts := file.readlines(_BYTES_AT_ONCE):
        lines = _decode_together(texts) or _decode_separately(texts, number, path)
        for text, line in zip(texts, lines, strict=False):
            if line is not None:
                yield offset, text, line
            offset += len(text)
        number += len(texts)
        if not texts[-1].endswith(b"\n"):
            # a run may still be writing: what follows would be the rest of this line
            return


def _texts_at(file: BinaryIO, offsets: Iterable[int]) -> Iterator[list[bytes]]:
    """Yield the texts of lines, as many at once as are best decoded in one call."""
    texts: list[bytes] = []
    size = 0
    for offset in offsets:
        file.seek(offset)
        texts.append(file.readline())
        size += len(texts[-1])
        if size > _BYTES_AT_ONCE:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


def _decode_together(texts: Sequence[bytes]) -> list[Line] | None:
    """Return the decoded lines if all are rejected rows, else None.

    One call for all lines takes a third of the time of a call for each.
    """
    try:
        lines = json.loads(b"[" + b",".join(texts) + b"]")
        return lines if len(lines) == len(texts) and _are_rows(lines) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _decode_separately(
    texts: Iterable[bytes], number: int, path: Path
) -> Iterator[Line | None]:
    """Yield decoded lines, None for a blank one; stop at an incomplete last line."""
    for line_number, text in enumerate(texts, number):
        try:
            yield _decode_line(text)
        except ValueError as error:
            if _is_cut_off(text):
                return
            msg = (
                f"{path}, line {line_number}: this is not a rejected row as propload "
                f"wrote it: {error}. Correct the line or remove it"
            )
            raise ConfigError(msg) from error


def _is_cut_off(text: bytes) -> bool:
    """Return whether a line is cut off: without a newline, and not ending in `_END`."""
    return not text.endswith(b"\n") and not text.rstrip().endswith(_END)


def _are_rows(lines: Sequence[Any]) -> bool:
    """Return whether decoded values are all rejected rows; False in case of doubt.

    Raises:
        KeyError: One of them lacks a field.
        TypeError: One of them is not an object.
    """
    parts = (list(map(itemgetter(name), lines)) for name in _REQUIRED)
    for values, kinds in zip(parts, _REQUIRED.values(), strict=True):
        if not set(map(type, values)) <= set(kinds):
            return False
    for name, kind in _OPTIONAL.items():
        if not {type(line.get(name)) for line in lines} <= {kind, NoneType}:
            return False
    if any(_too_large(line) for line in lines):
        return False
    reasons = list(chain.from_iterable(line["reasons"] for line in lines))
    deque(map(itemgetter(*_REQUIRED_OF_REASONS), reasons), maxlen=0)
    if not set(map(type, reasons)) <= {dict}:
        return False
    texts = chain.from_iterable(map(dict.values, reasons))
    return set(map(type, texts)) <= {str, NoneType}


class _RowPositions:
    """Offsets of lines and places of their rows in the source: a few bytes a line."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._sources: dict[str, int] = {}

    def add(self, offset: int, line: Line) -> None:
        source = self._sources.setdefault(line["source"], len(self._sources))
        batch, _ = piece_of(line)
        self._numbers.extend((offset, line["row"], source, batch))

    def in_order(self) -> Iterator[int]:
        """Yield the offsets of the lines, in order of batch, source and row."""
        offsets, *places = np.frombuffer(self._numbers, np.int64).reshape(-1, 4).T
        order = np.lexsort(places)
        return map(int, offsets[order])


def _decode_line(text: bytes) -> Line | None:
    """Return a decoded line, or None if it is blank.

    Raises:
        ValueError: It is not a rejected row; the message says why.
    """
    if not text.strip():
        return None
    line = json.loads(text)
    fields = line if isinstance(line, dict) else {}
    for name, types in _REQUIRED.items():
        if not isinstance(fields.get(name, ...), types):
            msg = f"its {name!r} is missing or not of type {types[0].__name__}"
            raise ValueError(msg)  # noqa: TRY004 - the same error as for invalid JSON
    for name, kind in _OPTIONAL.items():
        if not isinstance(fields.get(name), (kind, NoneType)):
            msg = f"its {name!r} is not of type {kind.__name__}"
            raise ValueError(msg)  # noqa: TRY004 - as above
    if name := _too_large(fields):
        msg = f"its {name!r} is beyond 64 bits"
        raise ValueError(msg)
    if not all(map(_is_reason, fields["reasons"])):
        required = ", ".join(sorted(_REQUIRED_OF_REASONS))
        msg = f"one of its 'reasons' lacks something of, or has no text for: {required}"
        raise ValueError(msg)
    return fields


def _too_large(line: Line) -> str:
    """Return the name of an integer field that exceeds 64 bits, or an empty text."""
    for name in _INTEGERS:
        if not -_INT64_END <= (line.get(name) or 0) < _INT64_END:
            return name
    return ""


def _is_reason(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= _REQUIRED_OF_REASONS
        and all(isinstance(text, (str, NoneType)) for text in value.values())
    )


def piece_of(line: Line) -> tuple[int, int]:
    """Return batch number and lane of the piece that a rejected row was committed with.

    A row that was rejected while preparing belongs to the piece of the first lane.
    """
    batch = line.get("batch")
    return (-1 if batch is None else batch), line.get("lane") or 0


def count_lines(path: Path) -> int:
    """Return how many rows a file holds, without decoding them.

    A broken line counts, except for a last one that a killed run left incomplete.
    """
    count, text = 0, b""
    with path.open("rb") as file:
        for text in file:
            count += bool(text.strip())
    try:
        if _is_cut_off(text):
            _decode_line(text)
    except ValueError:
        count -= 1
    return count
