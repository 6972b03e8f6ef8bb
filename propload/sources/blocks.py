"""Bytes in blocks, the form in which files are read, unpacked and decoded."""

from __future__ import annotations

import zipfile
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING

from propload.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes read at once: so many that the cost of a call does not matter.
BLOCK_BYTES = 256 << 10
#: Marks a pause of a pipe between two blocks: rows that have arrived are passed on.
PAUSE = b""


def read_blocks(file: IO[bytes], name: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the file's bytes from its current position, in blocks.

    Args:
        file: The open file.
        name: Its name in messages.
        size: Bytes read at once.

    Raises:
        SourceError: It cannot be read; all bytes before the fault were yielded.
    """
    return wrap_read_errors(iter(lambda: file.read(size), b""), name)


def wrap_read_errors(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the blocks; an error in reading them is raised with the file's name.

    Raises:
        SourceError: They cannot be read; all bytes before the fault were yielded.
    """
    try:
        yield from blocks
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        msg = f"{name} cannot be read any further: {error}"
        raise SourceError(msg, source=name) from error


def peek(blocks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of the blocks, and an iterator over all of the blocks.

    An error in reading the blocks is raised at its place in that iterator, and a pause
    after the first bytes is yielded there.

    Args:
        blocks: Blocks of any size.
        count: How many bytes are enough; there are fewer if a pause, an error or the
            end comes first.
    """
    head = bytearray()
    try:
        while len(head) < count:
            block = next(blocks)
            if block == PAUSE and head:
                return bytes(head), chain([bytes(head), PAUSE], blocks)
            head += block
    except StopIteration:
        # an empty block would be taken for a pause
        return bytes(head), iter([bytes(head)] if head else [])
    except SourceError as error:
        return bytes(head), chain(
            [bytes(head)] if head else [], _raise_when_read(error)
        )
    return bytes(head), chain([bytes(head)], blocks)


def _raise_when_read(error: SourceError) -> Iterator[bytes]:
    """Yield nothing, and raise the error."""
    yield from ()
    raise error
