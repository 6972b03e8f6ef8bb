"""Arrow's types that Polars has none for, or does not hold all values of."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from propload.values.plain_columns import TEXT

SPANS = pa.array(
    [(1, 2, 3_000), (-1, 0, -1_500_000_000), None], pa.month_day_nano_interval()
)
SPAN_TEXTS = ["P1M2DT0.000003S", "P-1M0DT-1.5S", None]
UNION = pa.UnionArray.from_sparse(
    pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, None]), pa.array(["a", "b", "c"])]
)
#: DuckDB's whole numbers of 128 bits come so, of 39 digits as well.
LONG = 10**38
WHOLE = pa.decimal128(38, 0)


def clock(unit, *counts):
    width = pa.int32() if unit in ("s", "ms") else pa.int64()
    kind = (pa.time32 if unit in ("s", "ms") else pa.time64)(unit)
    return pa.array(counts, width).cast(kind)


def long_whole(*values):
    # Arrow itself would refuse to make it
    raw = b"".join(value.to_bytes(16, "little", signed=True) for value in values)
    return pa.Array.from_buffers(WHOLE, len(values), [None, pa.py_buffer(raw)])


CASES = [
    (SPANS, SPAN_TEXTS, "interval"),
    (UNION, ["1", "b", None], None),
    (clock("s", 86_400, None, 5), ["24:00:00", None, "00:00:05"], "time"),
    (clock("ns", 86_400 * 10**9 + 1, 0), ["24:00:00.000000001", "00:00:00"], "time"),
    (clock("us", -1), ["-00:00:00.000001"], "time"),
    (clock("us", 86_399_999_999, None), [dt.time.max, None], None),
    (long_whole(LONG, -5), [str(LONG), "-5"], "numeric(39,0)"),
    (long_whole(LONG - 1, -5), [Decimal(LONG - 1), Decimal(-5)], None),
]


def created(name):
    return f"{name} without time zone" if name == "time" else name


@pytest.mark.parametrize(("column", "values", "created_as"), CASES)
def test_each_value_is_kept(read, column, values, created_as):
    (batch,) = read(pa.table({"v": column})).batches
    assert batch.rows.column("v").to_pylist() == values
    assert batch.created_as == ({"v": created(created_as)} if created_as else {})
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


@pytest.mark.parametrize(("column", "values", "created_as"), CASES[1:])
def test_lists_keep_them_too(read, column, values, created_as):
    lists = pa.ListArray.from_arrays(pa.array([0, 0, len(values)]), column)
    (batch,) = read(pa.table({"v": lists})).batches
    found = batch.rows.column("v").to_pylist()
    # wide decimals in lists are JSON
    assert found == (["[]", f"[{LONG}, -5]"] if "[]" in found else [[], values])
    assert batch.created_as == ({"v": f"{created(created_as)}[]"} if created_as else {})


def shared(places, values):
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), values)


NAMES = shared([0, None, 1], pa.array(["a", "b"]))
#: What Arrow 26 makes of null structs: places in a list of texts that is empty.
NO_NAMES = pa.DictionaryArray.from_arrays(
    pa.array([0, 0], pa.int32()), pa.array([], TEXT), safe=False
)
NO_STRUCTS = pa.StructArray.from_arrays([NO_NAMES], ["a"], mask=pa.array([True, True]))
LONG_DECIMALS = pa.array([Decimal("1.25")], pa.decimal256(50, 2))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        # Polars panics over the first two
        (NO_STRUCTS, [None, None]),
        (
            pa.ListArray.from_arrays([0, 1, 1], shared([0], LONG_DECIMALS)),
            ["[1.25]", "[]"],
        ),
        (
            pa.StructArray.from_arrays([NAMES], ["a"]),
            [{"a": "a"}, {"a": None}, {"a": "b"}],
        ),
        (pa.ListArray.from_arrays([0, 2, 3], NAMES), [["a", None], ["b"]]),
        (
            shared([0, None, 0], pa.StructArray.from_arrays([NAMES[2:]], ["a"])),
            [{"a": "b"}, None, {"a": "b"}],
        ),
    ],
)
def test_values_that_rows_share_are_read_within_others(read, column, values):
    (batch,) = read(pa.table({"v": column})).batches
    assert batch.rows.column("v").to_pylist() == values
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


def test_structs_keep_them_beside_others(read):
    struct = pa.StructArray.from_arrays(
        [SPANS, UNION, clock("us", 0, 86_400_000_000, 1), pa.array([[1], None, []])],
        ["span", "any", "at", "list"],
        mask=pa.array([False, False, True]),
    )
    rows = read(pa.table({"v": struct})).rows
    [first, second, third] = [row["v"] for row in rows]
    assert first == {"span": SPAN_TEXTS[0], "any": "1", "at": "00:00:00", "list": [1]}
    assert (second["at"], second["list"], third) == ("24:00:00", None, None)


def test_values_of_extensions_are_known_within_others(read):
    name = "eeccb8c5-9943-b2bb-bb5e-222f4e14b687"
    raw = pa.array([bytes.fromhex(name.replace("-", "")), None], pa.binary(16))
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), raw)
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2]), uuids)
    struct = pa.StructArray.from_arrays([uuids], ["u"])
    (batch,) = read(pa.table({"a": lists, "b": struct})).batches
    assert batch.rows.column("a").to_pylist() == [[name], [None]]
    assert batch.rows.column("b").to_pylist() == [{"u": name}, {"u": None}]
    assert batch.created_as == {"a": "uuid[]"}


#: As DuckDB 1.5 gives them, and what they are.
DUCKDB_TYPES = [
    ("bit", "03f5", "10101", "bit varying"),
    ("bit", "0007", "00000111", "bit varying"),
    ("hugeint", "fb" + "ff" * 15, "-5", "numeric(39,0)"),
    ("uhugeint", "ff" * 16, str(2**128 - 1), "numeric(39,0)"),
    ("time_tz", "dfc40000b0eb0e0a", "12:00:00.000000+02:00:00", None),
    ("bignum", "7fffeff6b64f090ffdccec3bb66faf21c70cb1", None, "numeric"),
    ("bignum", "80000105", "5", "numeric"),
]


@pytest.mark.parametrize(("name", "raw", "text", "created_as"), DUCKDB_TYPES)
def test_what_duckdb_names_is_read(read, name, raw, text, created_as):
    width = 8 if name == "time_tz" else 16
    storage = pa.binary() if name in ("bit", "bignum") else pa.binary(width)
    kind = pa.opaque(storage, name, "DuckDB")
    column = pa.ExtensionArray.from_storage(
        kind, pa.array([bytes.fromhex(raw), None], storage)
    )
    (batch,) = read(pa.table({"v": column, "s": [1, 2]})).batches
    told = text or "-12345678901234567890123456789012345678"
    assert batch.rows.column("v").to_pylist() == [told, None]
    assert batch.created_as["v"] == (created_as or "time with time zone")
    struct = pa.StructArray.from_arrays([column], ["v"])
    [found, _] = [row["x"] for row in read(pa.table({"x": struct})).rows]
    found = json.loads(found) if isinstance(found, str) else found
    assert str(found["v"]) == told


def test_what_others_name_is_read_as_it_is_stored(read):
    kind = pa.opaque(pa.string(), "numeric", "PostgreSQL")
    column = pa.ExtensionArray.from_storage(kind, pa.array(["1.10", None]))
    assert read(pa.table({"v": column})).rows == [{"v": "1.10"}, {"v": None}]
