"""Blocks of bytes from files, unpacked on the way; a file cut short says so."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

import zstandard

from propload.errors import SourceError
from propload.sources.files.formats import is_own, is_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

#: Packed bytes unpacked at once. Unpacking multiplies, and a block of unpacked bytes
#: must stay small, also of a file that was made to fill the memory.
PACKED_BYTES = 16 << 10
#: Fewer of zstd, which multiplies up to 32,000 times; deflate does 1,000 times.
ZSTD_BYTES = 256
#: What bzip2 and xz, which multiply without such a bound, give at once.
UNPACKED_BYTES = 1 << 20

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
        at_once: How many packed bytes it is given at once.
    """

    magic: bytes
    name: str
    unpacker: Callable[[], Unpacker]
    at_once: int = PACKED_BYTES


PACKINGS = (
    # 16 asks zlib for the gzip wrapper, 15 is its largest window
    Packing(b"\x1f\x8b\x08", "gzip", lambda: zlib.decompressobj(16 + 15)),
    Packing(
        b"\x28\xb5\x2f\xfd",
        "zstd",
        lambda: zstandard.ZstdDecompressor().decompressobj(),
        ZSTD_BYTES,
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
    for piece in _pieces(blocks, packing.at_once):
        rest = piece
        while rest:
            if unpacker.eof:
                # archives may be padded with zeros or joined one after the other
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                unpacker = packing.unpacker()
            yield from filter(None, _feed(unpacker, rest, name))
            rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        msg = f"{name} is cut short: fetch it again"
        raise SourceError(msg)


def _pieces(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _feed(unpacker: Unpacker, packed: bytes, name: str) -> Iterator[bytes]:
    try:
        if not isinstance(unpacker, bz2.BZ2Decompressor | lzma.LZMADecompressor):
            yield unpacker.decompress(packed)
            return
        yield unpacker.decompress(packed, UNPACKED_BYTES)
        while not unpacker.eof and not unpacker.needs_input:
            yield unpacker.decompress(b"", UNPACKED_BYTES)
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
                with archive.open(_unpacked_here(info)) as member:
                    yield info.filename, member
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        msg = f"{name} cannot be unpacked: {error}"
        raise SourceError(msg, source=name) from error


def _unpacked_here(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return how a member is to be opened: one of bzip2 as it is packed.

    Of bzip2 the archive's own reader unpacks 4 KB at once, which may be gigabytes.
    """
    if info.compress_type == zipfile.ZIP_BZIP2:
        info.compress_type = zipfile.ZIP_STORED
        info.file_size = info.compress_size
        # of the unpacked bytes; bzip2 has checksums of its own
        del info.CRC
    return info


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and not is_own(info.filename)
