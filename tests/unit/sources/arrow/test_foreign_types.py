"""Arrow types that Polars lacks, or whose values it cannot all hold."""

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
#: DuckDB exports 128-bit integers as this type, even those of 39 digits.
LONG = 10**38
WHOLE = pa.decimal128(38, 0)


def time_array(unit, *counts):
    width = pa.int32() if unit in ("s", "ms") else pa.int64()
    dtype = (pa.time32 if unit in ("s", "ms") else pa.time64)(unit)
    return pa.array(counts, width).cast(dtype)


def wide_integers(*values):
    # Arrow's constructors refuse 39 digits
    raw = b"".join(value.to_bytes(16, "little", signed=True) for value in values)
    return pa.Array.from_buffers(WHOLE, len(values), [None, pa.py_buffer(raw)])


CASES = [
    (SPANS, SPAN_TEXTS, "interval"),
    (UNION, ["1", "b", None], None),
    (time_array("s", 86_400, None, 5), ["24:00:00", None, "00:00:05"], "time"),
    (
        time_array("ns", 86_400 * 10**9 + 1, 0),
        ["24:00:00.000000001", "00:00:00"],
        "time",
    ),
    (time_array("us", -1), ["-00:00:00.000001"], "time"),
    (time_array("us", 86_399_999_999, None), [dt.time.max, None], None),
    (wide_integers(LONG, -5), [str(LONG), "-5"], "numeric(39,0)"),
    (wide_integers(LONG - 1, -5), [Decimal(LONG - 1), Decimal(-5)], None),
]


def full_type_name(name):
    return f"{name} without time zone" if name == "time" else name


@pytest.mark.parametrize(("column", "values", "created_as"), CASES)
def test_every_value_is_kept(read, column, values, created_as):
    (batch,) = read(pa.table({"v": column})).batches
    assert batch.rows.column("v").to_pylist() == values
    assert batch.created_as == ({"v": full_type_name(created_as)} if created_as else {})
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


@pytest.mark.parametrize(("column", "values", "created_as"), CASES[1:])
def test_values_are_kept_in_lists(read, column, values, created_as):
    lists = pa.ListArray.from_arrays(pa.array([0, 0, len(values)]), column)
    (batch,) = read(pa.table({"v": lists})).batches
    found = batch.rows.column("v").to_pylist()
    # wide decimals in lists are JSON
    assert found == (["[]", f"[{LONG}, -5]"] if "[]" in found else [[], values])
    assert batch.created_as == (
        {"v": f"{full_type_name(created_as)}[]"} if created_as else {}
    )


def dictionary_array(indices, values):
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values)


NAMES = dictionary_array([0, None, 1], pa.array(["a", "b"]))
#: What Arrow 26 makes of null structs: indices into an empty dictionary.
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
            pa.ListArray.from_arrays([0, 1, 1], dictionary_array([0], LONG_DECIMALS)),
            ["[1.25]", "[]"],
        ),
        (
            pa.StructArray.from_arrays([NAMES], ["a"]),
            [{"a": "a"}, {"a": None}, {"a": "b"}],
        ),
        (pa.ListArray.from_arrays([0, 2, 3], NAMES), [["a", None], ["b"]]),
        (
            dictionary_array(
                [0, None, 0], pa.StructArray.from_arrays([NAMES[2:]], ["a"])
            ),
            [{"a": "b"}, None, {"a": "b"}],
        ),
    ],
)
def test_nested_dictionary_arrays_are_read(read, column, values):
    (batch,) = read(pa.table({"v": column})).batches
    assert batch.rows.column("v").to_pylist() == values
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


def test_values_are_kept_in_structs(read):
    struct = pa.StructArray.from_arrays(
        [
            SPANS,
            UNION,
            time_array("us", 0, 86_400_000_000, 1),
            pa.array([[1], None, []]),
        ],
        ["span", "any", "at", "list"],
        mask=pa.array([False, False, True]),
    )
    rows = read(pa.table({"v": struct})).rows
    [first, second, third] = [row["v"] for row in rows]
    assert first == {"span": SPAN_TEXTS[0], "any": "1", "at": "00:00:00", "list": [1]}
    assert (second["at"], second["list"], third) == ("24:00:00", None, None)


def test_extension_types_are_recognized_when_nested(read):
    name = "eeccb8c5-9943-b2bb-bb5e-222f4e14b687"
    raw = pa.array([bytes.fromhex(name.replace("-", "")), None], pa.binary(16))
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), raw)
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2]), uuids)
    struct = pa.StructArray.from_arrays([uuids], ["u"])
    (batch,) = read(pa.table({"a": lists, "b": struct})).batches
    assert batch.rows.column("a").to_pylist() == [[name], [None]]
    assert batch.rows.column("b").to_pylist() == [{"u": name}, {"u": None}]
    assert batch.created_as == {"a": "uuid[]"}


#: Opaque types of DuckDB 1.5: name, stored bytes, text, PostgreSQL type.
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
def test_duckdb_opaque_type_is_read(read, name, raw, text, created_as):
    width = 8 if name == "time_tz" else 16
    storage = pa.binary() if name in ("bit", "bignum") else pa.binary(width)
    dtype = pa.opaque(storage, name, "DuckDB")
    column = pa.ExtensionArray.from_storage(
        dtype, pa.array([bytes.fromhex(raw), None], storage)
    )
    (batch,) = read(pa.table({"v": column, "s": [1, 2]})).batches
    expected = text or "-12345678901234567890123456789012345678"
    assert batch.rows.column("v").to_pylist() == [expected, None]
    assert batch.created_as["v"] == (created_as or "time with time zone")
    struct = pa.StructArray.from_arrays([column], ["v"])
    [found, _] = [row["x"] for row in read(pa.table({"x": struct})).rows]
    found = json.loads(found) if isinstance(found, str) else found
    assert str(found["v"]) == expected


def test_opaque_type_of_other_vendor_is_read_as_its_storage(read):
    dtype = pa.opaque(pa.string(), "numeric", "PostgreSQL")
    column = pa.ExtensionArray.from_storage(dtype, pa.array(["1.10", None]))
    assert read(pa.table({"v": column})).rows == [{"v": "1.10"}, {"v": None}]
