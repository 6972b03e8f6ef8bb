from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

LONG = 10**38
#: Fields beside such a number are kept as they are.
BESIDE = {"at": pl.Duration("us"), "kind": pl.Categorical(), "no": pl.Binary}


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(pl.Int128, -(2**127)), (pl.UInt128, 2**128 - 1), (pl.Int128, LONG)],
)
@pytest.mark.parametrize("form", [pl.DataFrame, pl.LazyFrame])
def test_a_number_of_any_length_is_read(read, form, dtype, value):
    reading = read(form({"v": pl.Series([5, value, None], dtype=dtype)}))
    assert [row["v"] for row in reading.rows] == ["5", str(value), None]
    assert reading.batches[0].created_as == {"v": "numeric(39,0)"}


def test_numbers_of_38_digits_are_decimals_in_a_column_that_holds_all(read):
    reading = read(pl.DataFrame({"v": pl.Series([LONG - 1, None], dtype=pl.Int128)}))
    assert [row["v"] for row in reading.rows] == [LONG - 1, None]
    assert str(reading.batches[0].rows.schema.field("v").type) == "decimal128(38, 0)"
    assert reading.batches[0].created_as == {"v": "numeric(39,0)"}


@pytest.mark.parametrize("kind", [pl.List(pl.Int128), pl.Array(pl.Int128, 1)])
@pytest.mark.parametrize("long", [7, LONG])
def test_lists_of_such_numbers_are_read(read, kind, long):
    reading = read(pl.DataFrame({"v": pl.Series([[5], [long], None], dtype=kind)}))
    assert reading.batches[0].created_as == {"v": "numeric(39,0)[]"}
    found = [row["v"] for row in reading.rows]
    assert found == ([[5], [7], None] if long == 7 else ["[5]", f"[{LONG}]", None])


@pytest.mark.parametrize("long", [7, LONG])
def test_structs_keep_such_numbers_and_what_is_beside_them(read, long):
    dtype = pl.Struct({"n": pl.Int128, "m": pl.List(pl.UInt128), **BESIDE})
    beside = {"at": dt.timedelta(hours=1), "kind": "a", "no": b"\0"}
    values = [{"n": long, "m": [long, None], **beside}, None]
    [found, nothing] = [
        row["v"]
        for row in read(pl.DataFrame({"v": pl.Series(values, dtype=dtype)})).rows
    ]
    assert nothing is None
    if long == 7:
        assert found == values[0]
    else:
        told = {"at": "PT1H0M0S", "kind": "a", "no": "\\x00"}
        assert json.loads(found) == {"n": LONG, "m": [LONG, None], **told}
