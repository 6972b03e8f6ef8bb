"""Rows of frames that hold an object of which nothing can be made."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from propload.sources.frames.object_columns import parts_of


class Nothing:
    """An object without a text."""


#: Places of bad rows among ten.
PLACES = [{0}, {9}, {2, 3, 4}, {0, 9}, set(range(10)), set()]


def of_polars(values):
    column = pl.Series(values, dtype=pl.Object)
    return pl.DataFrame({"id": range(len(values)), "v": column})


def of_pandas(values):
    column = pd.Series(values, dtype=object)
    return pd.DataFrame({"id": range(len(values)), "v": column})


def values_of(bad, rows):
    return [Nothing() if place in bad else f"v{place}" for place in range(rows)]


FORMS = {
    "polars": of_polars,
    "lazy": lambda v: of_polars(v).lazy(),
    "pandas": of_pandas,
    "a series": lambda v: pd.Series(v, dtype=object, name="v"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", PLACES, ids=str)
@pytest.mark.parametrize("chunk_rows", [3, 100])
def test_each_costs_its_own_row(read, form, bad, chunk_rows):
    reading = read(FORMS[form](values_of(bad, 10)), chunk_rows=chunk_rows)
    assert reading.error is None
    assert [fault.row - 1 for fault in reading.unread] == sorted(bad)
    good = [place for place in range(10) if place not in bad]
    assert reading.numbers == [place + 1 for place in good]
    assert [row["v"] for row in reading.rows] == [f"v{place}" for place in good]
    assert {type(row["v"]) for row in reading.rows} <= {str}


def test_a_row_is_told_the_first_column_at_fault(read):
    frame = pd.DataFrame(
        {"a": [1, 2], "b": ["x", Nothing()], "c": ["\ud800", Nothing()]}
    )
    first, second = (fault.message for fault in read(frame).unread)
    assert first.startswith("column c: a value cannot be stored: 'utf-8' codec")
    assert second.startswith("column b: a value cannot be stored: a Nothing is not")


def test_a_value_too_deep_for_json_costs_its_row(read):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    frame = pd.DataFrame({"id": [1, 2], "v": pd.Series([deep, [1]], dtype=object)})
    reading = read(frame)
    assert (reading.rows, reading.error) == ([{"id": 2, "v": [1]}], None)
    [fault] = reading.unread
    assert (fault.row, fault.check) == (1, "value")


def test_categories_of_several_types_are_read_as_the_objects_they_are(read):
    values = pd.Categorical([1, "a", None, (1, 2), 1, Nothing()])
    reading = read(pd.DataFrame({"id": range(6), "v": values}))
    assert [row["v"] for row in reading.rows] == ["1", "a", None, "[1, 2]", "1"]
    [fault] = reading.unread
    assert fault.row == 6
    assert fault.text.startswith("{'id': 5, 'v': <")


def test_refused_rows_go_with_those_around_them():
    table = pa.concat_tables(pa.table({"id": some}) for some in ([0, 1], [2, 3, 4]))
    table = table.append_column("v", pa.nulls(5))
    found = [
        (rows.column("v").to_pylist(), [fault.row for fault in faults])
        for rows, faults in parts_of(table, {1: values_of({1, 2, 4}, 5)})
    ]
    # places count from the first of them, as the numbers of rows do
    assert found == [(["v0"], [1]), (["v3"], [0, 2])]
