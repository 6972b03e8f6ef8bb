"""Rows are hashed as PostgreSQL hashes them: the expected values are a server's."""

from __future__ import annotations

import datetime as dt
from unittest.mock import ANY

import numpy as np
import polars as pl
import pytest

from propload.postgres.writing.stored.server_hashes import (
    HASHED,
    LONGEST,
    combine_hashes,
    hash_columns,
)

UTC = pl.Datetime("us", "UTC")

SEED = 8102661208239202660
MOMENT = dt.datetime.fromisoformat("2026-11-28T12:00:00.000001")

#: What PostgreSQL 18.1 answers to
#: `SELECT hash_record_extended(ROW(VALUE), 8102661208239202660)`, where VALUE is sent
#: by int8send, timestamp_send or timestamptz_send where it has 64 bits.
ANSWERS = [
    (True, pl.Boolean(), 5883838677695466297),
    (False, pl.Boolean(), 8533199957787849842),
    (0, pl.Int16(), 8533199957787849842),
    (-1, pl.Int16(), 2093590195005734416),
    (32767, pl.Int16(), 8268709601629375993),
    (-(2**31), pl.Int32(), 3040060506412589894),
    (0, pl.Int64(), 420927036923583263),
    (-1, pl.Int64(), 3876448496584636555),
    (2**32, pl.Int64(), 8174264057174612457),
    (-(2**63), pl.Int64(), 14584688736223379086),
    (0.0, pl.Float64(), 8102661208239202660),
    (-0.0, pl.Float64(), 8102661208239202660),
    (1.5, pl.Float64(), 7333095658269815978),
    (float("nan"), pl.Float64(), 4878862574034962350),
    (float("inf"), pl.Float64(), 13775266446698114482),
    (1.5, pl.Float32(), 7333095658269815978),
    (dt.date(2000, 1, 1), pl.Date(), 8533199957787849842),
    (dt.date(1970, 1, 1), pl.Date(), 14716798731763500992),
    (dt.date(2026, 11, 28), pl.Date(), 8416945580913290358),
    (MOMENT, pl.Datetime("us"), 10535730916615052795),
    (
        dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
        UTC,
        11094597007698818772,
    ),
    ("", pl.String(), 5764536813539533689),
    ("a", pl.String(), 14289026276200821238),
    ("Ede", pl.String(), 4259066415726854739),
    ("abcdefghijk", pl.String(), 133451198292238170),
    ("abcdefghijkl", pl.String(), 3496638293186565760),
    ("abcdefghijklm", pl.String(), 11820319458123687873),
    ("x" * 40, pl.String(), 13988779146444019258),
    ("é€", pl.String(), 271622415166374409),
    (b"\x00\xff", pl.Binary(), 7373689717618351189),
    (None, pl.String(), 0),
    (None, pl.Int64(), 0),
]


def hash_rows(frame, seed):
    return combine_hashes(hash_columns(frame, seed))


def _hashes(values, dtype):
    return hash_rows(pl.DataFrame({"v": pl.Series(values, dtype=dtype)}), SEED).tolist()


@pytest.mark.parametrize(("value", "dtype", "answer"), ANSWERS)
def test_value_has_the_hash_of_the_server(value, dtype, answer):
    assert _hashes([value], dtype) == [answer]


def test_row_has_the_hash_of_the_server():
    row = pl.DataFrame(
        {"a": ["funda"], "b": [7], "c": [None], "d": [2.5]},
        schema={"a": pl.String, "b": pl.Int64, "c": pl.Date, "d": pl.Float64},
    )
    assert hash_rows(row, SEED).tolist() == [17905134909553787825]


@pytest.mark.parametrize("dtype", HASHED, ids=str)
def test_hash_of_null_differs_from_that_of_every_value(dtype):
    answers = [(value, known) for value, known, _ in ANSWERS if value is not None]
    values = [value for value, known in answers if known == dtype]
    [null, *others] = _hashes([None, *values], dtype)
    assert null == 0
    assert null not in others


@pytest.mark.parametrize("dtype", HASHED, ids=str)
def test_empty_frame_has_no_hashes(dtype):
    assert _hashes([], dtype) == []


def test_every_seed_gives_other_hashes():
    row = pl.DataFrame({"v": ["Ede"], "n": [1]})
    assert len({int(hash_rows(row, seed)[0]) for seed in range(1, 100)}) == 99


def test_hash_depends_on_the_columns_of_the_values():
    frame = pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"]})
    assert len(np.unique(hash_rows(frame, SEED))) == 2


@pytest.mark.parametrize("convert", [str, str.encode], ids=["text", "bytes"])
def test_only_rows_with_too_long_values_get_random_hashes(convert):
    frame = pl.DataFrame(
        {"v": [convert("x" * LONGEST), convert("x" * (LONGEST + 1)), None]}
    )
    [longest, longer, null] = hash_rows(frame, SEED).tolist()
    assert hash_rows(frame, SEED).tolist() == [longest, ANY, null]
    assert hash_rows(frame, SEED)[1] != longer
