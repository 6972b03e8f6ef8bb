"""Strategies for arbitrary names, types and values, and comparisons of values."""

from __future__ import annotations

import datetime as dt
import math
import struct
from decimal import Decimal, InvalidOperation

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Names; those longer than PostgreSQL's 63 bytes must be refused.
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=20,
).filter(lambda name: name == name.strip())
#: From the first day of year 1 to the last of 9999.
times = st.datetimes()
texts = (
    st.text(st.characters(codec="utf-8"), max_size=30)
    | st.sampled_from(
        ["", " ", '"', '""', "'", "\\N", "\\.", "a\nb", "\0", "NULL", "é"]
    )
    | st.integers(1, 2).map(lambda n: "x" * (n << 19))
)
VALUES = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Int8: st.integers(-128, 127),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float64: st.floats() | st.sampled_from([1e308, -1e308, 5e-324, -0.0]),
    pl.Float32: st.floats(width=32),
    pl.Boolean: st.booleans(),
    pl.String: texts,
    pl.Date: st.dates(),
    pl.Datetime("us"): times,
    pl.Datetime("us", "UTC"): times.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    pl.Binary: st.binary(max_size=20),
}
#: Values that also fit other types, which random ones rarely do.
PLAIN = {
    pl.Int64: st.integers(-2, 40_000),
    pl.UInt64: st.integers(0, 40_000),
    pl.Float64: st.sampled_from([0.0, 0.1, 0.5, 1.005, 1.25, 3.0, 2.0**24 + 1]),
    pl.Float32: st.sampled_from([0.0, 0.5, 1.25, 3.0]),
    pl.Datetime("us"): st.dates().map(lambda d: dt.datetime(d.year, d.month, d.day)),  # noqa: DTZ001 - naive on purpose
}


@st.composite
def columns(draw, dtype, height, *, plain=False):
    """Draw the values of a column, including nulls.

    Args:
        draw: Passed by Hypothesis.
        dtype: One of `VALUES`.
        height: The number of values.
        plain: Whether many of the values should fit other types too.
    """
    value = VALUES[dtype]
    if plain and dtype in PLAIN:
        value = PLAIN[dtype] | value
    values = st.lists(st.none() | value, min_size=height, max_size=height)
    return pl.Series(draw(values), dtype=dtype)


@st.composite
def frames(draw):
    """Draw a frame with any columns, and one column that numbers the rows."""
    height = draw(st.integers(1, 12))
    series = {"propload_n": pl.Series(range(height), dtype=pl.Int64)}
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        series[name] = draw(columns(draw(st.sampled_from(list(VALUES))), height))
    return pl.DataFrame(series)


#: Types of existing columns in PostgreSQL.
WHOLE = {"smallint": 15, "integer": 31, "bigint": 63}
FLOATS = {"real": "f", "double precision": "d"}
EXACT = "numeric(12,2)"
SHORT = "character varying(5)"
TIMES = {
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
}
PG_TYPES = [*WHOLE, *FLOATS, EXACT, "boolean", "text", SHORT, *sorted(TIMES), "bytea"]
NUMBERS = {*WHOLE, *FLOATS, EXACT}


def can_hold(dtype, pg_type):
    """Return whether a column accepts a type at all, according to docs/postgres.md."""
    dtype = dtype() if isinstance(dtype, type) else dtype
    if dtype == pl.String:
        return True
    if dtype == pl.Binary:
        return pg_type == "bytea"
    if pg_type in {"text", SHORT}:
        return True
    if dtype.is_temporal():
        return pg_type in TIMES
    # the page does not say whether these columns accept a boolean as a number
    if dtype == pl.Boolean and pg_type in {*FLOATS, EXACT}:
        return None
    return pg_type in NUMBERS or pg_type == "boolean"


