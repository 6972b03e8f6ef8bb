"""Python values are stored as what they are, whatever the other rows hold."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import math
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)


def load(dsn, rows, **settings):
    return propload.ingest(
        rows, to=dsn, table="rows", key="id", progress=False, **settings
    )


def make_table(dsn, pg_type):
    run_sql(dsn, f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})")


def stored(dsn):
    with connect(dsn) as session:
        return dict(session.rows("SELECT id, v::text FROM rows ORDER BY id"))


@pytest.mark.parametrize("pg_type", [None, "bytea"])
def test_buffers_are_stored_as_their_bytes(database, pg_type):
    if pg_type:
        make_table(database, pg_type)
    values = [memoryview(b"\xde\xad"), bytearray(b"\xbe"), b"\xef", None]
    load(database, [{"id": n, "v": v} for n, v in enumerate(values)])
    assert stored(database) == {0: "\\xdead", 1: "\\xbe", 2: "\\xef", 3: None}


def read_alone(dsn, values):
    """Return what is stored of each value if it is loaded by itself, by its place."""
    for n, value in enumerate(values):
        # a type that cannot become the column's refuses the load
        with contextlib.suppress(propload.LoadError):
            load(dsn, [{"id": n, "v": value}])
    found = stored(dsn)
    return {n: found.get(n, REFUSED) for n in range(len(values))}


REFUSED = "refused"
DAY = dt.date(2024, 1, 2)
MOMENT = dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))
CLOCK = dt.datetime(2024, 1, 2, 3, 0, 0, 5)  # noqa: DTZ001 - a value under test
SPAN = dt.timedelta(days=3, microseconds=1)
#: Values that no one type holds, for a column of each type.
MIXED = {
    "text[]": [["a", "b"], ["a", 1], [1.5, True, None], "{c}", "x", [], 5],
    "varchar(30)[]": [[True], [DAY], [CLOCK], [CLOCK, 1], [dt.time(1)], [SPAN], [None]],
    "text": [CLOCK, MOMENT, DAY, dt.time(1, 2), SPAN, "x", 1e16, True, UUID(int=1)],
    "integer[]": [[1, 2], ["a", 1], [1.0, 2.0], [True], [[1], [2]], [1.5], "{3}", []],
    "boolean[]": [[True], [1, 0], ["no", True], [2], [1.0], [Decimal("1.0")]],
    "numeric(4,1)[]": [[1, 2.5], [True], [Decimal("1.5")], [1.25], ["a", 1], [10**9]],
    "date[]": [[DAY], [DAY, MOMENT], [DAY, "x"], ["2024-01-02"], []],
    "timestamptz[]": [[MOMENT], [DAY, MOMENT], [MOMENT.replace(tzinfo=None)], ["x"]],
    "interval[]": [[SPAN], [-SPAN, "1 mon"], [dt.timedelta(0), None], ["x", SPAN]],
    "time": [dt.time(1), dt.time(1, tzinfo=MOMENT.tzinfo), "02:00", "x"],
    "time[]": [[dt.time(1)], [dt.time(1, tzinfo=MOMENT.tzinfo)], [dt.time(1), "2:00"]],
    "interval": [SPAN, -SPAN, "1 mon", "x"],
    "bytea[]": [[b"a\0"], [b"a", "\\xff"], [None]],
    "jsonb[]": [[{"a": 1}], [{"b": Decimal("1.10")}, None], [[{}]], ["{}"], ["x"]],
    "uuid[]": [[UUID(int=1)], [str(UUID(int=2)), UUID(int=3)], [1], ["x"]],
    "integer": [True, 2, "x", 3.0, 1.5, Decimal("4.00"), "5", False, [1]],
    "bigint": [True, 1e16, 2**62, "x"],
    "numeric": [True, 2, Decimal("1.5"), "x", 0.1],
    "numeric(3,1)": [True, 2, Decimal("1.5"), "x", 0.11],
    "double precision": [True, 2, Decimal("1.5"), "x"],
    "boolean": [True, 1, 0.0, "yes", "x", 2],
    "date": [DAY, MOMENT, MOMENT.replace(hour=2), "x", MOMENT.replace(tzinfo=None)],
}


@pytest.mark.one_server
@pytest.mark.parametrize("pg_type", MIXED)
def test_value_is_treated_as_if_it_were_loaded_alone(database, pg_type):
    make_table(database, pg_type)
    alone = read_alone(database, MIXED[pg_type])
    rows = [{"id": n, "v": v} for n, v in enumerate(MIXED[pg_type])]
    for order, settings in ((1, {}), (-1, {"batch_rows": 2})):
        run_sql(database, "TRUNCATE rows")
        report = load(database, rows[::order], **settings)
        found = stored(database)
        assert {n: found.get(n, REFUSED) for n in alone} == alone
        assert report.counts.rejected == list(alone.values()).count(REFUSED)


def test_list_of_two_types_costs_none_of_the_later_rows(database, tmp_path):
    make_table(database, "integer[]")
    path = tmp_path / "rows.ndjson"
    lists = [[1, n] if n != 3 else ["a", 1] for n in range(5000)]
    path.write_text(
        "".join(json.dumps({"id": n, "v": v}) + "\n" for n, v in enumerate(lists))
    )
    report = load(database, path, batch_rows=1000)
    assert (report.counts.inserted, report.counts.rejected) == (4999, 1)


@pytest.mark.parametrize("route", ["dicts", "replayed"])
@pytest.mark.parametrize(
    ("value", "pg_type", "text"),
    [
        ([DAY], "date[]", "{2024-01-02}"),
        ([Decimal("1.5"), None], "numeric[]", "{1.5,NULL}"),
        ([MOMENT], "timestamptz[]", '{"2024-01-02 01:00:00+00"}'),
        ([b"a"], "bytea[]", '{"\\\\x61"}'),
        ([dt.timedelta(hours=73)], "interval[]", "{73:00:00}"),
        (dt.time(1, tzinfo=MOMENT.tzinfo), "timetz", "01:00:00+02"),
        ([dt.time(1, tzinfo=MOMENT.tzinfo)], "timetz[]", "{01:00:00+02}"),
        (Decimal("-Infinity"), "numeric", "-Infinity"),
        (-SPAN, "interval", "-72:00:00.000001"),
        (SPAN, "interval", "72:00:00.000001"),
        ([UUID(int=1)], "uuid[]", "{" + str(UUID(int=1)) + "}"),
        ([dt.time(1, 2)], "time[]", "{01:02:00}"),
        ([[1, 2], [3, 4]], "integer[]", "{{1,2},{3,4}}"),
        ([{"a": Decimal("1.10")}], "jsonb[]", '{"{\\"a\\": 1.10}"}'),
        ([2**70], "numeric[]", "{1180591620717411303424}"),
    ],
)
def test_values_are_stored_exactly_directly_and_by_replay(
    database, route, value, pg_type, text
):
    make_table(database, pg_type)
    if route == "replayed":
        run_sql(database, "ALTER TABLE rows ADD CONSTRAINT no CHECK (id <> 1)")
    report = load(database, [{"id": 1, "v": value}])
    if route == "replayed":
        assert report.counts.rejected == 1
        run_sql(database, "ALTER TABLE rows DROP CONSTRAINT no")
        propload.replay(report.run_id, to=database)
    assert stored(database) == {1: text}


def test_new_table_has_an_array_column_for_lists_of_one_type(database):
    load(database, [{"id": 1, "v": [DAY]}])
    with connect(database) as session:
        found = session.rows("SELECT pg_typeof(v)::text, v::text FROM rows")
    assert found == [("date[]", "{2024-01-02}")]


@pytest.mark.one_server
def test_rows_before_a_cancellation_are_loaded_and_it_is_reraised(database):
    def rows():
        for n in range(60):
            yield {"id": n}
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        load(database, rows())
    with connect(database) as session:
        assert session.rows("SELECT count(*) FROM rows") == [(60,)]
    assert propload.leftovers() == []


@pytest.mark.one_server
def test_all_rows_of_generated_frames_are_loaded(database):
    frames = (pl.DataFrame({"id": [n, n + 1], "v": ["x", None]}) for n in (0, 2, 4))
    report = load(database, frames)
    assert (report.counts.inserted, report.counts.rejected) == (6, 0)
    assert stored(database) == {n: None if n % 2 else "x" for n in range(6)}


@pytest.mark.one_server
def test_generator_error_is_the_cause_and_its_earlier_rows_are_loaded(database):
    own = LookupError("page 3 is gone")

    def rows():
        yield {"id": 1, "v": "x"}
        raise own

    with pytest.raises(propload.SourceError, match="page 3 is gone") as caught:
        load(database, rows())
    assert caught.value.__cause__ is own
    assert caught.value.report.counts.inserted == 1
    assert stored(database) == {1: "x"}


@pytest.mark.one_server
def test_object_that_is_no_value_costs_its_row_and_names_column_and_type(database):
    rows = [{"id": 1, "v": "x"}, {"id": 2, "v": "x".strip}, {"id": 3, "v": "z"}]
    report = load(database, rows)
    assert stored(database) == {1: "x", 3: "z"}
    (reason,) = report.rejects["propload_reason_list"][0].to_list()
    assert reason["stage"] == "read"
    assert "column v" in reason["message"]
    assert "a builtin_function_or_method is not a value: call it" in reason["message"]


MAPPING_FILE = """
null_words = ["NaN"]
[columns]
id = "id"
v = "v"
"""


@pytest.mark.one_server
@pytest.mark.parametrize("mapped_by", ["nothing", "python", "file"])
def test_nan_becomes_null_only_by_a_mapping(database, tmp_path, mapped_by):
    (tmp_path / "nan.toml").write_text(MAPPING_FILE)
    mapping = {
        "nothing": None,
        "python": {"id": pl.col("id"), "v": pl.col("v").fill_nan(None)},
        "file": str(tmp_path / "nan.toml"),
    }[mapped_by]
    make_table(database, "double precision")
    load(database, [{"id": 1, "v": 5.0}])
    settings = {} if mapping is None else {"mapping": mapping}
    load(database, [{"id": 1, "v": math.nan}], on_null="keep", **settings)
    assert stored(database) == {1: "NaN" if mapped_by == "nothing" else "5"}


@pytest.mark.one_server
def test_decimals_may_have_another_scale_than_the_first(database):
    values = {1: "1.5", 2: "1.25", 3: "12345678901234567890.125", 4: "7"}
    with propload.Loader(to=database, table="rows", key="id", progress=False) as loader:
        for n, value in values.items():
            loader.put({"id": n, "v": Decimal(value), "l": [Decimal(value)]})
    assert not loader.report.counts.rejected
    assert stored(database) == values
    with connect(database) as session:
        lists = dict(session.rows("SELECT id, l::text FROM rows"))
    assert lists == {n: f"{{{value}}}" for n, value in values.items()}


@pytest.mark.one_server
def test_decimals_with_a_declared_type_keep_it(database):
    frame = pl.DataFrame({"id": [1], "v": [Decimal("1.5")]}).cast(
        {"v": pl.Decimal(9, 2)}
    )
    load(database, frame)
    with connect(database) as session:
        types = session.rows(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'rows'::regclass AND attname = 'v'"
        )
    assert types == [("numeric(9,2)",)]
