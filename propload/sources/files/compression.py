"""Unpacks files block by block, and reports files that are cut short or damaged."""

from __future__ import annotations

import bz2
import lzma
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from propload.errors import SourceError
from propload.sources.files.formats import is_internal, is_readable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

#: Packed bytes unpacked in one call: few, because the unpacked block must stay small
#: even if a file was made to fill the memory. Deflate expands up to 1,000 times.
PACKED_BYTES = 16 << 10
#: The most bytes that the others, which expand 32,000 times and more, return per call.
UNPACKED_BYTES = 1 << 20

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"


class Unpacker(Protocol):
    """The interface that the unpackers of zlib, zstd, bz2 and lzma share."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def unused_data(self) -> bytes:
        """The bytes passed to `decompress` that lie beyond the member's end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the bytes that can be unpacked with these packed ones added."""


class Packing(NamedTuple):
    """A format of compression.

    Attributes:
        magic: The first bytes of a packed file.
        name: Its name in messages.
        unpacker: Returns a new unpacker for one member of a file.
    """

    magic: bytes
    name: str
    unpacker: Callable[[], Unpacker]


PACKINGS = (
    # 16 selects the gzip format, 15 is the largest window
    Packing(b"\x1f\x8b\x08", "gzip", lambda: zlib.decompressobj(16 + 15)),
    Packing(b"\x28\xb5\x2f\xfd", "zstd", zstd.ZstdDecompressor),
    Packing(b"BZh", "bzip2", bz2.BZ2Decompressor),
    Packing(b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
)
#: The unpackers that return no more bytes per call than they are asked for.
_BOUNDED = zstd.ZstdDecompressor, bz2.BZ2Decompressor, lzma.LZMADecompressor
UNPACK_ERRORS = (zlib.error, zstd.ZstdError, lzma.LZMAError, EOFError)


def is_zip(head: bytes) -> bool:
    """Return whether a file with this beginning is a zip archive."""
    return head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC))


def packing_of(head: bytes) -> Packing | None:
    """Return how a file with this beginning is packed, or None if it is not."""
    return next((one for one in PACKINGS if head.startswith(one.magic)), None)


def unpack(blocks: Iterator[bytes], packing: Packing, name: str) -> Iterator[bytes]:
    """Yield the bytes of a packed file, unpacked.

    Args:
        blocks: The file's bytes, from its beginning.
        packing: How it is packed.
        name: Its name in messages.

    Raises:
        SourceError: The file is cut short or damaged; all bytes before that place
            were yielded.
    """
    name = f"{name} ({packing.name})"
    unpacker = packing.unpacker()
    for piece in _pieces(blocks):
        rest = piece
        while rest:
            if unpacker.eof:
                # a member may be followed by zeros as padding, or by another member
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                unpacker = packing.unpacker()
            yield from filter(None, _feed(unpacker, rest, name))
            rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        msg = f"{name} is cut short: fetch it again"
        raise SourceError(msg)


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), PACKED_BYTES):
            yield block[start : start + PACKED_BYTES]


def _feed(unpacker: Unpacker, packed: bytes, name: str) -> Iterator[bytes]:
    try:
        if not isinstance(unpacker, _BOUNDED):
            yield unpacker.decompress(packed)
            return
        yield unpacker.decompress(packed, UNPACKED_BYTES)
        while not unpacker.eof and not unpacker.needs_input:
            yield unpacker.decompress(b"", UNPACKED_BYTES)
    except (*UNPACK_ERRORS, OSError) as error:
        msg = f"{name} is damaged: fetch it again ({error})"
        raise SourceError(msg) from error


def zip_members(
    file: IO[bytes], name: str, user_format: str | None
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files in a zip archive with their names, in the archive's order.

    Args:
        file: The archive.
        name: Its name in messages.
        user_format: The format that the user gave for the files, or None.

    Raises:
        SourceError: The archive is damaged, encrypted or has no files.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if _is_wanted(info)]
            # if no name tells of a known format, all files are read
            readable = [
                info for info in members if is_readable(info.filename, user_format)
            ]
            members = readable or members
            if not members:
                msg = f"{name} is a zip archive without files"
                raise SourceError(msg, source=name)
            for info in members:
                with archive.open(_prepare_member(info)) as member:
                    yield info.filename, member
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        msg = f"{name} cannot be unpacked: {error}"
        raise SourceError(msg, source=name) from error


def _prepare_member(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return the member as it is to be opened: still packed if it is bzip2.

    For bzip2, zipfile unpacks 4 KB in one call, which may give gigabytes.
    """
    if info.compress_type == zipfile.ZIP_BZIP2:
        info.compress_type = zipfile.ZIP_STORED
        info.file_size = info.compress_size
        # the CRC is that of the unpacked bytes; bzip2 has checksums of its own
        del info.CRC
    return info


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and not is_internal(info.filename)