def fits(value, dtype, pg_type):
    """Return whether a column can hold a value exactly; None if that is unknown."""
    if value is None:
        return True
    if isinstance(value, str):
        return _text_fits(value, pg_type)
    if pg_type in {"text", SHORT}:
        return True if pg_type == "text" else None
    if isinstance(value, dt.datetime):
        return pg_type != "date" or value.time() == dt.time()
    if isinstance(value, (dt.date, bytes)):
        return True
    return _number_fits(value, dtype, pg_type)


def _number_fits(value, dtype, pg_type):
    if pg_type in WHOLE:
        least = -(2 ** WHOLE[pg_type])
        return math.isfinite(value) and value == int(value) and least <= value < -least
    if pg_type in FLOATS:
        return _float_fits(value, dtype, FLOATS[pg_type])
    if pg_type == EXACT:
        return _decimal_fits(value, dtype)
    # the text -0.0 is not a boolean, so the number -0.0 is not one either
    return value in {0, 1} and math.copysign(1, value) > 0


def _text_fits(value, pg_type):
    if pg_type not in {"text", SHORT}:
        return None
    # trailing spaces may be dropped
    return "\0" not in value and (pg_type == "text" or len(value.rstrip(" ")) <= 5)


def _float_fits(value, dtype, code):
    if isinstance(value, int):
        try:
            (stored,) = struct.unpack(code, struct.pack(code, value))
        except OverflowError:
            return False
        return int(stored) == value
    if code == "d" or dtype == pl.Float32 or not math.isfinite(value):
        return True
    # 0.1 stays 0.1: compare the shortest decimals that identify the values
    return float(_shown(value, pl.Float32)) == value


def _decimal_fits(value, dtype):
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        number = Decimal(_shown(value, dtype))
        return number == round(number, 2) and abs(number) < 10**10
    except InvalidOperation:
        return False


def same(stored, value):
    """Return whether a value was read back unchanged, in the type of its column."""
    if isinstance(value, float) and math.isnan(value):
        return isinstance(stored, float) and math.isnan(stored)
    if isinstance(value, dt.datetime) and isinstance(stored, dt.datetime):
        return stored.replace(tzinfo=None) == value.replace(tzinfo=None)
    if isinstance(stored, (str, bytes)) and isinstance(value, int):
        return int(stored) == value
    return stored == value


def same_in(pg_type, stored, value, dtype):
    """Return whether a stored value equals the given one, in a column of any type."""
    if stored is None or value is None:
        return stored is value
    if pg_type in {"text", SHORT}:
        # trailing spaces may be dropped
        dropped = isinstance(value, str) and stored.rstrip(" ") == value.rstrip(" ")
        return dropped or shows(stored, value, dtype)
    if isinstance(value, str):
        # how other types interpret a text is not compared here
        return True
    if isinstance(value, dt.date):
        return _moment(stored) == _moment(value)
    if pg_type == EXACT:
        return Decimal(stored) == Decimal(_shown(value, dtype))
    if pg_type == "real" and isinstance(value, float):
        value = pl.Series([value]).cast(pl.Float32)[0]
    return same(stored, value)


def shows(text, value, dtype):
    """Return whether a text represents a value: whether it parses to the same value."""
    if isinstance(value, (bool, str)):
        return text in {value, str(value).lower()}
    if isinstance(value, bytes):
        return bool(text)
    if isinstance(value, dt.date):
        return _moment(dt.datetime.fromisoformat(text)) == _moment(value)
    read = pl.Series([type(value)(text)], dtype=dtype)[0]
    return same(read, value)


def _shown(number, dtype):
    """Return the shortest decimal that identifies a number; True is 1."""
    if isinstance(number, bool):
        return str(int(number))
    return pl.Series([number], dtype=dtype).cast(pl.String)[0]


def _moment(value):
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - as is
    # without a time zone, it is in UTC
    return value.replace(tzinfo=None)


def fuzz(examples):
    """Return Hypothesis settings with this many examples and without health checks.

    Loads are slow, which is expected here.
    """
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
