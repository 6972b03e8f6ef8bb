"""JSON of nested values: the same text whichever way they come."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.prepare.casting.test_text_out import json_of

#: Its clocks were 44 minutes and 30 seconds behind UTC until 1972.
MONROVIA = "Africa/Monrovia"
AMSTERDAM = "Europe/Amsterdam"


def moments(zone):
    # before 1950 Python and Polars may have other histories of a zone; naive bounds, as
    # hypothesis adds the zone
    first, last = dt.datetime(1950, 1, 1), dt.datetime(2037, 1, 1)  # noqa: DTZ001
    made = st.datetimes(first, last, timezones=st.just(zoneinfo.ZoneInfo(zone)))
    # nobody's clock shows the hour that is passed over in spring
    return made.map(lambda at: at.astimezone(dt.UTC).astimezone(at.tzinfo))


WHOLE = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
#: The values of each type of Arrow that a dict may hold as well.
SCALARS = {
    pa.int64(): WHOLE,
    pa.float64(): FLOATS | st.sampled_from([1e22, 1e-7, 5e-324, -0.0, 1.0]),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(codec="utf-8"), max_size=8),
    pa.binary(): st.binary(max_size=4),
    pa.decimal128(20, 3): st.decimals(-(10**15), 10**15, places=3),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes() | st.just(dt.datetime(2024, 1, 2)),  # noqa: DTZ001 - naive on purpose
    # naive on purpose as well
    pa.timestamp("ns"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.timestamp("us", AMSTERDAM): moments(AMSTERDAM),
    pa.timestamp("us", MONROVIA): moments(MONROVIA),
    pa.duration("us"): st.timedeltas(
        dt.timedelta(days=-99_999), dt.timedelta(days=99_999)
    ),
}


@st.composite
def typed(draw, depth=2):
    """Draw a type, and a strategy of its values."""
    kinds = ["scalar"] * 3 + (["struct", "list"] if depth else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "scalar":
        found = draw(st.sampled_from(list(SCALARS)))
        return found, st.none() | SCALARS[found]
    if kind == "list":
        inner, values = draw(typed(depth - 1))
        return pa.list_(inner), st.none() | st.lists(values, max_size=3)
    return draw(struct(depth - 1))


@st.composite
def struct(draw, depth):
    names = draw(
        st.lists(st.sampled_from(["a", "é", "*", "^b$"]), unique=True, min_size=1)
    )
    parts = {name: draw(typed(depth)) for name in names}
    values = st.fixed_dictionaries({name: part[1] for name, part in parts.items()})
    return pa.struct([(n, part[0]) for n, part in parts.items()]), st.none() | values


@st.composite
def nested(draw):
    """Draw a column of structs: its type and some of its values."""
    kind, values = draw(struct(2))
    return kind, draw(st.lists(values, min_size=1, max_size=4))


@pytest.fixture(scope="module", autouse=True)
def zones():
    """Let pyarrow take zones for what they are, also where pandera was imported."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("PYARROW_IGNORE_TIMEZONE", raising=False)
        yield


@settings(max_examples=60)
@given(nested())
def test_the_json_of_a_value_does_not_hang_on_what_it_comes_in(column):
    kind, values = column
    dicts = json_of([{"v": value} for value in values])
    table = pa.table({"v": pa.array(values, kind)})
    assert json_of(table) == dicts
    assert json_of(pl.from_arrow(table)) == dicts
    assert json_of(table.to_pandas(types_mapper=pd.ArrowDtype)) == dicts
    assert json_of(pd.DataFrame({"v": pd.Series(values, dtype=object)})) == dicts
