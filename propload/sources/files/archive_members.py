"""What there is to read in a file: itself, unpacked, or the files of an archive."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from propload.errors import SourceError
from propload.names.format_names import check_format
from propload.sources.blocks import peek, read_blocks
from propload.sources.files.compression import is_zip, packing_of, unpack, zip_members
from propload.sources.files.formats import find_format, is_workbook
from propload.sources.files.other_formats import refuse_other
from propload.sources.files.pipes import read_stream
from propload.sources.files.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.batch import Batch
    from propload.options import SourceOptions

#: A file may be packed twice, by its program and by who sent it; more often is a trap.
MOST_PACKED = 2
#: An archive may hold one for each month, and these one for each day; one may also be
#: made so that it holds itself.
MOST_ARCHIVES = 5
#: Enough to tell a format by.
HEAD_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Member:
    """What holds rows of one format: a file, or one in an archive, unpacked.

    Attributes:
        name: What messages call it.
        kind: Its format.
        blocks: Its bytes from where it begins.
        file: The file that they are from, or None where they were packed.
    """

    name: str
    kind: str
    blocks: Iterator[bytes]
    file: IO[bytes] | None

    def read(self, options: SourceOptions, /) -> Iterator[Batch]:
        """Yield its rows.

        Args:
            options: What is known of it, and how much goes into one batch.

        Raises:
            SourceError: It cannot be read; every row before was yielded.
        """
        reader = READERS[self.kind]
        if reader.from_blocks is not None:
            yield from reader.from_blocks(self.blocks, self.name, options)
        if reader.from_file is not None:
            with _seekable(self.file, self.blocks) as opened:
                yield from reader.from_file(opened, self.name, options)


def find_members(
    file: IO[bytes], name: str, options: SourceOptions, *, archives: int = MOST_ARCHIVES
) -> Iterator[Member]:
    """Yield what there is to read in an open file, packed or not.

    Args:
        file: What is open.
        name: What messages call it.
        options: What is known of it.
        archives: How many archives, one in the other, it may be.

    Raises:
        SourceError: It is empty, or cannot be read or unpacked.
    """
    head, blocks = peek(read_stream(file, name), HEAD_BYTES)
    if not head:
        # where it could not be read, that is raised instead
        next(blocks, None)
        msg = f"{name} is empty: check what writes it"
        raise SourceError(msg, source=name)
    if is_zip(head):
        with _seekable(file, blocks) as archive:
            yield from _members_of_zip(archive, name, options, archives)
        return
    yield _unpacked(head, blocks, file, name, options)


def single_member(
    file: IO[bytes], name: str, options: SourceOptions, /, *, block_bytes: int
) -> Member | None:
    """Return what there is to read in a file that is at hand; None of an archive.

    Args:
        file: The file, open at its beginning.
        name: What messages call it.
        options: What is known of it.
        block_bytes: How much of the file is read for each of the member's blocks.

    Raises:
        SourceError: It cannot be read or unpacked.
    """
    head, blocks = peek(read_blocks(file, name, block_bytes), HEAD_BYTES)
    if is_zip(head):
        return None
    return _unpacked(head, blocks, file, name, options)


def _unpacked(
    head: bytes,
    blocks: Iterator[bytes],
    file: IO[bytes],
    name: str,
    options: SourceOptions,
) -> Member:
    """Return what is to be read of a file that is no archive, and its format."""
    plain: IO[bytes] | None = file
    for _ in range(MOST_PACKED):
        packing = packing_of(head)
        if packing is None:
            break
        plain = None
        # without pauses: of packed bytes all are needed before there is a row
        unpacked = unpack(filter(None, blocks), packing, name)
        head, blocks = peek(unpacked, HEAD_BYTES)
    refuse_other(name, head, options)
    return Member(name, find_format(name, head, options.format), blocks, plain)


def _members_of_zip(
    file: IO[bytes], name: str, options: SourceOptions, archives: int
) -> Iterator[Member]:
    is_excel = options.format is not None and check_format(options.format) == "xlsx"
    if is_excel or _holds_workbook(file):
        yield Member(name, "xlsx", iter(()), file)
        return
    if not archives:
        msg = (
            f"{name} is an archive in {MOST_ARCHIVES} others, unlike any that is meant "
            "to be read: unpack it, and name the files to load"
        )
        raise SourceError(msg, source=name)
    for member, opened in zip_members(file, name, options.format):
        inner = f"{name}/{member}"
        yield from find_members(opened, inner, options, archives=archives - 1)


def _holds_workbook(file: IO[bytes]) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            found = is_workbook(archive.namelist())
    except zipfile.BadZipFile:
        # reported where the archive is read
        found = False
    file.seek(0)
    return found


@contextmanager
def _seekable(file: IO[bytes] | None, blocks: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """Yield a file to jump about in, made of the blocks where there is none.

    The given file stays open: its owner closes it.
    """
    if file is not None and file.seekable():
        file.seek(0)
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.writelines(blocks)
        copy.seek(0)
        yield copy
