"""Bytes in blocks, the form in which files are read, unpacked and decoded."""

from __future__ import annotations

import zipfile
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING

from propload.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes read at once: large enough that calls cost nothing.
BLOCK_BYTES = 256 << 10
#: Stands between blocks where a pipe pauses: what has arrived is to be handed on.
PAUSE = b""


def read_blocks(file: IO[bytes], name: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the file's bytes from where it stands, in blocks.

    Args:
        file: What is open.
        name: What messages call it.
        size: Bytes read at once.

    Raises:
        SourceError: It cannot be read; every byte before was yielded.
    """
    return readable(iter(lambda: file.read(size), b""), name)


def readable(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield blocks, and say whose they are where there is a fault.

    Raises:
        SourceError: They cannot be read; every byte before was yielded.
    """
    try:
        yield from blocks
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        msg = f"{name} cannot be read any further: {error}"
        raise SourceError(msg, source=name) from error


def peek(blocks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return how blocks begin, and an iterator of all of them.

    An error of the blocks, and a pause, are kept until their place comes.

    Args:
        blocks: Blocks of any size.
        count: Bytes that are enough; before a pause, fewer are.
    """
    head = bytearray()
    try:
        while len(head) < count:
            block = next(blocks)
            if block == PAUSE and head:
                return bytes(head), chain([bytes(head), PAUSE], blocks)
            head += block
    except StopIteration:
        # nothing is no block: it would be taken for a pause
        return bytes(head), iter([bytes(head)] if head else [])
    except SourceError as error:
        return bytes(head), chain([bytes(head)] if head else [], _failing(error))
    return bytes(head), chain([bytes(head)], blocks)


def _failing(error: SourceError) -> Iterator[bytes]:
    """Yield nothing, and end with the error."""
    yield from ()
    raise error
