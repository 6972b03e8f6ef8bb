"""What there is to read in a file: its own content, unpacked, or an archive's files."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

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

#: How often one file is unpacked: it may be packed twice, by the program that wrote it
#: and by the sender; a file packed more often is a trap.
MOST_PACKED = 2
#: How deep archives may be nested: one may hold an archive for each month, and those
#: one for each day; but an archive can also be made to contain itself.
MOST_ARCHIVES = 5
#: Bytes at the beginning of a file by which its format is recognized.
HEAD_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Member:
    """A file with rows of one format, or such a file in an archive, unpacked.

    Attributes:
        name: Its name in messages.
        kind: Its format.
        blocks: Its bytes from its beginning.
        file: The file from which they are read, or None if they were packed.
    """

    name: str
    kind: str
    blocks: Iterator[bytes]
    file: IO[bytes] | None

    def read(self, options: SourceOptions, /) -> Iterator[Batch]:
        """Yield its rows.

        Args:
            options: How to read it, and how much goes into one batch.

        Raises:
            SourceError: It cannot be read; all rows before the fault were yielded.
        """
        reader = READERS[self.kind]
        if reader.from_blocks is not None:
            yield from reader.from_blocks(self.blocks, self.name, options)
        if reader.from_file is not None:
            with _open_seekable(self.file, self.blocks) as opened:
                yield from reader.from_file(opened, self.name, options)


def find_members(
    file: IO[bytes], name: str, options: SourceOptions, *, archives: int = MOST_ARCHIVES
) -> Iterator[Member]:
    """Yield what there is to read in an open file, packed or not.

    Args:
        file: The open file.
        name: Its name in messages.
        options: How to read it.
        archives: How deep archives may be nested in it, itself included.

    Raises:
        SourceError: It is empty, or cannot be read or unpacked.
    """
    head, blocks = peek(read_stream(file, name), HEAD_BYTES)
    if not head:
        # raises if the file could not be read at all
        next(blocks, None)
        msg = f"{name} is empty: check what writes it"
        raise SourceError(msg, source=name)
    unpacked = _unpack(head, blocks, file, name)
    if is_zip(unpacked.head):
        with _open_seekable(unpacked.file, unpacked.blocks) as archive:
            yield from _members_of_zip(archive, name, options, archives)
        return
    yield _member(unpacked, name, options)


def single_member(
    file: IO[bytes], name: str, options: SourceOptions, /, *, block_bytes: int
) -> Member | None:
    """Return what there is to read in a file on disk; None if it is an archive.

    Args:
        file: The file, open at its beginning.
        name: Its name in messages.
        options: How to read it.
        block_bytes: How many bytes of the file are read at once.

    Raises:
        SourceError: It cannot be read or unpacked.
    """
    head, blocks = peek(read_blocks(file, name, block_bytes), HEAD_BYTES)
    unpacked = _unpack(head, blocks, file, name)
    return None if is_zip(unpacked.head) else _member(unpacked, name, options)


class _Unpacked(NamedTuple):
    """A file once it is decompressed.

    Attributes:
        head: Its first bytes.
        blocks: All of its bytes, from the first one on.
        file: The file that they are from, or None if they were packed.
    """

    head: bytes
    blocks: Iterator[bytes]
    file: IO[bytes] | None


def _unpack(
    head: bytes, blocks: Iterator[bytes], file: IO[bytes], name: str
) -> _Unpacked:
    unpacked_file: IO[bytes] | None = file
    for _ in range(MOST_PACKED):
        packing = packing_of(head)
        if packing is None:
            break
        unpacked_file = None
        # drop pauses: packed bytes may give no row until all of them have arrived
        unpacked = unpack(filter(None, blocks), packing, name)
        head, blocks = peek(unpacked, HEAD_BYTES)
    return _Unpacked(head, blocks, unpacked_file)


def _member(unpacked: _Unpacked, name: str, options: SourceOptions) -> Member:
    """Return a file that is not an archive as a member, with its format."""
    refuse_other(name, unpacked.head, options)
    kind = find_format(name, unpacked.head, options.format)
    return Member(name, kind, unpacked.blocks, unpacked.file)


def _members_of_zip(
    file: IO[bytes], name: str, options: SourceOptions, archives: int
) -> Iterator[Member]:
    is_excel = options.format is not None and check_format(options.format) == "xlsx"
    if is_excel or _has_workbook(file):
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


def _has_workbook(file: IO[bytes]) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            has_workbook = is_workbook(archive.namelist())
    except zipfile.BadZipFile:
        # reported where the archive is read
        has_workbook = False
    file.seek(0)
    return has_workbook


@contextmanager
def _open_seekable(
    file: IO[bytes] | None, blocks: Iterator[bytes]
) -> Iterator[IO[bytes]]:
    """Yield a seekable file: the given one, or else a temporary copy of the blocks.

    The given file is left open: its owner closes it.
    """
    if file is not None and file.seekable():
        file.seek(0)
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.writelines(blocks)
        copy.seek(0)
        yield copy
