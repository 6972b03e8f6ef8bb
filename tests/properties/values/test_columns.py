"""Values of any kinds in one column are themselves or their texts."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.values import columns
from propload.values.columns import Columns, make_column
from propload.values.python_text import as_text

UTC = dt.UTC
AWARE = dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))


SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=60)
@given(st.lists(st.lists(SCALAR, min_size=1, max_size=6), min_size=1, max_size=4))
def test_every_value_is_itself_or_its_text(chunks):
    made = Columns()
    for values in chunks:
        read = made.build([{"a": value} for value in values]).column(0).to_pylist()
        for value, found in zip(values, read, strict=True):
            same = found == value and isinstance(found, type(value) | float)
            # a whole float is the whole number that it may have been
            text = str(value) if isinstance(value, float) else as_text(value)
            assert same or text in {found, f"{found}.0"}


ZONES = st.sampled_from([None, UTC, ZoneInfo("UTC"), AWARE.tzinfo])
KINDS = st.sampled_from(
    [
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.integers(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.booleans(),
        st.binary(max_size=3),
        st.dates(),
        st.times(timezones=st.sampled_from([None, UTC])),
        st.datetimes(timezones=ZONES),
        st.datetimes(timezones=st.just(ZoneInfo("UTC"))),
        st.lists(st.integers(0, 9), max_size=2),
        SCALAR,
    ]
)
#: Mostly values of one kind, as in a real column.
COLUMN = KINDS.flatmap(
    lambda kind: st.lists(st.one_of(kind, kind, st.none()), min_size=9, max_size=9)
)


@settings(max_examples=80)
@given(st.lists(COLUMN, min_size=1, max_size=5), st.integers(1, 9))
def test_columns_made_at_once_are_those_made_one_by_one(whole, first):
    rows = [
        {f"c{place}": value for place, value in enumerate(values)}
        for values in zip(*whole, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "ROWS_AT_ONCE", 2)
        made = Columns()
        batches = [made.build(rows[:first])]
        batches += [made.build(rows[first:])] if rows[first:] else []
    for place, values in enumerate(whole):
        known = None
        for batch, part in zip(batches, (values[:first], values[first:]), strict=False):
            expected, _ = make_column(part, known)
            assert batch.column(f"c{place}").equals(expected)
            known = expected.type if expected.null_count < len(expected) else known


def built(rows, size, few):
    """Return what is made of rows pushed in lots: values and columns, or the error."""
    found, made = [], Columns(complete=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "FEW_ROWS", few)
        for start in range(0, len(rows), size):
            try:
                batch = made.build(rows[start : start + size])
            except (ValueError, OverflowError) as error:
                found.append(type(error))
            else:
                found.append((batch.to_pydict(), batch.schema.to_string()))
    return found


@settings(max_examples=150)
@given(st.lists(COLUMN, min_size=1, max_size=4), st.integers(1, 4), st.data())
def test_rows_of_one_shape_become_what_they_become_alone(whole, size, data):
    names = [f"c{place}" for place in range(len(whole))]
    rows = [
        dict(zip(names, values, strict=True)) for values in zip(*whole, strict=True)
    ]
    for row in rows:
        # a field is missing now and then
        for name in data.draw(st.sets(st.sampled_from(names), max_size=1)):
            if data.draw(st.integers(0, 4)) == 0 and len(row) > 1:
                del row[name]
    assert repr(built(rows, size, 64)) == repr(built(rows, size, 0))
