"""Files that were made to fill the memory of whoever unpacks them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from functools import partial

import pytest
import zstandard

from propload.sources.blocks import read_blocks
from propload.sources.compression import packing_of, unpack, zip_members

#: Unpacked bytes; packed they are fewer than are read at once.
SIZE = 48 << 20
PACKERS = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(level=3).compress,
    "bz2": bz2.compress,
    "xz": partial(lzma.compress, preset=0),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_few_bytes_are_unpacked_at_once(kind):
    packed = PACKERS[kind](b"\n" * SIZE)
    packing = packing_of(packed)
    assert packing is not None
    sizes = [len(block) for block in unpack(iter([packed]), packing, "a.csv")]
    assert sum(sizes) == SIZE
    assert max(sizes) <= 17 << 20


def test_a_member_of_bzip2_is_given_as_it_is_packed():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", b"\n" * SIZE)
        archive.writestr("b.csv", b"id\n1\n")
    found = {
        name: b"".join(read_blocks(member, name))
        for name, member in zip_members(content, "a.zip", None)
    }
    assert max(map(len, found.values())) < 16 << 10
    assert bz2.decompress(found["b.csv"]) == b"id\n1\n"


def test_an_archive_of_bzip2_is_read(read, write):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", "id,x\n1,2\n")
        archive.writestr("empty.csv", "")
        archive.writestr("b.csv", "id,x\n2,3\n")
    reading = read(write("a.zip", content.getvalue()))
    assert reading.rows[0] == {"id": "1", "x": "2"}
    assert "empty.csv" in str(reading.error)
