"""Decompression bombs: files made to exhaust the memory of a reader."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from functools import partial

import pytest

from propload.sources.blocks import read_blocks
from propload.sources.files.compression import packing_of, unpack, zip_members, zstd

#: Size unpacked; packed, it is less than one read takes.
SIZE = 24 << 20
PACKERS = {
    "gz": gzip.compress,
    "zst": zstd.compress,
    "bz2": bz2.compress,
    "xz": partial(lzma.compress, preset=0),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_blocks_of_unpacked_bytes_are_small(kind):
    packed = PACKERS[kind](b"\n" * SIZE)
    packing = packing_of(packed)
    assert packing is not None
    sizes = [len(block) for block in unpack(iter([packed]), packing, "a.csv")]
    assert sum(sizes) == SIZE
    assert max(sizes) <= 17 << 20


def test_bzip2_member_of_zip_is_passed_on_packed():
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


def test_zip_with_bzip2_members_is_read(read, write):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", "id,x\n1,2\n")
        archive.writestr("empty.csv", "")
        archive.writestr("b.csv", "id,x\n2,3\n")
    reading = read(write("a.zip", content.getvalue()))
    assert reading.rows[0] == {"id": "1", "x": "2"}
    assert "empty.csv" in str(reading.error)


def nested_archive(depth):
    content, name = b"id,x\n1,2\n", "a.csv"
    for _ in range(depth):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, content)
        content, name = packed.getvalue(), "b.zip"
    return content


def test_nested_archives_are_read_up_to_a_depth(read, write):
    assert read(write("a.zip", nested_archive(5))).rows == [{"id": "1", "x": "2"}]
    error = str(read(write("a.zip", nested_archive(300))).error)
    assert error.startswith(f"{write('a.zip', b'')}/b.zip/b.zip/b.zip/b.zip/b.zip is")
    assert "unpack it" in error


def test_member_with_path_outside_the_archive_is_read_in_place(read, write):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../a.csv", "id\n1\n")
        archive.writestr("/b.csv", "id\n2\n")
        archive.writestr("../.hidden.csv", "id\n3\n")
    path = write("a.zip", content.getvalue())
    assert read(path).rows == [{"id": "1"}, {"id": "2"}]
