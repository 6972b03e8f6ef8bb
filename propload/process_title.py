"""What other users of the machine see of the command line: no password."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAG = b"--to"
#: Where Linux keeps what `ps` shows: the memory that the program was started with.
_STAT, _MEMORY = "/proc/self/stat", "/proc/self/mem"
#: The fields of `stat` behind the program's name: where its arguments begin and end.
_BEGIN, _END = 45, 46


def hide_passwords() -> None:
    """Write over the passwords of `--to` among the arguments, as `ps` shows them.

    Python has copied them, so the command finds them as they were given. On a system
    that has no such place, or does not let it be written, they stay.
    """
    with suppress(OSError, ValueError, IndexError):
        fields = _read(_STAT).rpartition(b")")[2].split()
        begin, end = int(fields[_BEGIN]), int(fields[_END])
        memory = os.open(_MEMORY, os.O_RDWR | os.O_CLOEXEC)
        try:
            shown = os.pread(memory, end - begin, begin)
            for place, length in _strings(shown):
                masked = _masked(shown[place : place + length])
                os.pwrite(memory, masked, begin + place)
        finally:
            os.close(memory)


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _strings(shown: bytes) -> Iterator[tuple[int, int]]:
    """Yield place and length of each connection string among the arguments."""
    place, before = 0, b""
    for argument in shown.split(b"\0"):
        if before == _FLAG:
            yield place, len(argument)
        elif argument.startswith(_FLAG + b"="):
            yield place + len(_FLAG) + 1, len(argument) - len(_FLAG) - 1
        place += len(argument) + 1
        before = argument


def _masked(string: bytes) -> bytes:
    from propload.postgres.session.dsn import mask  # noqa: PLC0415 - seldom needed

    masked = os.fsencode(mask(os.fsdecode(string)))
    # what follows must stay where it is
    return masked[: len(string)].ljust(len(string), b"\0")
