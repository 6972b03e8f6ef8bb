"""The number of rows expected from files before they are read."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import random
import zipfile
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.files import estimating
from propload.sources.files.compression import zstd
from propload.sources.files.estimating import MOST_FILES, SAMPLE_BYTES

ROWS = 20_000


def gzipped(text):
    # the default level takes several times as long
    return gzip.compress(text, compresslevel=6)


PACKERS = {
    "": bytes,
    ".gz": gzipped,
    ".zst": zstd.compress,
    ".gz.zst": lambda text: zstd.compress(gzipped(text)),
}


DRAWN = random.Random(5)  # noqa: S311 - no secret
HOMES = []


def homes(rows):
    # drawn on demand: collecting these tests needs only a few hundred
    for number in range(len(HOMES), rows):
        home = {
            "id": number,
            "street": f"Straat {DRAWN.randrange(10**6)}",
            "text": "ruim\nlicht " * DRAWN.randrange(6),
            "price": DRAWN.randrange(10**5, 10**6),
        }
        HOMES.append(home)
    return HOMES[:rows]


@cache
def as_csv(rows):
    return pl.DataFrame(homes(rows)).write_csv().encode()


@cache
def as_lines(rows):
    return "".join(f"{json.dumps(row)}\n" for row in homes(rows)).encode()


@cache
def as_array(rows):
    return json.dumps(homes(rows)).encode()


def expected_rows(source, **options):
    return open_source(source, SourceOptions(**options)).rows_expected()


@pytest.fixture(scope="module", params=[as_csv, as_lines, as_array])
def text(request):
    found = request.param(ROWS)
    assert len(found) > 4 * SAMPLE_BYTES
    return found


@pytest.mark.parametrize("suffix", PACKERS)
def test_long_text_is_estimated_from_its_beginning(write, text, suffix):
    found = expected_rows(write(f"homes{suffix}", PACKERS[suffix](text)))
    assert found == pytest.approx(ROWS, rel=0.1)
    # estimated, not counted
    assert found != ROWS


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_text_is_estimated(write, encoding):
    path = write("homes.csv", as_csv(ROWS).decode(), encoding)
    assert expected_rows(path, encoding=encoding) == pytest.approx(ROWS, rel=0.1)


@pytest.mark.parametrize("make", [as_csv, as_lines, as_array])
@pytest.mark.parametrize("suffix", [*PACKERS, ".bz2"])
def test_rows_of_short_text_are_counted(write, make, suffix):
    pack = {**PACKERS, ".bz2": bz2.compress}[suffix]
    assert expected_rows(write(f"homes{suffix}", pack(make(700)))) == 700


def test_lines_above_the_header_are_not_counted(write):
    path = write("homes.csv", b"Export of today\n\n" + as_csv(50))
    assert expected_rows(path, skip_lines=2) == 50


def test_rows_inside_a_json_document_are_counted(write):
    path = write("homes.json", json.dumps({"page": {"rows": homes(50)}}))
    assert expected_rows(path, rows_at="page.rows") == 50


def test_row_count_of_parquet_is_exact(tmp_path):
    path = tmp_path / "homes.parquet"
    pl.DataFrame(homes(2_345)).write_parquet(path, row_group_size=1_000)
    assert expected_rows(path) == 2_345


@pytest.mark.parametrize(("batch", "rows"), [(5_000, 2_345), (1_000, 2_345), (100, 0)])
def test_row_count_of_arrow_file_is_exact(tmp_path, batch, rows):
    path = tmp_path / "homes.arrow"
    table = pl.DataFrame({"id": range(rows), "text": ["x"] * rows}).to_arrow()
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=batch)
    assert expected_rows(path) == rows


def test_arrow_stream_has_no_estimate(tmp_path):
    path = tmp_path / "homes.arrows"
    pl.DataFrame(homes(10)).write_ipc_stream(path)
    assert expected_rows(path) is None


def test_rows_of_several_files_are_added_up(write, tmp_path):
    paths = [write("a.csv", as_csv(100)), write("b.ndjson.gz", as_lines(20))]
    pl.DataFrame(homes(7)).write_parquet(tmp_path / "c.parquet")
    assert expected_rows([*paths, tmp_path / "c.parquet"]) == 127


def test_many_files_are_estimated_from_a_sample(write, monkeypatch):
    rows = [50 + number for number in range(5 * MOST_FILES + 1)]
    paths = [write(f"{n:03}.csv", as_csv(count)) for n, count in enumerate(rows)]
    looked_at = []
    look = estimating.single_member

    def note(file, name, *args, **options):
        looked_at.append(name)
        return look(file, name, *args, **options)

    monkeypatch.setattr(estimating, "single_member", note)
    assert expected_rows(paths) == pytest.approx(sum(rows), rel=0.1)
    assert 10 <= len(looked_at) <= MOST_FILES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("cut.csv.gz", gzip.compress(as_csv(700), mtime=0)[:-200]),
        ("damaged.parquet", b"PAR1 and no more of it"),
        ("damaged.arrow", b"ARROW1 and no more of it"),
        ("no.json", b'{"one": '),
        ("binary.csv", bytes(range(256)) * 20),
        ("packed.parquet.gz", gzip.compress(b"PAR1 and no more of it", mtime=0)),
    ],
)
def test_broken_file_has_no_estimate(write, name, content):
    path = write(name, content)
    assert expected_rows(path) is None
    # nor has a list of files that contains it
    assert expected_rows([write("good.csv", as_csv(5)), path]) is None


def test_deleted_file_has_no_estimate(write):
    path = write("homes.csv", as_csv(5))
    source = open_source(path, SourceOptions())
    Path(path).unlink()
    assert source.rows_expected() is None


def test_archive_has_no_estimate(tmp_path):
    with zipfile.ZipFile(tmp_path / "homes.zip", "w") as archive:
        archive.writestr("homes.csv", as_csv(5))
    assert expected_rows(tmp_path / "homes.zip") is None


def test_source_that_can_be_read_only_once_has_no_estimate(tmp_path, write):
    os.mkfifo(tmp_path / "pipe.csv")
    assert expected_rows("-") is None
    # opening a pipe would wait for its writer
    assert expected_rows(tmp_path / "pipe.csv") is None
    assert expected_rows([write("homes.csv", as_csv(5)), "-"]) is None


@pytest.mark.skipif(not Path("/proc/kallsyms").exists(), reason="no such files")
def test_file_that_reports_size_zero_has_no_estimate():
    # a short one and a long one
    for name in ("/proc/self/mountinfo", "/proc/kallsyms"):
        assert not Path(name).stat().st_size
        found = estimating.estimate_rows([Path(name)], SourceOptions(format="csv"))
        assert found is None
