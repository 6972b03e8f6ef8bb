"""Times in maps that Python cannot represent are written in full."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from propload.sources.arrow.out_of_range_times import convert_out_of_range

FAR = 2**63 - 1
CASES = [
    (pa.time64("ns"), 1_234_567_891, "00:00:01.234567891"),
    (pa.time64("us"), 86_400_000_000, "24:00:00"),
    (pa.duration("ns"), 1_234_567_891, "PT0H0M1.234567891S"),
    (pa.date32(), 2**31 - 1, "+5881580-07-11"),
    (pa.date64(), 86_400_000 * 2_932_897, "+10000-01-01"),
    (pa.timestamp("us"), FAR, "+294247-01-10T04:00:54.775807"),
    (pa.timestamp("s", "UTC"), 253_402_300_800, "+10000-01-01T00:00:00.000+00:00"),
    (pa.timestamp("us"), 1_000_001, "1970-01-01T00:00:01.000001"),
    (pa.timestamp("ns"), 1_000_000_001, "1970-01-01T00:00:01.000000001"),
    (pa.date32(), 3, "1970-01-04"),
]


def column_of(dtype, *counts):
    width = pa.int32() if dtype == pa.date32() else pa.int64()
    return pa.array(counts, width).cast(dtype)


@pytest.mark.parametrize(("dtype", "count", "text"), CASES, ids=str)
def test_out_of_range_value_in_map_is_written_in_full(read, dtype, count, text):
    values = column_of(dtype, count, 0, None, count)
    keys = pa.array(["a", "b", "c", "d"])
    maps = pa.MapArray.from_arrays(pa.array([0, 1, 1, 3, 4], pa.int32()), keys, values)
    # sliced off: the first map; one value is null
    maps = pa.chunked_array([maps]).slice(1)
    rows = read(pa.table({"v": maps})).rows
    [nothing, second, third] = [json.loads(row["v"]) for row in rows]
    assert (nothing, second["c"], third) == ({}, None, {"d": text})


def test_values_within_range_of_python_are_unchanged():
    dtype = pa.struct({"a": pa.timestamp("us"), "b": pa.list_(pa.date32())})
    column = pa.array([{"a": 5, "b": [7, None]}, None], dtype)
    assert convert_out_of_range(column).to_pylist() == column.to_pylist()


def test_null_map_stays_null(read):
    dtype = pa.map_(pa.string(), pa.month_day_nano_interval())
    maps = pa.array([None, [("a", (1, 2, 0))], []], dtype)
    rows = read(pa.table({"v": maps})).rows
    assert [row["v"] for row in rows] == [None, '{"a": "P1M2DT0S"}', "{}"]
