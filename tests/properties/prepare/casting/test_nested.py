"""A value within lists and structs is cast as it is in a column of its own."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.errors import SchemaMismatchError
from tests.properties.prepare.casting.test_row_casting import NUMBERS, TARGETS
from tests.unit.prepare.casts import cast_values

VALUES = {
    **NUMBERS,
    pl.Boolean(): st.booleans(),
    pl.Date(): st.dates(),
    pl.Datetime("ns"): st.datetimes().map(lambda it: it.replace(year=2000)),
    pl.Datetime("us", "Europe/Amsterdam"): st.datetimes().map(
        lambda it: it.replace(year=2000)
    ),
    pl.String(): st.sampled_from(["1", "01", "1.5", "true", "2026-01-02", "x", ""]),
}
WANTED = [*TARGETS, pl.Boolean(), pl.Date(), pl.Datetime("ms"), pl.Datetime("us")]


def in_list(dtype):
    return pl.List(dtype)


def in_struct(dtype):
    return pl.Struct({"other": pl.Int8, "value": dtype})


def in_structs(dtype):
    return in_list(in_struct(dtype))


WRAPPED = {
    in_list: lambda value: [value],
    in_struct: lambda value: {"other": 1, "value": value},
    in_structs: lambda value: [{"other": 1, "value": value}],
}


def unwrapped(value):
    while isinstance(value, (list, dict, pl.Series)):
        value = value["value"] if isinstance(value, dict) else next(iter(value))
    return value


@pytest.mark.parametrize("nested", WRAPPED, ids=lambda it: it.__name__)
@settings(max_examples=60)
@given(st.data())
def test_a_value_is_cast_within_as_it_is_by_itself(nested, data):
    source = data.draw(st.sampled_from(list(VALUES)))
    wanted = data.draw(st.sampled_from([one for one in WANTED if one != source]))
    values = data.draw(st.lists(st.none() | VALUES[source], min_size=1, max_size=6))
    plain = pl.Series("value", values, dtype=source)
    wrapped = [WRAPPED[nested](value) for value in plain]
    column = pl.Series("value", wrapped, dtype=nested(source))
    try:
        kept, refused = cast_values(plain, source, wanted)
    except SchemaMismatchError:
        with pytest.raises(SchemaMismatchError):
            cast_values(column, nested(source), nested(wanted))
        return
    found, others = cast_values(column, nested(source), nested(wanted))
    assert sorted(set(others)) == sorted(set(refused))
    assert {row: repr(unwrapped(value)) for row, value in found.items()} == {
        row: repr(value) for row, value in kept.items()
    }
