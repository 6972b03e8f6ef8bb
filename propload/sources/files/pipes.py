"""Reads bytes from a pipe, and marks where its producer pauses."""

from __future__ import annotations

import io
import os
import select
import stat
import time
from typing import IO, TYPE_CHECKING

from propload.sources.blocks import BLOCK_BYTES, PAUSE, read_blocks, wrap_read_errors
from propload.sources.source import FLUSH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_stream(file: IO[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes of a file or pipe in blocks, with a `PAUSE` where a pipe pauses.

    Args:
        file: The open file or pipe.
        name: Its name in messages.

    Raises:
        SourceError: It cannot be read; all bytes before the fault were yielded.
    """
    if isinstance(file, io.BufferedReader) and _is_pollable(file):
        return wrap_read_errors(_blocks_and_pauses(file), name)
    return read_blocks(file, name)


def _is_pollable(file: IO[bytes]) -> bool:
    """Return whether the file is a pipe, socket or terminal that can be polled."""
    try:
        mode = os.fstat(file.fileno()).st_mode
    except OSError:
        # not a file of the operating system, but for example a member of an archive
        return False
    is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return hasattr(select, "poll") and (is_pipe or file.isatty())


def _blocks_and_pauses(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield full blocks, and a pause once a whole line has waited `FLUSH_SECONDS`.

    Before a pause, the bytes up to the last line end are yielded, so that what is
    detected from the first bytes is detected from whole lines and characters.
    """
    pipe = select.poll()
    pipe.register(file, select.POLLIN)
    buffer = bytearray()
    waited, due = 0.0, False
    block = _first_block(file, pipe)
    while block:
        buffer += block
        due = due or b"\n" in block
        if len(buffer) >= BLOCK_BYTES:
            yield bytes(buffer)
            buffer.clear()
        arrived = False
        while not arrived:
            began = time.monotonic()
            arrived = bool(pipe.poll(1000 * (FLUSH_SECONDS - waited) if due else None))
            # count only the waiting: if the reader is slower, further bytes are there
            waited += time.monotonic() - began if due else 0.0
            if due and waited >= FLUSH_SECONDS:
                end = buffer.rfind(b"\n") + 1
                yield from filter(None, [bytes(buffer[:end])])
                yield PAUSE
                del buffer[:end]
                waited, due = 0.0, False
        block = file.read1(BLOCK_BYTES - len(buffer))
    if buffer:
        yield bytes(buffer)


def _first_block(file: io.BufferedReader, pipe: select.poll) -> bytes:
    """Return the first bytes that arrive, or none if the pipe ends.

    The wait is in `poll`: a thread that waits in the file's own `read` holds its lock,
    and Python, which closes stdin when it exits, aborts the process in that case.
    """
    if not pipe.poll(0):
        # there may be bytes in the file's buffer, which `poll` does not see
        was_blocking = os.get_blocking(file.fileno())
        os.set_blocking(file.fileno(), False)
        try:
            block = file.read1(BLOCK_BYTES)
        finally:
            os.set_blocking(file.fileno(), was_blocking)
        if block:
            return block
        pipe.poll()
    return file.read1(BLOCK_BYTES)
