"""Arrow types that Polars lacks are read exactly, or refused by name."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

NAME = uuid.UUID(int=7)
WIDE = Decimal(10) ** 50
NOON = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
LONG = pa.decimal256(60, 2)
INDIA = pa.timestamp("us", "+05:30")


def extension_array(dtype, values):
    return pa.ExtensionArray.from_storage(dtype, pa.array(values, dtype.storage_type))


@pytest.mark.parametrize("form", ["parquet", "frame", "arrow"])
@pytest.mark.parametrize(
    ("column", "values", "created_as"),
    [
        (extension_array(pa.json_(), ['{"a": 1}', None]), ['{"a": 1}', None], "jsonb"),
        (extension_array(pa.uuid(), [NAME.bytes, None]), [str(NAME), None], "uuid"),
        (extension_array(pa.bool8(), [1, None]), [True, None], None),
        (
            pa.array([WIDE, None], pa.decimal256(60, 2)),
            [f"{WIDE:.2f}", None],
            "numeric(60,2)",
        ),
        (pa.array([Decimal("1.5")], pa.decimal256(9, 1)), [Decimal("1.5")], None),
        (pa.array([dt.date(2024, 1, 2)], pa.date64()), [dt.date(2024, 1, 2)], None),
        (pc.run_end_encode(pa.array(["a", "a"])), ["a", "a"], None),
        (pa.array([NOON, None], INDIA), [NOON, None], None),
        (pa.array([[NOON], None], pa.list_(INDIA)), [[NOON], None], None),
        (pa.array([NOON], INDIA).dictionary_encode(), [NOON], None),
        (
            pa.array([{"at": NOON}], pa.struct({"at": pa.timestamp("ms", "GMT+1")})),
            [{"at": NOON}],
            None,
        ),
        (pa.array([Decimal(1200)], pa.decimal128(5, -2)), [Decimal(1200)], None),
        (
            pa.array([Decimal(1200)], pa.decimal128(38, -2)),
            ["1200"],
            "numeric(40,0)",
        ),
    ],
    ids=lambda one: str(getattr(one, "type", "")),
)
def test_value_of_rare_arrow_type_is_kept(
    read, tmp_path, form, column, values, created_as
):
    source = table = pa.table({"id": list(range(len(values))), "v": column})
    if form == "parquet":
        if pa.types.is_run_end_encoded(column.type):
            pytest.skip("Parquet has no such type")
        if pa.types.is_decimal(column.type) and column.type.scale < 0:
            pytest.skip("Parquet has no scale below 0")
        source = tmp_path / "rows.parquet"
        pq.write_table(table, source)
    elif form == "arrow":
        source = tmp_path / "rows.arrow"
        with pa.ipc.new_file(source, table.schema) as file:
            file.write_table(table)
    (batch,) = read(source).batches
    assert batch.rows.column("v").to_pylist() == values
    assert batch.created_as == ({"v": created_as} if created_as else {})
    # the type is one that Polars knows
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pd.period_range("2024-01", periods=2, freq="M"), ["2024-01", "2024-02"]),
        (pd.arrays.SparseArray([0, 1]), [0, 1]),
        (pd.arrays.IntervalArray.from_breaks([0, 1, 2]), ["(0, 1]", "(1, 2]"]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_pandas_extension_column_is_read(read, column, values):
    (batch,) = read(pd.DataFrame({"v": column})).batches
    assert pl.from_arrow(batch.rows)["v"].to_list() == values


@pytest.mark.parametrize(
    "column",
    [
        np.array([1 + 2j, 3, np.nan]),
        np.array([1 + 2j, 3, np.nan], "complex64"),
        np.array([1 + 2j, 3, np.nan], "clongdouble"),
        pd.Categorical([1 + 2j, 3 + 0j, None]),
        pd.arrays.SparseArray([1 + 2j, 3, np.nan]),
        pd.Series([1 + 2j, 3 + 0j, None], dtype=object),
        pd.Series([np.complex128(1 + 2j), np.complex64(3), None], dtype=object),
    ],
    ids=lambda one: f"{type(one).__name__} {one.dtype}",
)
def test_pandas_complex_numbers_become_texts_as_in_python_rows(read, column):
    reading = read(pd.DataFrame({"id": [1, 2, 3], "v": column}))
    assert reading.error is None
    rows = [{"id": 1, "v": 1 + 2j}, {"id": 2, "v": 3 + 0j}, {"id": 3, "v": None}]
    assert reading.rows == read(rows).rows
    assert [row["v"] for row in reading.rows] == ["(1+2j)", "(3+0j)", None]


def test_error_names_unreadable_pandas_column(read):
    reading = read(pd.DataFrame({"id": [1], "v": np.array([1], "longdouble")}))
    assert "column v is float128, which cannot be read" in str(reading.error)
    assert "make it text (astype(str)) or another type" in str(reading.error)


def test_series_is_read_as_frame_of_one_column(read):
    assert read(pl.Series("a", [1, 2])).rows == [{"a": 1}, {"a": 2}]


def test_error_names_feather_version_1(read, write):
    assert "Feather of version 1" in str(read(write("a.feather", b"FEA1abcd")).error)


MAP = pa.map_(pa.string(), pa.int64())


@pytest.mark.parametrize("form", ["parquet", "frame"])
@pytest.mark.parametrize(
    ("values", "dtype", "texts"),
    [
        ([[("a", 1), ("b", None)], None, []], MAP, ['{"a": 1, "b": null}', None, "{}"]),
        ([[[("a", 1)]], None], pa.list_(MAP), ['[{"a": 1}]', None]),
        ([{"k": [("a", 1)]}], pa.struct({"k": MAP}), ['{"k": {"a": 1}}']),
        ([[(1, NOON)]], pa.map_(pa.int8(), INDIA), None),
    ],
)
def test_map_becomes_json_object(read, tmp_path, form, values, dtype, texts):
    table = pa.table({"x": pa.array(values, dtype)})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    [batch] = read(str(path) if form == "parquet" else table).batches
    assert batch.created_as == {"x": "jsonb"}
    found = batch.rows.column("x").to_pylist()
    assert found == (texts or ['{"1": "2024-01-02T17:30:00+05:30"}'])


def test_map_whose_keys_have_no_text_is_refused(read):
    keys = pa.struct({"a": pa.int64()})
    table = pa.table({"x": pa.array([[({"a": 1}, 2)]], pa.map_(keys, pa.int64()))})
    assert "column x is map<struct<a: int64>, int64>, and no text" in str(
        read(table).error
    )


@pytest.mark.parametrize("dtype", [pa.timestamp("s", "UTC"), pa.duration("s")], ids=str)
def test_seconds_out_of_range_of_polars_do_not_overflow(read, dtype):
    largest = 2**63 - 1
    values = pa.array([1, None, largest, -largest], pa.int64()).cast(dtype)
    [batch] = read(pa.table({"v": values})).batches
    found = pl.Series(batch.rows.column("v"))
    assert found.dtype.time_unit == "ms"
    last = largest // 1000 * 1000
    assert found.to_physical().to_list() == [1000, None, last, -last]


VIEWS = pa.list_view(pa.int64())
DAY = dt.date(2024, 1, 2)
PRICE = Decimal("1234.50")


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (VIEWS, [[1, 2], None, [3]]),
        (pa.large_list_view(pa.date64()), [[], [DAY]]),
        (pa.list_(VIEWS), [[[1], []], None, [[2]]]),
        (pa.list_view(VIEWS), [[[1], None], [[2]]]),
        (pa.struct({"a": VIEWS}), [{"a": [1]}, None, {"a": [2, 3]}]),
        (pa.list_(pa.decimal32(7, 2), 2), [[PRICE, None], None, [None, PRICE]]),
        (pa.list_(pa.decimal256(30, 2), 1), [[PRICE], None, [PRICE]]),
        (pa.list_(pa.date64(), 1), [[DAY], None, [None]]),
        (pa.list_(VIEWS, 2), [[[1], [2]], None, [None, [3]]]),
        (pa.list_(pa.bool_(), 2), [None, [True, None], None]),
    ],
    ids=str,
)
@pytest.mark.parametrize("start", [0, 1])
def test_rare_list_types_become_lists(read, dtype, values, start):
    table = pa.table({"v": pa.array(values, dtype)}).slice(start)
    (batch,) = read(table).batches
    assert pl.from_arrow(batch.rows)["v"].to_list() == values[start:]


def test_list_views_may_overlap_and_be_out_of_order(read):
    views = pa.ListViewArray.from_arrays(
        pa.array([3, 0, 1, 2], pa.int32()),
        pa.array([2, 0, 3, 1], pa.int32()),
        pa.array([10, 11, 12, 13, 14]),
        mask=pa.array([False, False, False, True]),
    )
    (batch,) = read(pa.table({"v": views})).batches
    assert batch.rows["v"].to_pylist() == [[13, 14], [], [11, 12, 13], None]


def test_run_end_encoded_field_of_struct_is_read(read):
    runs = pc.run_end_encode(pa.array(["a", "a", None]))
    parts = pa.StructArray.from_arrays([runs], ["town"])
    (batch,) = read(pa.table({"v": parts})).batches
    assert batch.rows["v"].to_pylist() == [{"town": "a"}, {"town": "a"}, {"town": None}]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_batch_of_fixed_size_lists_can_be_sliced(read, library):
    values = [[1.5, 2.5], None, [3.5, None], None]
    frame = pl.DataFrame({"v": pl.Series(values, dtype=pl.Array(pl.Float64, 2))})
    (batch,) = read(frame if library == "polars" else frame.to_arrow()).batches
    for index, value in enumerate(values):
        assert pl.from_arrow(batch.rows.slice(index, 1))["v"].to_list() == [value]


@pytest.mark.parametrize(
    ("column", "texts", "created_as"),
    [
        (pa.array([[WIDE], None], pa.list_(LONG)), [f"[{WIDE:f}.00]", None], "jsonb"),
        (
            pa.array([{"a": WIDE}, None], pa.struct({"a": LONG})),
            [f'{{"a": {WIDE:f}.00}}', None],
            "jsonb",
        ),
        (
            pa.array([WIDE, None], LONG).dictionary_encode(),
            [f"{WIDE:f}.00", None],
            "numeric(60,2)",
        ),
    ],
)
def test_long_decimals_keep_their_digits_when_nested(read, column, texts, created_as):
    (batch,) = read(pa.table({"v": column})).batches
    assert pl.from_arrow(batch.rows)["v"].to_list() == texts
    assert batch.created_as == {"v": created_as}
