"""Blocks of bytes from files, unpacked on the way; a file cut short says so."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

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


class Packing(NamedTuple):
    """A way to pack files.

    Attributes:
        magic: How a packed file begins.
        name: What messages call it.
        unpacker: Makes what unpacks one member of a file.
    """

    magic: bytes
    name: str
    unpacker: Callable[[], Unpacker]


PACKINGS = (
    # 16 asks zlib for the gzip wrapper, 15 is its largest window
    Packing(b"\x1f\x8b\x08", "gzip", lambda: zlib.decompressobj(16 + 15)),
    Packing(
        b"\x28\xb5\x2f\xfd",
        "zstd",
        lambda: zstandard.ZstdDecompressor().decompressobj(),
    ),
    Packing(b"BZh", "bzip2", bz2.BZ2Decompressor),
    Packing(b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
)
BROKEN = (zlib.error, zstandard.ZstdError, lzma.LZMAError, EOFError)


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins so is a zip archive."""
    return head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC))


def packing_of(head: bytes) -> Packing | None:
    """Return how a file is packed that begins so, or None where it is not."""
    return next((one for one in PACKINGS if head.startswith(one.magic)), None)


def unpack(blocks: Iterator[bytes], packing: Packing, name: str) -> Iterator[bytes]:
    """Yield the bytes of a packed file, unpacked.

    Args:
        blocks: The file's bytes, from its beginning.
        packing: How it is packed.
        name: What messages call it.

    Raises:
        SourceError: The file is cut short or damaged; raised only after every
            byte before that place was yielded.
    """
    name = f"{name} ({packing.name})"
    unpacker = packing.unpacker()
    for piece in _pieces(blocks):
        rest = piece
        while rest:
            if unpacker.eof:
                # archives may be padded with zeros or joined one after the other
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                unpacker = packing.unpacker()
            block = _feed(unpacker, rest, name)
            if block:
                yield block
            rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        msg = f"{name} is cut short: fetch it again"
        raise SourceError(msg)


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), PACKED_BYTES):
            yield block[start : start + PACKED_BYTES]


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
