from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from functools import partial

import pytest
import zstandard

ROWS = random.Random(5)  # noqa: S311 - seeded rows, not secrets
TEXT = b"id,value\n" + b"".join(
    b"%d,%d\n" % (place, ROWS.getrandbits(60)) for place in range(1, 5_001)
)
PACKERS = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": bz2.compress,
    # the tightest gets its memory first, which takes longer than these tests
    "xz": partial(lzma.compress, preset=0),
}


@pytest.fixture(params=PACKERS)
def kind(request):
    return request.param


def test_packed_files_are_unpacked(read, write, kind):
    reading = read(write(f"a.csv.{kind}", PACKERS[kind](TEXT)))
    assert reading.numbers == list(range(1, 5_001))
    assert reading.tuples[0][0] == "1"


def test_the_name_does_not_matter(read, write, kind):
    assert len(read(write("a.csv", PACKERS[kind](TEXT))).rows) == 5_000


def test_joined_members_are_one_file(read, write, kind):
    pack = PACKERS[kind]
    content = pack(TEXT[:5000]) + pack(b"") + pack(TEXT[5000:])
    assert len(read(write(f"a.csv.{kind}", content)).rows) == 5_000


def test_a_file_cut_short_gives_the_rows_before_and_says_so(read, write, kind):
    packed = PACKERS[kind](TEXT)
    for end in (len(packed) - 1, len(packed) * 2 // 3):
        path = write(f"a.csv.{kind}", packed[:end])
        reading = read(path)
        count = len(reading.rows)
        expected = [f"{place}" for place in range(1, count + 1)]
        assert [row["id"] for row in reading.rows] == expected
        assert reading.error is not None
        assert "cut short" in str(reading.error)
        assert path in str(reading.error)
        place = f"after row {count:,}" if count else "before its first row"
        assert place in str(reading.error)
        assert reading.error.row == count


def test_a_cut_gzip_gives_most_rows(read, write):
    packed = gzip.compress(TEXT)
    assert len(read(write("a.csv.gz", packed[:-100])).rows) > 4_000


def test_damage_is_named(read, write):
    packed = bytearray(gzip.compress(TEXT))
    packed[len(packed) // 2 : len(packed) // 2 + 30] = bytes(30)
    reading = read(write("a.csv.gz", bytes(packed)))
    assert reading.error is not None
    assert "damaged: fetch it again (" in str(reading.error)


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_every_file_of_an_archive_is_read(read, write):
    content = zipped(
        {"a.csv": "x\n1\n", "__MACOSX/a.csv": "?", "b/c.ndjson": '{"y":2}'}
    )
    path = write("a.zip", content)
    reading = read(path)
    assert reading.rows == [{"x": "1"}, {"y": 2}]
    assert [batch.source for batch in reading.batches] == [
        f"{path}/a.csv",
        f"{path}/b/c.ndjson",
    ]


def test_an_archive_without_files_is_refused(read, write):
    assert "without files" in str(read(write("a.zip", zipped({}))).error)


def test_a_cut_archive_is_refused(read, write):
    reading = read(write("a.zip", zipped({"a.csv": TEXT})[:-50]))
    assert "cannot be unpacked" in str(reading.error)


def test_a_damaged_member_is_refused(read, write):
    content = bytearray(zipped({"a.csv": TEXT}))
    content[2000:2040] = bytes(40)
    error = str(read(write("a.zip", bytes(content))).error)
    assert "a.zip/a.csv" in error
    assert "cannot be read any further" in error
    assert "empty" not in error


def test_a_file_that_is_packed_twice_is_unpacked(read, write):
    content = gzip.compress(bz2.compress(b"id,x\n1,2\n"))
    assert read(write("a.csv.bz2.gz", content)).rows == [{"id": "1", "x": "2"}]


def test_a_packed_archive_is_unpacked(read, write):
    content = gzip.compress(zipped({"a.csv": b"id\n1\n", "b.csv": b"id\n2\n"}))
    reading = read(write("a.zip.gz", content))
    assert reading.error is None
    assert reading.rows == [{"id": "1"}, {"id": "2"}]


def test_of_an_archive_what_holds_no_rows_is_left(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("README.md", "# about this")
        archive.writestr("rows.csv", "id\n1\n")
    assert read(tmp_path / "a.zip").rows == [{"id": "1"}]


def test_of_an_archive_locks_and_notes_are_left(read, write):
    members = {"~$a.csv": "?", "readme.txt": "how\nto read\n", "a.csv": "x\n1\n"}
    path = write("a.zip", zipped(members))
    assert read(path).rows == [{"x": "1"}]
    assert len(read(path, format="csv").batches) == 2


def test_an_archive_of_a_text_alone_is_read(read, write):
    path = write("a.zip", zipped({"~$a.csv": "?", "rows.txt": "x\n1\n"}))
    assert read(path).rows == [{"x": "1"}]
