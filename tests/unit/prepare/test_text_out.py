"""JSON of nested values: the same text whichever way they come."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.options import SourceOptions
from propload.prepare.casting import Cast, cast_types
from propload.sources import open_source

#: Its clocks were 44 minutes and 30 seconds behind UTC until 1972.
MONROVIA = "Africa/Monrovia"
AMSTERDAM = "Europe/Amsterdam"


def moments(zone):
    # before 1950 Python and Polars may have other histories of a zone
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


def json_of(source):
    """Return the column of a source as it is sent to a jsonb column, read back."""
    (batch,) = open_source(source, SourceOptions())
    frame = pl.DataFrame(pl.from_arrow(batch.rows)).with_row_index("propload_row")
    sent = cast_types(frame, [Cast("v", pl.String(), "jsonb")])
    assert sent.reasons.is_empty()
    texts = sent.frame["v"].to_list()
    return [text and json.loads(text, parse_float=Decimal) for text in texts]


@settings(max_examples=60, deadline=None)
@given(nested())
def test_the_json_of_a_value_does_not_hang_on_what_it_comes_in(column):
    kind, values = column
    dicts = json_of([{"v": value} for value in values])
    table = pa.table({"v": pa.array(values, kind)})
    assert json_of(table) == dicts
    assert json_of(pl.from_arrow(table)) == dicts
    assert json_of(table.to_pandas(types_mapper=pd.ArrowDtype)) == dicts
    assert json_of(pd.DataFrame({"v": pd.Series(values, dtype=object)})) == dicts


def test_a_frame_has_a_null_where_a_dict_lacks_a_key():
    rows = [{"v": {"a": 1}}, {"v": {"b": 2}}]
    assert json_of(rows) == [{"a": 1}, {"b": 2}]
    assert json_of(pl.DataFrame(rows)) == [{"a": 1, "b": None}, {"a": None, "b": 2}]


@pytest.mark.parametrize("value", [0.1, 41292792.0, 1e10, -0.0])
def test_a_small_float_keeps_its_digits(value):
    small = np.float32(value)
    frame = pl.DataFrame({"v": [{"a": value}]}, {"v": pl.Struct({"a": pl.Float32})})
    assert json_of(frame) == json_of([{"v": {"a": small}}])
    assert float(json_of(frame)[0]["a"]) == value


def test_nanoseconds_are_kept():
    moment = pd.Timestamp("2024-01-02T03:04:05.000000001")
    kind = pa.struct([("a", pa.timestamp("ns"))])
    table = pa.table({"v": pa.array([{"a": moment.value}], kind)})
    assert json_of(table) == [{"a": "2024-01-02T03:04:05.000000001"}]
    assert json_of([{"v": {"a": moment}}]) == json_of(table)


def test_a_day_beyond_the_calendar_does_not_end_the_load():
    days = pl.Series([0, 10**9], dtype=pl.Int32).cast(pl.Date)
    frame = pl.select(pl.struct(days.alias("a")).alias("v"))
    assert json_of(frame) == [{"a": "1970-01-01"}, {"a": "1000000000"}]
