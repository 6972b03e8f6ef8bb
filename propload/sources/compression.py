"""Blocks of bytes from files, unpacked on the way; a file cut short says so."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

import zstandard

from propload.errors import SourceError
from propload.sources.formats import is_own, is_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

#: Packed bytes unpacked at once. Unpacking multiplies (deflate up to 1,000 times),
#: and a block of unpacked bytes must stay small.
PACKED_BYTES = 16 << 10

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"


class Unpacker(Protocol):
    """What zlib, bz2, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member is whole."""

    @property
    def unused_data(self) -> bytes:
        """The bytes that were given after the member's end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the unpacked bytes that the packed ones complete."""


#: How a packed file begins, its format's name and what unpacks one member of it.
FORMATS: tuple[tuple[bytes, str, Callable[[], Unpacker]], ...] = (
    # 16 asks zlib for the gzip wrapper, 15 is its largest window
    (b"\x1f\x8b\x08", "gzip", lambda: zlib.decompressobj(16 + 15)),
    (b"\x28\xb5\x2f\xfd", "zstd", lambda: zstandard.ZstdDecompressor().decompressobj()),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
)
BROKEN = (zlib.error, zstandard.ZstdError, lzma.LZMAError, EOFError)


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins so is a zip archive."""
    return head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC))


def is_packed(head: bytes) -> bool:
    """Return whether `unpack` unpacks a file that begins so."""
    return any(head.startswith(magic) for magic, _, _ in FORMATS)


def unpack(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes unpacked where they are packed, else as they are.

    Args:
        blocks: The file's bytes; its format is seen from the first ones.
        name: What messages call the file.

    Raises:
        SourceError: The file is cut short or damaged; raised only after every
            byte before that place was yielded.
    """
    head = next(blocks, b"")
    for magic, kind, make in FORMATS:
        if head.startswith(magic):
            yield from _unpack(_pieces(head, blocks), make, f"{name} ({kind})")
            return
    if head:
        yield head
    yield from blocks


def _pieces(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    block: bytes | None = head
    while block:
        for start in range(0, len(block), PACKED_BYTES):
            yield block[start : start + PACKED_BYTES]
        block = next(blocks, None)


def _unpack(
    pieces: Iterator[bytes], make: Callable[[], Unpacker], name: str
) -> Iterator[bytes]:
    unpacker = make()
    for piece in pieces:
        rest = piece
        while rest:
            if unpacker.eof:
                # archives may be padded with zeros or joined one after the other
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                unpacker = make()
            block = _feed(unpacker, rest, name)
            if block:
                yield block
            rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        msg = f"{name} is cut short: fetch it again"
        raise SourceError(msg)


def _feed(unpacker: Unpacker, packed: bytes, name: str) -> bytes:
    try:
        return unpacker.decompress(packed)
    except (*BROKEN, OSError) as error:
        msg = f"{name} is damaged: fetch it again ({error})"
        raise SourceError(msg) from error


def zip_members(
    file: IO[bytes], name: str, given: str | None
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files in a zip archive with their names, in the archive's order.

    Args:
        file: The archive.
        name: What messages call it.
        given: What the user says the files' format is, or None.

    Raises:
        SourceError: The archive is damaged, locked or has no files.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if _is_wanted(info)]
            # an archive without any of these is taken as it is
            known = [info for info in members if is_readable(info.filename, given)]
            members = known or members
            if not members:
                msg = f"{name} is a zip archive without files"
                raise SourceError(msg, source=name)
            for info in members:
                with archive.open(info) as member:
                    yield info.filename, member
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        msg = f"{name} cannot be unpacked: {error}"
        raise SourceError(msg, source=name) from error


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and not is_own(info.filename)
