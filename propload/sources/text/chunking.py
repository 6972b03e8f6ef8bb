"""Cuts text into chunks that begin with a row, wherever blocks of bytes are cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

from propload.errors import SourceError
from propload.sources.blocks import BLOCK_BYTES, PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A longer row is refused: it would take several times its bytes in memory, and no
#: listing comes near this length.
MAX_ROW_BYTES = 64 << 20
#: Parsing more at once is no faster and takes five times its bytes in memory.
PARSED_BYTES = 2 << 20

#: Added to the message on a last row that cannot be read and has no line end.
CUT_SHORT = (
    "the text ends here without a line end: it is cut short, or still being written"
)

#: Old Mac programs end lines with a carriage return alone. One at the very end of a
#: block is not matched: a line feed may follow.
LINE_END = re.compile(rb"\n|\r\n|\r(?!\Z)")


def byte_values(text: bytes, /) -> pl.Series:
    """Return a text's bytes as a series of numbers, without copying them."""
    buffers = [None, pa.py_buffer(text)]
    return pl.Series(pa.Array.from_buffers(pa.uint8(), len(text), buffers))


def count_lines(text: bytes, start: int = 0, end: int | None = None) -> int:
    """Return how many line ends there are between two places of a text.

    A line feed, a carriage return or both together end a line, even if a text mixes
    them, so the counts of its parts add up however it is cut.
    """
    feeds, returns = text.count(b"\n", start, end), text.count(b"\r", start, end)
    both = text.count(b"\r\n", start, end) if feeds and returns else 0
    return feeds + returns - both


class Chunk(NamedTuple):
    """A part of a text that begins at the beginning of a row.

    Attributes:
        text: UTF-8 bytes.
        final: Whether nothing follows, so that the last row is whole.
        overlong: Whether the first row is longer than `MAX_ROW_BYTES`.
        paused: Whether the text pauses here, so that the rows read so far are to be
            passed on; the chunk may then be empty.
    """

    text: bytes
    final: bool
    overlong: bool = False
    paused: bool = False


class Chunks:
    """Iterates over chunks of a text; after each, `take` tells how much was used.

    If nothing was taken, the next chunk is longer, up to `MAX_ROW_BYTES`.

    Args:
        blocks: The text as UTF-8, in blocks of any size.
        chunk_bytes: Bytes of a chunk, up to `PARSED_BYTES`.

    Attributes:
        error: The error that ended the blocks, or None; to be raised after the last
            chunk, when all whole rows before it were read.
    """

    def __init__(self, blocks: Iterator[bytes], chunk_bytes: int) -> None:
        self.error: SourceError | None = None
        self._blocks = blocks
        self._chunk_bytes = min(chunk_bytes, PARSED_BYTES)
        self._wanted_bytes = self._chunk_bytes
        self._text = b""
        self._ended = False
        self._paused = False

    def peek(self, count: int, is_enough: Callable[[bytes], bool]) -> bytes:
        """Return the beginning of the text without taking any of it.

        Args:
            count: How many bytes are enough if they contain a whole line.
            is_enough: Tells whether fewer bytes are enough when the blocks pause.
        """
        self._fill(count)
        while not self._ended:
            if len(self._text) >= count:
                if any(end in self._text.lstrip() for end in (b"\n", b"\r")):
                    break
            elif is_enough(self._text):
                break
            if len(self._text) > MAX_ROW_BYTES:
                msg = f"its first line is longer than {MAX_ROW_BYTES >> 20} MiB"
                raise SourceError(msg)
            self._fill(max(count, 2 * len(self._text)))
        if self.error and not self._text:
            raise self.error
        return self._text

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            if not self._paused:
                self._fill(self._wanted_bytes)
            # text that is only a little longer is yielded whole: a cut would copy it
            fits = len(self._text) <= self._wanted_bytes + BLOCK_BYTES
            whole = self._ended and fits
            if whole and not self._text:
                return
            final = whole and self.error is None
            paused = self._paused and fits
            self._paused = self._paused and not fits
            before = len(self._text)
            text = self._text if fits else self._text[: self._wanted_bytes]
            yield Chunk(text, final, paused=paused)
            if len(self._text) < before:
                self._wanted_bytes = self._chunk_bytes
            elif whole:
                return
            elif paused:
                continue
            elif before > MAX_ROW_BYTES:
                yield Chunk(self._text, final=False, overlong=True)
            else:
                self._wanted_bytes = min(2 * self._wanted_bytes, MAX_ROW_BYTES + 1)

    def take(self, count: int) -> None:
        """Remove this many bytes of the chunk yielded last: they have been used."""
        self._text = self._text[count:]

    def drop_line(self) -> None:
        """Remove the text up to the next line end, however far away that is."""
        while not (match := LINE_END.search(self._text)) and not self._ended:
            # a line feed may follow a carriage return at the very end
            possible_return = b"\r" if self._text.endswith(b"\r") else b""
            self._text = possible_return + self._read()
        self._text = self._text[match.end() :] if match else b""
        self._wanted_bytes = self._chunk_bytes

    def _fill(self, count: int) -> None:
        parts, size = [self._text], len(self._text)
        self._paused = False
        while size < count and not self._ended and not self._paused:
            block = self._read()
            self._paused = block == PAUSE and not self._ended
            parts.append(block)
            size += len(block)
        self._text = b"".join(parts) if len(parts) > 1 else self._text

    def _read(self) -> bytes:
        """Return the next block; an empty one at the end."""
        try:
            return next(self._blocks)
        except StopIteration:
            self._ended = True
        except SourceError as error:
            self._ended, self.error = True, error
        return b""
