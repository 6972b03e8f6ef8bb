import polars as pl

from propload.checking.profiling import ColumnCounts

TYPES = {"id": ("bigint", "bigint"), "town": ("text", "text"), "at": ("date", "(new)")}


def told(*parts):
    counts = ColumnCounts()
    for part in parts:
        counts.add(pl.Series(name, values) for name, values in part.items())
    return {
        one.column: (one.nulls, one.distinct, one.type, one.table_type)
        for one in counts.checks(TYPES)
    }


def test_values_are_compared_over_all_parts():
    found = told({"id": [1, 2], "town": ["a", "b"]}, {"id": [3], "town": ["a"]})
    assert found["id"] == (0, True, "bigint", "bigint")
    assert found["town"] == (0, False, "text", "text")


def test_a_value_that_repeats_once_repeats_for_good():
    assert told({"town": ["a", "a"]}, {"town": ["b"]})["town"][1] is False


def test_nulls_are_counted_over_all_parts():
    assert told({"id": [1, None]}, {"id": [None]})["id"][:2] == (2, False)


def test_a_column_of_which_no_value_came_is_not_distinct():
    assert told({"id": []})["at"] == (0, False, "date", "(new)")
    assert told({"id": []})["id"][:2] == (0, False)
