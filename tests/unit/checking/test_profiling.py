import polars as pl

from propload.checking.profiling import ColumnCounts

TYPES = {"id": ("bigint", "bigint"), "town": ("text", "text"), "at": ("date", "(new)")}


def checks_of(*parts):
    counts = ColumnCounts()
    for part in parts:
        counts.add(pl.Series(name, values) for name, values in part.items())
    return {
        one.column: (one.nulls, one.distinct, one.type, one.table_type)
        for one in counts.checks(TYPES)
    }


def test_values_are_compared_across_all_parts():
    found = checks_of({"id": [1, 2], "town": ["a", "b"]}, {"id": [3], "town": ["a"]})
    assert found["id"] == (0, True, "bigint", "bigint")
    assert found["town"] == (0, False, "text", "text")


def test_column_with_a_repeated_value_never_counts_as_distinct_again():
    assert checks_of({"town": ["a", "a"]}, {"town": ["b"]})["town"][1] is False


def test_nulls_are_counted_across_all_parts():
    assert checks_of({"id": [1, None]}, {"id": [None]})["id"][:2] == (2, False)


def test_column_without_values_is_not_distinct():
    assert checks_of({"id": []})["at"] == (0, False, "date", "(new)")
    assert checks_of({"id": []})["id"][:2] == (0, False)
