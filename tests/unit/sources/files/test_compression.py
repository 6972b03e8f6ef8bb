from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from functools import partial

import pytest

from propload.sources.files.compression import zstd

DRAWN = random.Random(5)  # noqa: S311 - seeded rows, not secrets
TEXT = b"id,value\n" + b"".join(
    b"%d,%d\n" % (place, DRAWN.getrandbits(60)) for place in range(1, 5_001)
)
PACKERS = {
    "gz": gzip.compress,
    "zst": zstd.compress,
    "bz2": bz2.compress,
    # higher levels allocate their memory first, which takes longer than the test
    "xz": partial(lzma.compress, preset=0),
}


@pytest.fixture(params=PACKERS)
def compression(request):
    return request.param


def test_compressed_file_is_read(read, write, compression):
    reading = read(write(f"a.csv.{compression}", PACKERS[compression](TEXT)))
    assert reading.numbers == list(range(1, 5_001))
    assert reading.tuples[0][0] == "1"


def test_compression_is_recognized_without_its_file_ending(read, write, compression):
    assert len(read(write("a.csv", PACKERS[compression](TEXT))).rows) == 5_000


def test_concatenated_members_are_read_as_one_file(read, write, compression):
    pack = PACKERS[compression]
    content = pack(TEXT[:5000]) + pack(b"") + pack(TEXT[5000:])
    assert len(read(write(f"a.csv.{compression}", content)).rows) == 5_000


def test_truncated_file_yields_its_first_rows_and_an_error(read, write, compression):
    packed = PACKERS[compression](TEXT)
    for end in (len(packed) - 1, len(packed) * 2 // 3):
        path = write(f"a.csv.{compression}", packed[:end])
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


def test_truncated_gzip_yields_most_of_its_rows(read, write):
    packed = gzip.compress(TEXT)
    assert len(read(write("a.csv.gz", packed[:-100])).rows) > 4_000


def test_damaged_file_is_reported(read, write):
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


def test_all_files_of_an_archive_are_read(read, write):
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


def test_archive_without_files_is_refused(read, write):
    assert "without files" in str(read(write("a.zip", zipped({}))).error)


def test_truncated_archive_is_refused(read, write):
    reading = read(write("a.zip", zipped({"a.csv": TEXT})[:-50]))
    assert "cannot be unpacked" in str(reading.error)


def test_damaged_member_is_reported_with_its_path(read, write):
    content = bytearray(zipped({"a.csv": TEXT}))
    content[2000:2040] = bytes(40)
    error = str(read(write("a.zip", bytes(content))).error)
    assert "a.zip/a.csv" in error
    assert "cannot be read any further" in error
    assert "empty" not in error


def test_file_compressed_twice_is_read(read, write):
    content = gzip.compress(bz2.compress(b"id,x\n1,2\n"))
    assert read(write("a.csv.bz2.gz", content)).rows == [{"id": "1", "x": "2"}]


def test_compressed_archive_is_read(read, write):
    content = gzip.compress(zipped({"a.csv": b"id\n1\n", "b.csv": b"id\n2\n"}))
    reading = read(write("a.zip.gz", content))
    assert reading.error is None
    assert reading.rows == [{"id": "1"}, {"id": "2"}]


def test_documentation_in_an_archive_is_skipped(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("README.md", "# about this")
        archive.writestr("rows.csv", "id\n1\n")
    assert read(tmp_path / "a.zip").rows == [{"id": "1"}]


def test_lock_and_text_files_in_an_archive_are_skipped(read, write):
    members = {"~$a.csv": "?", "readme.txt": "how\nto read\n", "a.csv": "x\n1\n"}
    path = write("a.zip", zipped(members))
    assert read(path).rows == [{"x": "1"}]
    assert len(read(path, format="csv").batches) == 2


def test_text_file_is_read_if_archive_has_no_other(read, write):
    path = write("a.zip", zipped({"~$a.csv": "?", "rows.txt": "x\n1\n"}))
    assert read(path).rows == [{"x": "1"}]
