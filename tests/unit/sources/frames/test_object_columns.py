"""Rows of frames with objects that cannot be stored."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from propload.sources.frames.object_columns import parts_of


class Nothing:
    """An object that has no text form."""


#: Positions of the bad rows among ten.
BAD_ROWS = [{0}, {9}, {2, 3, 4}, {0, 9}, set(range(10)), set()]


def polars_frame(values):
    column = pl.Series(values, dtype=pl.Object)
    return pl.DataFrame({"id": range(len(values)), "v": column})


def pandas_frame(values):
    column = pd.Series(values, dtype=object)
    return pd.DataFrame({"id": range(len(values)), "v": column})


def values_with_bad(bad, rows):
    return [Nothing() if index in bad else f"v{index}" for index in range(rows)]


FORMS = {
    "polars": polars_frame,
    "lazy": lambda v: polars_frame(v).lazy(),
    "pandas": pandas_frame,
    "a series": lambda v: pd.Series(v, dtype=object, name="v"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", BAD_ROWS, ids=str)
@pytest.mark.parametrize("chunk_rows", [3, 100])
def test_only_rows_with_unstorable_objects_are_rejected(read, form, bad, chunk_rows):
    reading = read(FORMS[form](values_with_bad(bad, 10)), chunk_rows=chunk_rows)
    assert reading.error is None
    assert [fault.row - 1 for fault in reading.unread] == sorted(bad)
    good = [index for index in range(10) if index not in bad]
    assert reading.numbers == [index + 1 for index in good]
    assert [row["v"] for row in reading.rows] == [f"v{index}" for index in good]
    assert {type(row["v"]) for row in reading.rows} <= {str}


def test_message_names_the_first_column_at_fault(read):
    frame = pd.DataFrame(
        {"a": [1, 2], "b": ["x", Nothing()], "c": ["\ud800", Nothing()]}
    )
    first, second = (fault.message for fault in read(frame).unread)
    assert first.startswith("column c: a value cannot be stored: 'utf-8' codec")
    assert second.startswith("column b: a value cannot be stored: a Nothing is not")


def test_value_nested_too_deeply_rejects_its_row(read):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    frame = pd.DataFrame({"id": [1, 2], "v": pd.Series([deep, [1]], dtype=object)})
    reading = read(frame)
    assert (reading.rows, reading.error) == ([{"id": 2, "v": [1]}], None)
    [fault] = reading.unread
    assert (fault.row, fault.check) == (1, "value")


def test_categories_of_mixed_types_are_read_as_objects(read):
    values = pd.Categorical([1, "a", None, (1, 2), 1, Nothing()])
    reading = read(pd.DataFrame({"id": range(6), "v": values}))
    assert [row["v"] for row in reading.rows] == ["1", "a", None, "[1, 2]", "1"]
    [fault] = reading.unread
    assert fault.row == 6
    assert fault.text.startswith("{'id': 5, 'v': <")


def test_rejected_rows_are_returned_with_their_part_of_the_table():
    table = pa.concat_tables(pa.table({"id": some}) for some in ([0, 1], [2, 3, 4]))
    table = table.append_column("v", pa.nulls(5))
    found = [
        (rows.column("v").to_pylist(), [fault.row for fault in faults])
        for rows, faults in parts_of(table, {1: values_with_bad({1, 2, 4}, 5)})
    ]
    # positions count from the first row of the part
    assert found == [(["v0"], [1]), (["v3"], [0, 2])]
