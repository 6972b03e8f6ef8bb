"""128-bit integers of Polars, some of which have more digits than Arrow's decimals."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

LONG = 10**38
#: Other fields of a struct that holds a 128-bit number.
OTHER_FIELDS = {"at": pl.Duration("us"), "kind": pl.Categorical(), "no": pl.Binary}


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(pl.Int128, -(2**127)), (pl.UInt128, 2**128 - 1), (pl.Int128, LONG)],
)
@pytest.mark.parametrize("form", [pl.DataFrame, pl.LazyFrame])
def test_integers_of_128_bits_are_read(read, form, dtype, value):
    reading = read(form({"v": pl.Series([5, value, None], dtype=dtype)}))
    assert [row["v"] for row in reading.rows] == ["5", str(value), None]
    assert reading.batches[0].created_as == {"v": "numeric(39,0)"}


def test_numbers_up_to_38_digits_are_read_as_decimals(read):
    reading = read(pl.DataFrame({"v": pl.Series([LONG - 1, None], dtype=pl.Int128)}))
    assert [row["v"] for row in reading.rows] == [LONG - 1, None]
    assert str(reading.batches[0].rows.schema.field("v").type) == "decimal128(38, 0)"
    assert reading.batches[0].created_as == {"v": "numeric(39,0)"}


@pytest.mark.parametrize("list_type", [pl.List(pl.Int128), pl.Array(pl.Int128, 1)])
@pytest.mark.parametrize("number", [7, LONG])
def test_lists_of_128_bit_integers_are_read(read, list_type, number):
    reading = read(
        pl.DataFrame({"v": pl.Series([[5], [number], None], dtype=list_type)})
    )
    assert reading.batches[0].created_as == {"v": "numeric(39,0)[]"}
    found = [row["v"] for row in reading.rows]
    assert found == ([[5], [7], None] if number == 7 else ["[5]", f"[{LONG}]", None])


@pytest.mark.parametrize("number", [7, LONG])
def test_structs_keep_128_bit_integers_and_their_other_fields(read, number):
    dtype = pl.Struct({"n": pl.Int128, "m": pl.List(pl.UInt128), **OTHER_FIELDS})
    others = {"at": dt.timedelta(hours=1), "kind": "a", "no": b"\0"}
    values = [{"n": number, "m": [number, None], **others}, None]
    [found, null] = [
        row["v"]
        for row in read(pl.DataFrame({"v": pl.Series(values, dtype=dtype)})).rows
    ]
    assert null is None
    if number == 7:
        assert found == values[0]
    else:
        others_as_text = {"at": "PT1H0M0S", "kind": "a", "no": "\\x00"}
        assert json.loads(found) == {"n": LONG, "m": [LONG, None], **others_as_text}
