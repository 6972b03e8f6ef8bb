"""Values that a column cannot hold exactly: their rows or the load are refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.names.type_names import type_name
from propload.postgres.session.driver_errors import ServerError

NAIVE = dt.datetime(2024, 5, 6, 7, 8, 9, 123456)  # noqa: DTZ001 - naive on purpose


def series(values, dtype=None):
    return pl.Series("v", values, dtype=dtype)


#: The first of two rows is refused before it is sent; the second is stored.
REFUSED_ROWS = [
    ("bigint", series([1.5, 2.0]), ["2"]),
    ("double precision", series([2**53 + 1, 2]), ["2"]),
    ("real", series([16777217, 2], pl.Int32), ["2"]),
    ("smallint", series([40000, 2]), ["2"]),
    ("smallint", series(["40000", "2"]), ["2"]),
    ("integer", series(["x", "2"]), ["2"]),
    ("numeric(12,2)", series(["1.005", "2"]), ["2.00"]),
    ("numeric(12,2)", series([1.005, 2.0]), ["2.00"]),
    (
        "numeric(12,2)",
        series([Decimal("1.005"), Decimal(2)], pl.Decimal(9, 3)),
        ["2.00"],
    ),
    ("timestamp", series([1, 1000], pl.Datetime("ns")), ["1970-01-01 00:00:00.000001"]),
    (
        "timestamp(0)",
        series([NAIVE, NAIVE.replace(microsecond=0)]),
        ["2024-05-06 07:08:09"],
    ),
    ("varchar(3)", series(["abcd", "abc"]), ["abc"]),
    ("date", series(["yesterday", "2024-01-01"]), ["2024-01-01"]),
    ("integer[]", series([[1.5], [2.0]]), ["{2}"]),
]


@pytest.mark.parametrize(
    ("pg_type", "values", "stored"),
    REFUSED_ROWS,
    ids=[f"{index}-{v.dtype}-{t}" for index, (t, v, _) in enumerate(REFUSED_ROWS)],
)
def test_row_whose_value_would_change_is_refused(loader, pg_type, values, stored):
    found, reasons = loader.load(pg_type, values)
    assert found == stored
    assert reasons.get_column(ROW).to_list() == [0]
    assert reasons.get_column("column").to_list() == ["v"]


#: The server refuses the value of a row; the error names the reason.
REFUSED_BY_SERVER = [
    ("numeric(50,2)", series(["1.5e-3"]), "22P02"),
    ("interval(0)", series(["1500 milliseconds"]), "22P02"),
    ("money", series(["1.005"]), "22P02"),
    ("name", series(["x" * 70]), "22P02"),
    ('"char"', series(["ab"]), "22P02"),
    ("bit(3)", series(["1011"]), "22026"),
    ("varchar(3)[]", series([["abcd"]]), "22001"),
    ("char(3)[]", series(["{abcd}"]), "22001"),
    ("jsonb", series(["{"]), "22P02"),
    ("uuid", series(["x"]), "22P02"),
    ("inet", series(["x"]), "22P02"),
    ("mood", series(["glad"]), "22P02"),
    ("price", series(["-1"]), "23514"),
    ("text", series(["a\0b"]), "22021"),
    ("timestamp(0)[]", series([[NAIVE]]), "22P02"),
    ("numeric(12,2)[]", series(["{1.005}"]), "22P02"),
    ("name[]", series([["x" * 70]]), "22P02"),
    ('"char"[]', series([["ab"]]), "22P02"),
    ("bit(3)[]", series([["1011"]]), "22026"),
    ("price[]", series([["1.005"]]), "22P02"),
    ("dearer[]", series(["{1.005}"]), "22P02"),
    ("dearer[]", series([[-1]]), "23514"),
    ("word[]", series([["abcd"]]), "22001"),
]


@pytest.mark.parametrize(
    ("pg_type", "values", "sqlstate"),
    REFUSED_BY_SERVER,
    ids=[f"{index}-{t}" for index, (t, _, _) in enumerate(REFUSED_BY_SERVER)],
)
def test_value_refused_by_the_server_has_the_sqlstate_of_its_reason(
    loader, pg_type, values, sqlstate
):
    with pytest.raises(ServerError) as caught:
        loader.load(pg_type, values)
    assert caught.value.sqlstate == sqlstate


REFUSED_TYPES = [
    ("integer", series([dt.date(2024, 1, 1)])),
    ("timestamptz", series([1700000000])),
    ("date", series([1], pl.Int32)),
    ("interval", series([1], pl.Int64)),
    ("time", series([NAIVE])),
    ("uuid", series([1], pl.Int64)),
    ("inet", series([1], pl.Int64)),
    ("mood", series([1], pl.Int64)),
    ("text", series([b"a"])),
    ("bytea", series([1], pl.Int64)),
    ("integer", series([[1]])),
    ("integer[]", series([1], pl.Int64)),
    ("integer[]", series([[dt.date(2024, 1, 1)]])),
    ("price[]", series([[dt.date(2024, 1, 1)]])),
    ("jsonb", series([dt.date(2024, 1, 1)])),
    ("numeric", series([dt.date(2024, 1, 1)])),
    ("integer", series([object()], pl.Object)),
]


@pytest.mark.parametrize(
    ("pg_type", "values"),
    REFUSED_TYPES,
    ids=[f"{index}-{v.dtype}-{t}" for index, (t, v) in enumerate(REFUSED_TYPES)],
)
def test_type_without_a_conversion_is_refused_before_anything_is_sent(
    loader, pg_type, values
):
    with pytest.raises(SchemaMismatchError, match="column v is ") as caught:
        loader.plan(pg_type, values.dtype)
    assert f"is {type_name(values.dtype)}, which" in str(caught.value)
