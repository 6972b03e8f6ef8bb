"""About how many rows files have, told without reading them to their ends.

It decides what is fast, never what is right: a load must come to the same however wrong
a number from here is.
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

#: So many files are looked at, evenly spread; the others have as many rows a byte.
MOST_FILES = 20
#: Text that is read of all of them together: 3 ms of CSV, 15 ms of JSON.
SAMPLE_BYTES = 256 << 10
#: The least that is read of each.
LEAST_BYTES = 32 << 10
#: So little of a file is read at once: of what is packed, some bytes are read and not
#: unpacked yet when the text is enough, which makes rows look rare.
STEP_BYTES = 2 << 10


def estimate_rows(paths: Sequence[Path], options: SourceOptions) -> int | None:
    """Return about how many rows files have in all, or None where it cannot be told.

    It is exact where each file is short, or says it itself. What is wrong with a file
    is told where it is read.

    Args:
        paths: The files.
        options: What is known of them.
    """
    if not paths:
        return None
    seen = paths[:: -(-len(paths) // MOST_FILES)]
    enough = max(LEAST_BYTES, SAMPLE_BYTES // len(seen))
    rows = 0.0
    try:
        for path in seen:
            found = _estimate(path, options, enough)
            if found is None:
                return None
            rows += found
        seen_bytes = sum(path.stat().st_size for path in seen)
        return round(rows * sum(path.stat().st_size for path in paths) / seen_bytes)
    # some file systems know no sizes, and a file may be written anew meanwhile
    except (PropLoadError, pa.ArrowException, OSError, ZeroDivisionError):
        return None


def _estimate(path: Path, options: SourceOptions, enough: int) -> float | None:
    """Return about how many rows a file has, by so many bytes of its text."""
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
        text, is_whole = _begin(member.blocks, enough)
        if is_whole:
            return sum(_counts(member, text, options))
        share = file.tell() / path.stat().st_size
        return _count_cut(member, text, options) / share or None


def _begin(blocks: Iterator[bytes], enough: int) -> tuple[bytes, bool]:
    """Return how a text begins, and whether that is all of it."""
    text = bytearray()
    for block in blocks:
        text += block
        if len(text) >= enough:
            return bytes(text), False
    return bytes(text), True


def _count_cut(member: Member, text: bytes, options: SourceOptions) -> int:
    """Return how many rows there are in the beginning of a text."""
    # a line that is cut would be one more row, and slow to read
    lines = text[: text.rfind(b"\n") + 1] or text
    rows = 0
    # what is not made of lines is cut within a row, or is a single one
    with suppress(SourceError):
        for count in _counts(member, lines, options):
            rows += count
    return rows


def _counts(member: Member, text: bytes, options: SourceOptions) -> Iterator[int]:
    """Yield how many rows, good or not, are in each batch of a text."""
    for batch in replace(member, blocks=iter([text])).read(options):
        yield batch.rows.num_rows + len(batch.unread)
