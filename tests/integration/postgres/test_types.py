"""Every type that propload knows is stored exactly, by COPY and through a stage."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.tables.creating import create_table
from propload.postgres.tables.row_plan import plan_rows
from propload.prepare.casting.row_casting import cast
from propload.target import TableName, Target

NAIVE = dt.datetime(2024, 5, 6, 7, 8, 9, 123456)  # noqa: DTZ001 - naive on purpose
UTC = NAIVE.replace(tzinfo=dt.UTC)


def series(values, dtype=None):
    return pl.Series("v", values, dtype=dtype)


#: Values that COPY would store wrongly, without an error, if they were sent unchanged.
EXACT = [
    # whole numbers, floats and decimals into each other
    ("double precision", series([1, 2, None]), ["1", "2", None]),
    ("bigint", series([1.0, -3.0, None]), ["1", "-3", None]),
    ("real", series([1], pl.Int32), ["1"]),
    ("real", series([0.5], pl.Float64), ["0.5"]),
    ("double precision", series([0.5], pl.Float32), ["0.5"]),
    ("bigint", series([7], pl.Int32), ["7"]),
    ("smallint", series([7], pl.Int64), ["7"]),
    ("integer", series([7], pl.Decimal(10, 2)), ["7"]),
    ("numeric(20,0)", series([2**64 - 1], pl.UInt64), [str(2**64 - 1)]),
    ("numeric", series([2**64 - 1], pl.UInt64), [str(2**64 - 1)]),
    ("numeric", series([2**100, -1], pl.Int128), [str(2**100), "-1"]),
    ("bigint", series([2**62], pl.Int128), [str(2**62)]),
    ("numeric", series([0.1, 1e300, None]), ["0.1", "1" + "0" * 300, None]),
    ("numeric", series(["1.50", "1e-3"]), ["1.50", "0.001"]),
    ("numeric(12,2)", series([0.1, 2.5]), ["0.10", "2.50"]),
    ("numeric(12,2)", series(["1.5", None]), ["1.50", None]),
    ("numeric(12,2)", series([5], pl.Int64), ["5.00"]),
    ("numeric(50,2)", series(["1.5", "1" * 40]), ["1.50", "1" * 40 + ".00"]),
    ("numeric(3,5)", series(["0.00123"]), ["0.00123"]),
    ("numeric(38,10)", series([Decimal("1.5")], pl.Decimal(38, 10)), ["1.5000000000"]),
    ("price", series(["1.50"]), ["1.50"]),
    ("dearer", series([2], pl.Int64), ["2.00"]),
    ("money", series(["12.50", "-3"]), ["$12.50", "-$3.00"]),
    ("oid", series([7], pl.Int64), ["7"]),
    ("boolean", series(["yes", "false", None]), ["true", "false", None]),
    ("boolean", series([1, 0], pl.Int8), ["true", "false"]),
    # times
    ("date", series([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), None),
    ("date", series(["2024-01-31"]), ["2024-01-31"]),
    ("timestamp", series([dt.date(2024, 1, 31)]), ["2024-01-31 00:00:00"]),
    ("timestamp", series([NAIVE]), ["2024-05-06 07:08:09.123456"]),
    ("timestamp", series([NAIVE], pl.Datetime("ns")), ["2024-05-06 07:08:09.123456"]),
    ("timestamp", series([UTC]), ["2024-05-06 07:08:09.123456"]),
    ("timestamptz", series([NAIVE]), ["2024-05-06 07:08:09.123456+00"]),
    ("timestamptz", series([UTC]), ["2024-05-06 07:08:09.123456+00"]),
    ("timestamptz", series(["2024-05-06T07:08:09+02:00"]), ["2024-05-06 05:08:09+00"]),
    ("time", series([dt.time(1, 2, 3, 4)]), ["01:02:03.000004"]),
    ("time", series(["01:02:03.5"]), ["01:02:03.5"]),
    ("timetz", series(["01:02:03+02"]), ["01:02:03+02"]),
    ("interval", series([dt.timedelta(days=3, seconds=5)]), ["72:00:05"]),
    ("interval", series(["1 mon 2 days"]), ["1 mon 2 days"]),
    ("interval(3)", series(["1.5 seconds"]), ["00:00:01.5"]),
    # text and what is read from text
    ("text", series(["a", "", None, "é\u2028'\"\\"]), None),
    ("text", series(["a", None], pl.Categorical), ["a", None]),
    ("text", series(["a"], pl.Enum(["a"])), ["a"]),
    ("text", series([None, None], pl.Null), [None, None]),
    ("integer", series([None, None], pl.Null), [None, None]),
    ("jsonb", series([None, None], pl.Null), [None, None]),
    ("uuid[]", series([None], pl.Null), [None]),
    ("text", series([1, None], pl.Int64), ["1", None]),
    ("text", series([0.1]), ["0.1"]),
    ("text", series([dt.date(2024, 1, 31)]), ["2024-01-31"]),
    ("varchar(3)", series(["abc", "a"]), ["abc", "a"]),
    ("char(3)", series(["a"]), ["a"]),
    ("word", series(["abc"]), ["abc"]),
    ("name", series(["a"]), ["a"]),
    ('"char"', series(["a"]), ["a"]),
    ("json", series(['{"a": 1}']), ['{"a": 1}']),
    ("jsonb", series(['{"a":1}', None, "[]"]), ['{"a": 1}', None, "[]"]),
    ("jsonb", series([{"a": 1, "b": None}]), ['{"a": 1, "b": null}']),
    ("jsonb", series([[[1], [2]]]), ["[[1], [2]]"]),
    ("jsonb", series([5], pl.Int64), ["5"]),
    ("document", series(['{"a":1}']), ['{"a": 1}']),
    ("uuid", series(["6f9619ff-8b86-d011-b42d-00c04fc964ff", None]), None),
    ("mood", series(["sad", None, "so so"]), None),
    ("mood", series(["sad"], pl.Categorical), ["sad"]),
    ("inet", series(["10.0.0.1/8", "::1"]), ["10.0.0.1/8", "::1/128"]),
    ("cidr", series(["10.0.0.0/8"]), None),
    ("macaddr", series(["08:00:2b:01:02:03"]), None),
    ("bytea", series([b"a\x00b", None]), ["\\x610062", None]),
    ("bytea", series(["\\x6100"]), ["\\x6100"]),
    ("bit(3)", series(["101"]), ["101"]),
    ("bit varying(5)", series(["1"]), ["1"]),
    ("int4range", series(["[1,5)"]), None),
    ("tsvector", series(["'a' 'b'"]), None),
    ("point", series(["(1,2)"]), None),
    ("pair", series(["(1,a)"]), None),
    # lists
    (
        "integer[]",
        series([[1, None], None, []], pl.List(pl.Int64)),
        ["{1,NULL}", None, "{}"],
    ),
    ("integer[]", series(["{1,2}"]), ["{1,2}"]),
    ("integer[]", series([[1, 2]], pl.Array(pl.Int32, 2)), ["{1,2}"]),
    (
        "integer[]",
        series([[[1, 2], [3, 4]]], pl.List(pl.List(pl.Int32))),
        ["{{1,2},{3,4}}"],
    ),
    (
        "text[]",
        series([['a"b', "{,\\", None, "NULL"]]),
        ['{"a\\"b","{,\\\\",NULL,"NULL"}'],
    ),
    ("varchar(3)[]", series([["abc"]]), ["{abc}"]),
    (
        "uuid[]",
        series([["6f9619ff-8b86-d011-b42d-00c04fc964ff"]]),
        ["{6f9619ff-8b86-d011-b42d-00c04fc964ff}"],
    ),
    ("mood[]", series([["so so"]]), ['{"so so"}']),
    (
        "numeric(12,2)[]",
        series([[Decimal("1.5")]], pl.List(pl.Decimal(5, 1))),
        ["{1.50}"],
    ),
    ("double precision[]", series([[1.5]]), ["{1.5}"]),
    ("jsonb[]", series([['{"a":1}']]), ['{"{\\"a\\": 1}"}']),
    ("name[]", series([["a", None], []]), ["{a,NULL}", "{}"]),
    ('"char"[]', series([["a"]]), ["{a}"]),
    ("bit(3)[]", series([["101", None]]), ["{101,NULL}"]),
    # lists of a domain's values
    ("price[]", series([[1, None], None]), ["{1.00,NULL}", None]),
    ("dearer[]", series([[0.5], []]), ["{0.50}", "{}"]),
    ("price[]", series([["1.50"]]), ["{1.50}"]),
    ("word[]", series([["abc"]]), ["{abc}"]),
    ("document[]", series([[{"a": 1}]]), ['{"{\\"a\\": 1}"}']),
    ("inet[]", series([["10.0.0.1"]]), ["{10.0.0.1}"]),
    (
        "timestamp(0)[]",
        series([[NAIVE.replace(microsecond=0)]]),
        ['{"2024-05-06 07:08:09"}'],
    ),
]


@pytest.mark.parametrize(
    ("pg_type", "values", "stored"),
    EXACT,
    ids=[f"{index}-{v.dtype}-{t}" for index, (t, v, _) in enumerate(EXACT)],
)
def test_values_are_stored_exactly_by_either_route(loader, pg_type, values, stored):
    expected = [None if v is None else str(v) for v in values]
    for route in (None, "staged"):
        found, reasons = loader.load(pg_type, values, route=route)
        assert found == (expected if stored is None else stored)
        assert reasons.is_empty()


#: Values of every Polars type, with their text if they are not read back as they are.
CREATED = [
    (series([True, None]), None),
    (series([-128, 127], pl.Int8), None),
    (series([-(2**15)], pl.Int16), None),
    (series([2**31 - 1], pl.Int32), None),
    (series([-(2**63), 2**63 - 1]), None),
    (series([255], pl.UInt8), None),
    (series([2**16 - 1], pl.UInt16), None),
    (series([2**32 - 1], pl.UInt32), None),
    (series([2**64 - 1], pl.UInt64), [str(2**64 - 1)]),
    (series([2**127 - 1, -(2**127)], pl.Int128), [str(2**127 - 1), str(-(2**127))]),
    (series([0.1, float("inf"), 5e-324, 1e308]), None),
    (series([0.5], pl.Float32), None),
    (series([Decimal("-1.50")], pl.Decimal(12, 2)), ["-1.50"]),
    (series(["", "a", "é" * 1000]), None),
    (series(["a"], pl.Categorical), None),
    (series([b"\x00\xff"]), None),
    (series([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), None),
    (series([NAIVE]), None),
    (series([NAIVE], pl.Datetime("ms")), None),
    (series([UTC]), None),
    (series([dt.time(23, 59, 59, 999999)]), None),
    (series([dt.timedelta(days=-3, microseconds=1)]), ["-71:59:59.999999"]),
    (series([[1, None]]), None),
    (series([["a", None], []]), None),
    (series([[Decimal("1.5")]], pl.List(pl.Decimal(5, 1))), ["{1.5}"]),
    (series([{"a": [1, 2]}]), ['{"a": [1, 2]}']),
    (series([[[1]]]), ["[[1]]"]),
    (series([None], pl.Null), None),
]


@pytest.mark.parametrize(
    ("values", "text"),
    CREATED,
    ids=[f"{i}-{v.dtype}" for i, (v, _) in enumerate(CREATED)],
)
def test_created_table_returns_every_value(loader, values, text):
    schema = {"n": pl.Int64(), "v": values.dtype}
    facts = create_table(loader.connection, TableName("public", "t"), schema, key=["n"])
    plan = plan_rows(schema, facts, Target(facts.name, mode="append")).columns
    frame = pl.DataFrame({"v": values}).with_row_index("n").with_row_index(ROW)
    good, reasons = cast(frame, plan)
    assert reasons.is_empty()
    loader.stage(plan, good.drop(ROW))
    if all(step.transfer_format == "copy" for step in plan):
        loader.connection.execute("TRUNCATE t")
        loader.connection.copy("t", good.drop(ROW), namespace="public")
    if text is not None:
        found = loader.connection.rows("SELECT v::text FROM t ORDER BY n")
        assert [value for (value,) in found] == text
    else:
        found = loader.connection.rows("SELECT v FROM t ORDER BY n")
        assert [value for (value,) in found] == good.get_column("v").to_list()


def test_text_is_stored_as_xml_if_the_server_supports_it(loader):
    try:
        found, _ = loader.load("xml", series(["<a/>"]))
    except ServerError as error:
        assert error.sqlstate == "0A000"  # noqa: PT017 - built without libxml
        pytest.skip("this server was built without libxml")
    assert found == ["<a/>"]
