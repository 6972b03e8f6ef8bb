"""Which types values of rejected rows get, and which of them become text."""

import polars as pl
import pytest

from propload.rejecting.type_inference import GrowingColumn, SeenValues, rows_as_read

PLACE = pl.Struct({"city": pl.String, "at": pl.List(pl.Float64)})


def column_from(*parts):
    seen = SeenValues()
    for part in parts:
        seen.add(part)
    return seen.column("of", [value for part in parts for value in part])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, None], pl.String),
        ([1, None, -(2**63)], pl.Int64),
        ([1, 2.5, 2**53], pl.Float64),
        ([True, None], pl.Boolean),
        ([[], None, [None]], pl.List(pl.String)),
        ([["a"], []], pl.List(pl.String)),
        ([[1], [2.5]], pl.List(pl.Float64)),
        ([{"city": "A", "at": [4.5, 52.25]}, None, {"at": [], "city": None}], PLACE),
        (
            [{"in": {"a": 1}}, {"in": None}],
            pl.Struct({"in": pl.Struct({"a": pl.Int64})}),
        ),
        ([{"a": [{"b": [[1]]}]}], None),
        ([{}, None], pl.Struct([])),
    ],
)
def test_values_that_one_type_holds_get_that_type(values, dtype):
    found = column_from(values)
    assert dtype in (None, found.dtype)
    assert found.dtype == dtype or found.dtype.is_nested()
    assert found.to_list() == values
    assert column_from(*([value] for value in values)).equals(found)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, 2**63], ["1", "9223372036854775808"]),
        ([1.5, 2**53 + 1], ["1.5", "9007199254740993"]),
        ([True, 1], ["true", "1"]),
        ([[True], [1]], ["[true]", "[1]"]),
        ([[1], [2**63]], ["[1]", "[9223372036854775808]"]),
        ([[["a"]], [[]]], ['[["a"]]', "[[]]"]),
        # numbers within objects stay as they were read, wherever parts begin
        ([{"a": 1}, {"a": 2.5}], ['{"a": 1}', '{"a": 2.5}']),
        ([{"a": [2.5]}, {"a": [2]}], ['{"a": [2.5]}', '{"a": [2]}']),
        # a missing key is not the same as null
        ([{"a": 1}, {}], ['{"a": 1}', "{}"]),
        (
            [{"a": {"b": "x"}}, {"a": {"c": "x"}}],
            ['{"a": {"b": "x"}}', '{"a": {"c": "x"}}'],
        ),
    ],
)
def test_values_that_no_type_holds_exactly_become_text(values, texts):
    found = column_from(values)
    assert (found.dtype, found.to_list()) == (pl.String, texts)
    assert column_from(*([value] for value in values)).equals(found)


def grow(*parts, rows):
    column, was_reconverted = GrowingColumn("of"), False
    for start, values in parts:
        column.add(start, values)
        was_reconverted = column.needs_reconversion
    for start, values in parts if was_reconverted else ():
        column.convert(start, values)
    return column.to_series(rows), was_reconverted


def test_column_grown_in_parts_gets_the_type_of_all_its_values():
    whole, was_reconverted = grow(
        (0, [None]), (2, [1, 2]), (4, [None]), (5, [2.5]), rows=7
    )
    assert not was_reconverted
    assert (whole.name, whole.dtype) == ("of", pl.Float64)
    assert whole.to_list() == [None, None, 1.0, 2.0, None, 2.5, None]
    lists, was_reconverted = grow(
        (0, [[], None]), (2, [[None]]), (3, [[{"a": 1}]]), rows=4
    )
    assert (lists.to_list(), was_reconverted) == (
        ["[]", None, "[null]", '[{"a": 1}]'],
        True,
    )
    objects, was_reconverted = grow((0, [{"a": None}]), (1, [{"a": ["x"]}]), rows=2)
    assert (objects.to_list(), was_reconverted) == ([{"a": None}, {"a": ["x"]}], False)


def test_column_is_reconverted_when_it_becomes_text():
    whole, was_reconverted = grow((0, [None]), (1, [1.5, 1]), (3, ["x"]), rows=4)
    assert (whole.to_list(), was_reconverted) == ([None, "1.5", "1", "x"], True)
    whole, was_reconverted = grow((0, ["x"]), (1, [1.0]), (2, [None]), rows=3)
    assert (whole.to_list(), was_reconverted) == (["x", "1", None], False)


def test_rows_have_every_column_that_one_of_them_has():
    frame = rows_as_read([{"a": 1}, {"b": "x", "a": None}, {}])
    assert frame.to_dict(as_series=False) == {
        "a": [1, None, None],
        "b": [None, "x", None],
    }
    assert rows_as_read([]).shape == (0, 0)
