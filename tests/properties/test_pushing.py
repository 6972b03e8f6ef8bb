"""Rows are what they are, pushed one by one, in lots, loaded at once or from a file."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(240), pytest.mark.one_server]


class Word(enum.StrEnum):
    A = "a"


class Count(enum.IntEnum):
    TWO = 2


class Text(str):
    __slots__ = ()


class Whole(int):
    __slots__ = ()


EAST = dt.timezone(dt.timedelta(hours=2))
AT = dt.datetime(2024, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 - a value under test
#: Values of each kind; a column holds one of these, or several.
KINDS = {
    "whole": [0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**30],
    "truth": [True, False],
    "float": [0.0, -0.0, 1.0, 0.1, 1e16, 5e-324, math.nan, math.inf, -math.inf],
    "decimal": [Decimal(n) for n in ("1", "1.50", "-0", "1E+5", "NaN", "Infinity")],
    "text": ["", "a", " 1 ", "1.0", "true", "2024-01-02", "[1, 2]", "{1}", "null"],
    "odd text": ["a\0b", "\ud800", "x\udfff", "\\N", "é"],
    "bytes": [b"", b"\0", b"\xff", bytearray(b"z"), memoryview(b"q")],
    "day": [dt.date(2024, 1, 2), dt.date(1, 1, 1)],
    "moment": [AT, AT.replace(hour=0, minute=0, second=0, microsecond=0)],
    "aware": [
        AT.replace(tzinfo=dt.UTC),
        AT.replace(tzinfo=EAST),
        AT.replace(tzinfo=ZoneInfo("Europe/Amsterdam")),
        dt.datetime(1, 1, 1, tzinfo=EAST),
    ],
    "time": [dt.time(1, 2), dt.time(1, tzinfo=EAST)],
    "span": [dt.timedelta(1, 2, 3), -dt.timedelta(hours=5), dt.timedelta.max],
    "uuid": [UUID(int=1), UUID(int=2**127)],
    "list": [[], [1, None], ["a", 1], [[1], [2]], (1, 2), {3, 1}, [1.5], ["\0"], [AT]],
    "dict": [{}, {"a": 1}, {"a": {"b": [None]}}, {"a": Decimal("1.10")}, {"a": 2**70}],
    "odd dict": [{"a": "\0"}, {"a": "\ud800"}, {1: 2}, {"a": AT}, {"a": b"x"}],
    "descendant": [
        Word.A,
        Count.TWO,
        Text("1"),
        Text("\ud800"),
        Whole(5),
        Whole(2**63),
    ],
    "numpy": [
        np.int64(5),
        np.uint64(2**64 - 1),
        np.float32(0.1),
        np.float64("nan"),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2024-01-02T03:04:05.123456789"),
        np.datetime64("NaT", "us"),
    ],
    "no value": [None, object, len],
}
NUMBERS = [
    {"id": number, "a": value}
    for number, value in enumerate([-1, 7, 1.0, 0.5, -0.0, -1, 2**63, -1.0])
]
TYPES = [
    *("text", "varchar(3)", "bigint", "integer", "numeric", "numeric(6,2)", "real"),
    *("double precision", "boolean", "timestamptz", "timestamp", "date", "time"),
    *("interval", "bytea", "jsonb", "json", "integer[]", "text[]", "numeric[]", "uuid"),
]
MODES = {
    "upsert": {"mode": "upsert", "key": "id", "on_null": "keep"},
    "insert-new": {"mode": "insert-new", "key": "id"},
    "append": {"mode": "append"},
    "replace": {"mode": "replace", "key": "id"},
}


def is_json(value):
    """Return whether a file of JSON says the same as a value."""
    kind = type(value)
    if kind is list:
        return all(map(is_json, value))
    if kind is dict:
        return all(type(name) is str and is_json(one) for name, one in value.items())
    is_number = kind is float and math.isfinite(value)
    return is_number or kind in (bool, int, str, type(None))


@st.composite
def tables(draw):
    """Draw the types of columns, and rows of them that have any fields in any order."""
    in_file = draw(st.booleans())
    columns = {}
    for name in "abc"[: draw(st.integers(1, 3))]:
        kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=3))
        values = [
            None,
            *(v for k in kinds for v in KINDS[k] if not in_file or is_json(v)),
        ]
        columns[name] = draw(st.sampled_from(TYPES)), st.sampled_from(values)
    rows = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        row = {"id": number}
        for name, (_, values) in columns.items():
            if draw(st.integers(0, 9)):
                row[name] = draw(values)
        is_turned = draw(st.integers(0, 9)) == 9
        rows.append(dict(reversed(row.items())) if is_turned else row)
    # a replace needs a good row
    rows.append({"id": 50})
    return {name: kind for name, (kind, _) in columns.items()}, rows, in_file


def load_each(rows, told, _file):
    return push([[row] for row in rows], told)


def load_in_lots(rows, told, _file):
    return push([rows[place : place + 3] for place in range(0, len(rows), 3)], told)


def push(lots, told):
    with propload.Loader(**told) as loader:
        for lot in lots:
            loader.put(lot)
    return loader.report


def load_at_once(rows, told, _file):
    return propload.ingest(rows, **told)


def load_file(rows, told, file):
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return propload.ingest(file, **told)


def make_table(database, types, mode):
    key = "" if mode == "append" else "PRIMARY KEY"
    # whether a value of a row that is not inserted is looked at depends on its batch
    stored = "(99)" if mode == "insert-new" else "(1), (3), (99)"
    columns = "".join(f", {name} {kind}" for name, kind in types.items())
    run_sql(
        database,
        "DROP TABLE IF EXISTS homes",
        f"CREATE TABLE homes (id bigint {key}{columns})",
        f"INSERT INTO homes (id) VALUES {stored}",
    )


def reasons_of(report):
    """Return why each row was rejected, but not what its way or the server calls it."""
    if not report.counts.rejected:
        return []
    told = report.rejects.select("propload_row", "propload_reason_list")
    return sorted((row, sorted(map(shown, why))) for row, why in told.iter_rows())


def shown(reason):
    stage, column, check = reason["stage"], reason["column"], reason["check"]
    if stage == "read":
        # a file that cannot be decoded knows no columns
        return (stage,)
    return stage, str(column), check, reason["message"] if stage == "map" else ""


def outcome(database, way, given_rows, told, file):
    """Return table, counts and reasons, or None where a type has no way to a column."""
    types, rows, _ = given_rows
    make_table(database, types, told["mode"])
    try:
        report = way(rows, told, file)
    except propload.SchemaMismatchError:
        for left in propload.leftovers():
            propload.drop_leftover(left.run_id)
        return None
    report.counts.verify()
    stored = query(database, "SELECT homes::text FROM homes ORDER BY 1")
    return stored, report.counts, reasons_of(report)


@settings(
    max_examples=12,
    # to shrink an example takes hundreds of loads
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tables(), st.sampled_from(list(MODES)))
# moments beside a text, and of rows that are alike but for their zone
@example(({"a": "text"}, [{"id": 1, "a": AT}, {"id": 2, "a": "x"}], False), "append")
@example(
    (
        {"a": "text"},
        [
            {"id": n, "a": AT.replace(tzinfo=zone)}
            for n, zone in enumerate([None, EAST])
        ],
        False,
    ),
    "append",
)
# whole numbers that come alone, with floats, and with one that is no float
@example(({"a": "text"}, NUMBERS, True), "append")
@example(({"a": "jsonb"}, NUMBERS, True), "append")
@example(({"a": "numeric"}, NUMBERS, True), "append")
# minus zero without and with a day beside it
@example(
    (
        {"a": "boolean"},
        [
            *({"id": n} for n in (1, 2)),
            {"id": 3, "a": -0.0},
            {"id": 4, "a": dt.date(1, 1, 1)},
            {"id": 50},
        ],
        False,
    ),
    "upsert",
)
# lists that come with others of their type, and alone
@example(
    (
        {"a": "text"},
        [{"id": 2, "a": []}, {"id": 4, "a": [1, None]}, {"id": 50}],
        True,
    ),
    "upsert",
)
# spans that are none, and one that is too long, beside rows that are refused before
@example(
    (
        {"b": "interval", "c": "timetz"},
        [
            {"id": 1, "b": "[1, 2]"},
            {"id": 2, "b": "1000000000 years", "c": "25:00+01"},
            {"id": 3, "c": "x"},
            {"id": 50},
        ],
        True,
    ),
    "append",
)
def test_a_row_is_the_same_however_it_is_given(
    database, tmp_path_factory, given_rows, mode
):
    told = {**MODES[mode], "to": database, "table": "homes", "progress": False}
    file = tmp_path_factory.getbasetemp() / "pushed.ndjson"
    ways = [load_at_once, load_each, load_in_lots]
    ways += [load_file] if given_rows[2] else []
    found = [outcome(database, way, given_rows, told, file) for way in ways]
    assert len({repr(one) for one in found if one is not None}) <= 1
