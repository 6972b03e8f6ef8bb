import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest

from propload import rejecting
from propload.batch import NUMBER, REASONS, ROW, SOURCE
from propload.errors import ConfigError, WriteError
from propload.rejecting import Refused, RejectStore, RejectWriter


def refused(rows, *, batch=0, lane=None, values=None):
    raw = pl.DataFrame(
        {ROW: rows, SOURCE: ["a.csv"] * len(rows), NUMBER: [r + 1 for r in rows]}
        | (values or {"price": [f"p{r}" for r in rows]}),
        schema_overrides={ROW: pl.UInt32},
    )
    reasons = pl.DataFrame(
        [
            (r, "check", column, "ge", f"p{r}", f"{column} is wrong", None)
            for r in rows
            for column in ("price", "area")
        ],
        schema=REASONS,
        orient="row",
    )
    return Refused(raw, reasons, batch, lane)


@pytest.fixture
def writer(tmp_path):
    one = RejectWriter(tmp_path / "rejects" / "20260101-ab.ndjson", "20260101-ab")
    yield one
    one.close()


@pytest.fixture
def store(tmp_path):
    return RejectStore(tmp_path / "rejects")


def test_a_row_is_kept_with_all_its_reasons(writer, store):
    assert writer.write(refused([3, 7])) == 2
    frame = store.read("20260101-ab")
    assert frame["row"].to_list() == [4, 8]
    assert frame["source"].to_list() == ["a.csv", "a.csv"]
    assert frame["values"].to_list() == [{"price": "p3"}, {"price": "p7"}]
    assert [one["column"] for one in frame["reasons"][0]] == ["price", "area"]
    counted = {(c.column, c.rows) for c in writer.counted}
    assert counted == {("price", 2), ("area", 2)}


def test_no_file_is_made_without_refused_rows(writer, store):
    assert writer.write(refused([])) == 0
    assert not writer.path.exists()
    assert store.runs() == []


def test_files_are_private(writer):
    writer.write(refused([1]))
    assert writer.path.stat().st_mode & 0o777 == 0o600
    assert writer.path.parent.stat().st_mode & 0o777 == 0o700


def test_values_that_json_lacks_are_kept_as_text(writer, store):
    values = {
        "real": [math.nan, math.inf],
        "money": [Decimal("1.10"), None],
        "day": [dt.date(2024, 2, 29), dt.date(1, 1, 1)],
        "at": [dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), None],
        "raw": [b"\x00\xff", b""],
        "big": [2**63 - 1, -(2**63)],
        "text": ['quote " and \n', "\u20ac \U0001f3e0"],
        "inside": [{"a": [1, 2]}, {"a": []}],
    }
    writer.write(refused([0, 1], values=values))
    first, second = store.read()["values"].to_list()
    assert first["real"] == "NaN"
    assert second["real"] == "inf"
    assert first["money"] == "1.10"
    assert first["day"] == "2024-02-29"
    assert first["raw"] == "00ff"
    assert (first["big"], second["big"]) == (2**63 - 1, -(2**63))
    assert (first["text"], second["text"]) == tuple(values["text"])
    assert first["inside"] == {"a": [1, 2]}
    assert first["at"].startswith("2024-01-01")


def test_a_full_disk_leaves_no_half_line(writer, store, monkeypatch):
    writer.write(refused([1]))
    whole = writer.path.read_bytes()

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(rejecting.os, "fsync", refuse)
        with pytest.raises(WriteError, match="No space left") as caught:
            writer.write(refused([2]))
    assert isinstance(caught.value.__cause__, OSError)
    assert writer.path.read_bytes() == whole
    writer.write(refused([3]))
    assert store.read()["row"].to_list() == [2, 4]


def test_the_store_lists_finds_and_drops(writer, store, tmp_path):
    writer.write(refused([1, 2, 3]))
    other = RejectWriter(tmp_path / "rejects" / "20260102-cd.ndjson", "20260102-cd")
    other.write(refused([1]))
    other.close()
    assert [(run.run_id, run.rows) for run in store.runs()] == [
        ("20260102-cd", 1),
        ("20260101-ab", 3),
    ]
    assert store.find().stem == "20260102-cd"
    assert store.find("20260101").stem == "20260101-ab"
    with pytest.raises(ConfigError, match="2 runs begin so"):
        store.find("2026")
    with pytest.raises(ConfigError, match="no refused rows"):
        store.find("nothing")
    store.drop("20260102")
    assert [run.run_id for run in store.runs()] == ["20260101-ab"]


def test_an_empty_store_says_so(store):
    with pytest.raises(ConfigError, match="any run: no refused rows"):
        store.find()


def test_what_is_redone_is_taken_out(writer, store):
    writer.write(refused([1], batch=0))
    writer.write(refused([2], batch=1))
    writer.write(refused([3], batch=1, lane=1))
    store.keep("20260101-ab", lambda batch, lane: batch == 0 or lane == 1)
    assert store.read()["row"].to_list() == [2, 4]
