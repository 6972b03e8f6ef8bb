"""Estimates how many rows files have, without reading them to the end.

An estimate may affect only the speed of a load: the result must be the same however
wrong it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from propload.errors import PropLoadError, SourceError
from propload.sources.files.archive_members import single_member
from propload.sources.files.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from propload.options import SourceOptions
    from propload.sources.files.archive_members import Member

#: The most files that are sampled, evenly spread; the others are assumed to have as
#: many rows per byte.
MOST_FILES = 20
#: Bytes of text read from all sampled files together: 3 ms for CSV, 15 ms for JSON.
SAMPLE_BYTES = 256 << 10
#: The fewest bytes of text read from each.
LEAST_BYTES = 32 << 10
#: Bytes of a file read at once. Few, because packed bytes that were read but not yet
#: unpacked when the sample is complete make the estimate too low.
STEP_BYTES = 2 << 10


def estimate_rows(paths: Sequence[Path], options: SourceOptions) -> int | None:
    """Return about how many rows files have in all, or None if that is not known.

    The number is exact if each file is sampled, and is short or states it. A fault in
    a file is not reported here, but when the file is read.

    Args:
        paths: The files.
        options: How to read them.
    """
    if not paths:
        return None
    sampled = paths[:: -(-len(paths) // MOST_FILES)]
    enough = max(LEAST_BYTES, SAMPLE_BYTES // len(sampled))
    rows = 0.0
    try:
        for path in sampled:
            estimate = _estimate(path, options, enough)
            if estimate is None:
                return None
            rows += estimate
        sampled_bytes = sum(path.stat().st_size for path in sampled)
        return round(rows * sum(path.stat().st_size for path in paths) / sampled_bytes)
    # some file systems report no sizes, and a file may be rewritten meanwhile
    except (PropLoadError, pa.ArrowException, OSError, ZeroDivisionError):
        return None


def _estimate(path: Path, options: SourceOptions, enough: int) -> float | None:
    """Return about how many rows a file has, judged by `enough` bytes of its text."""
    with path.open("rb") as file:
        member = single_member(file, str(path), options, block_bytes=STEP_BYTES)
        if member is None:
            return None
        reader = READERS[member.kind]
        if reader.count is not None and member.file is not None:
            file.seek(0)
            return reader.count(file)
        if reader.from_blocks is None:
            return None
        text, is_whole = _read_beginning(member.blocks, enough)
        if is_whole:
            return sum(_counts(member, text, options))
        share = file.tell() / path.stat().st_size
        return _count_cut(member, text, options) / share or None


def _read_beginning(blocks: Iterator[bytes], enough: int) -> tuple[bytes, bool]:
    """Return a text's beginning of at least `enough` bytes, and whether it is all."""
    text = bytearray()
    for block in blocks:
        text += block
        if len(text) >= enough:
            return bytes(text), False
    return bytes(text), True


def _count_cut(member: Member, text: bytes, options: SourceOptions) -> int:
    """Return how many rows there are in a text that is cut off."""
    # an incomplete last line would count as a row, and be slow to read
    lines = text[: text.rfind(b"\n") + 1] or text
    rows = 0
    # a text that does not consist of lines ends within a row, which raises
    with suppress(SourceError):
        for count in _counts(member, lines, options):
            rows += count
    return rows


def _counts(member: Member, text: bytes, options: SourceOptions) -> Iterator[int]:
    """Yield the number of rows, good or unread, in each batch of a text."""
    for batch in replace(member, blocks=iter([text])).read(options):
        yield batch.rows.num_rows + len(batch.unread)
