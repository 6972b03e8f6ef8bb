"""Rows that the table holds are not sent; the table is what it would be with them."""

import datetime as dt
import logging
import secrets
from dataclasses import asdict
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.postgres.sql import stored_rows
from propload.postgres.writing import stored_rows as compared_rows
from propload.postgres.writing.stored_rows import StoredRows
from propload.postgres.writing.table_reading import TableReading
from tests.conftest import run_outside_transaction, with_database
from tests.integration.reading import query, read_table, run_sql, writes_of

pytestmark = pytest.mark.timeout(240)

COMPARED = "rows are compared with its"
DAY = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


def load(database, source, **more):
    told = {"to": database, "table": "homes", "key": "k", "progress": False} | more
    report = propload.ingest(source, **told)
    report.counts.verify()
    return report.counts


@pytest.fixture(autouse=True)
def _of_few_columns(monkeypatch):
    """Have few rows, and rows of few columns, compared as well."""
    monkeypatch.setattr(compared_rows, "LEAST_ROWS", 1)
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", 1)


@pytest.fixture
def compared(caplog):
    """Whether rows were compared with those of the table, since it was asked last."""
    caplog.set_level(logging.INFO, "propload.postgres.writing")

    def was_compared():
        found = COMPARED in caplog.text
        caplog.clear()
        return found

    return was_compared


def homes(rows=3_000, **columns):
    told = {
        "k": pl.int_range(rows, eager=True),
        "price": pl.int_range(rows, eager=True) * 1_000,
        "street": pl.Series([f"street {n % 7}" for n in range(rows)]),
        "seen": pl.Series([DAY] * rows, dtype=pl.Datetime("us", "UTC")),
    }
    return pl.DataFrame(told | columns)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_of_a_table_that_holds_most_rows_only_the_others_are_written(
    database, compared, workers
):
    frame = homes()
    load(database, frame)
    assert not compared()
    before = writes_of(database, "homes")
    counts = load(database, frame, workers=workers, batch_rows=400)
    assert compared()
    assert counts == propload.Counts(read=3_000, unchanged=3_000)
    assert writes_of(database, "homes") == before

    changed = frame.with_columns(
        price=pl.when(pl.col("k") % 10 == 0).then(1).otherwise("price")
    )
    more = pl.concat([changed, homes(3_100)[3_000:]])
    counts = load(database, more, workers=workers, batch_rows=400)
    assert compared()
    assert counts == propload.Counts(
        read=3_100, inserted=100, updated=300, unchanged=2_700
    )
    assert read_table(database, "homes").sort("k").equals(more)


def test_rows_of_few_columns_are_looked_up(database, compared, monkeypatch):
    frame = homes()
    monkeypatch.setattr(compared_rows, "LEAST_COLUMNS", frame.width + 1)
    load(database, frame)
    assert load(database, frame).unchanged == 3_000
    assert not compared()


def test_of_a_long_table_rows_are_looked_up(database, compared):
    frame = homes()
    load(database, frame)
    assert load(database, frame[:50]).unchanged == 50
    assert not compared()


#: Two values that are easily taken for the same, in a column of a type.
ALIKE = [
    ("double precision", pl.Float64(), None, 0.0),
    ("double precision", pl.Float64(), 1.0, 1.0000000000000002),
    ("real", pl.Float32(), 0.5, 0.50000006),
    ("bigint", pl.Int64(), 1, 2**32),
    ("bigint", pl.Int64(), -1, 2**32 - 1),
    ("integer", pl.Int32(), 0, None),
    ("smallint", pl.Int16(), 0, 1),
    ("boolean", pl.Boolean(), False, None),
    ("text", pl.String(), "", None),
    ("text", pl.String(), "a", "a "),
    ("text", pl.String(), "\u00e9", "e\u0301"),
    ("varchar(30)", pl.String(), "x" * 12, "x" * 13),
    ("bytea", pl.Binary(), b"", b"\0"),
    ("date", pl.Date(), dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
    ("timestamptz", pl.Datetime("us", "UTC"), DAY, DAY + dt.timedelta(microseconds=1)),
    (
        "timestamptz",
        pl.Datetime("us", "UTC"),
        DAY,
        DAY + dt.timedelta(microseconds=2**32),
    ),
    ("numeric(10,2)", pl.Decimal(10, 2), Decimal("1.50"), Decimal("1.51")),
    ("numeric", pl.String(), "1.5", "1.51"),
    ("uuid", pl.String(), "0" * 32, "0" * 31 + "1"),
    ("mood", pl.String(), "sad", "glad"),
    ("char(5)", pl.String(), "ab", "abc"),
    ("short", pl.String(), "ab", "abc"),
]


@pytest.mark.parametrize(("kind", "dtype", "one", "other"), ALIKE)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_changed_value_is_written(
    database, compared, kind, dtype, one, other, swapped
):
    run_sql(
        database,
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN short AS varchar(5)",
        f"CREATE TABLE homes (k bigint PRIMARY KEY, v {kind})",
    )
    if swapped:
        one, other = other, one
    before = pl.DataFrame({"k": range(40), "v": pl.Series([one] * 40, dtype=dtype)})
    load(database, before)
    changed = pl.Series([other] + [one] * 39, dtype=dtype)
    counts = load(database, before.with_columns(v=changed))
    assert compared()
    assert counts == propload.Counts(read=40, updated=1, unchanged=39)
    assert query(
        database,
        "SELECT k FROM homes WHERE xmin = "
        "(SELECT max(xmin::text::bigint)::text::xid FROM homes)",
    ) == [(0,)]


@pytest.mark.parametrize("kind", ["jsonb", "time", "interval", "bigint[]"])
def test_values_that_do_not_compare_here_are_looked_up(database, compared, kind):
    value = {"jsonb": '{"a": 1}', "bigint[]": "{1}"}.get(kind, "10:00")
    run_sql(database, f"CREATE TABLE homes (k bigint PRIMARY KEY, v {kind})")
    rows = pl.DataFrame({"k": range(40), "v": [value] * 40})
    load(database, rows)
    assert load(database, rows).unchanged == 40
    assert not compared()


def test_partitions_are_read_as_one_table(database, compared):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, price bigint, street text, "
        "seen timestamptz) PARTITION BY HASH (k)",
        *(
            f"CREATE TABLE homes_{n} PARTITION OF homes "
            f"FOR VALUES WITH (MODULUS 3, REMAINDER {n})"
            for n in range(3)
        ),
    )
    frame = homes()
    load(database, frame)
    changed = frame.with_columns(price=pl.when(k=7).then(1).otherwise("price"))
    counts = load(database, changed, batch_rows=500)
    assert compared()
    assert counts == propload.Counts(read=3_000, updated=1, unchanged=2_999)


@pytest.mark.parametrize(
    "change",
    [
        ["TRUNCATE homes_1"],
        [
            "ALTER TABLE homes DETACH PARTITION homes_1",
            "ALTER TABLE homes ATTACH PARTITION spare FOR VALUES FROM (1000) TO (2000)",
        ],
    ],
    ids=["emptied", "another"],
)
def test_rows_that_went_with_a_partition_since_the_table_was_read_are_sent(
    database, compared, monkeypatch, change
):
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, price bigint, street text, "
        "seen timestamptz) PARTITION BY RANGE (k)",
        *(
            f"CREATE TABLE homes_{n} PARTITION OF homes "
            f"FOR VALUES FROM ({n * 1_000}) TO ({(n + 1) * 1_000})"
            for n in range(3)
        ),
        "CREATE TABLE spare (LIKE homes INCLUDING ALL)",
    )
    frame = homes()
    load(database, frame)
    after_the_reading(monkeypatch, lambda: run_sql(database, *change))
    counts = load(database, frame, workers=1, batch_rows=500)
    assert compared()
    assert counts == propload.Counts(read=3_000, inserted=1_000, unchanged=2_000)
    assert read_table(database, "homes").sort("k").equals(frame)


#: What lets a row that is written change other rows of its table.
REACHING = {
    "trigger": (
        (
            "CREATE FUNCTION halve() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN UPDATE homes SET price = 0 WHERE k = NEW.k + 1 AND NEW.price <> 0; "
            "RETURN NULL; END'"
        ),
        (
            "CREATE TRIGGER halving AFTER UPDATE ON homes "
            "FOR EACH ROW EXECUTE FUNCTION halve()"
        ),
    ),
    "reference": (
        "ALTER TABLE homes ADD UNIQUE (street)",
        (
            "ALTER TABLE homes ADD FOREIGN KEY (seen) REFERENCES homes (street) "
            "ON UPDATE CASCADE"
        ),
    ),
    "rule": (
        "CREATE TABLE noted (k bigint)",
        (
            "CREATE RULE noting AS ON DELETE TO homes DO ALSO "
            "INSERT INTO noted VALUES (OLD.k)"
        ),
    ),
}


def named_homes(database):
    """Return rows that are loaded, each of which has a street of its own."""
    run_sql(
        database,
        "CREATE TABLE homes (k bigint PRIMARY KEY, price bigint, "
        "street text, seen text)",
    )
    names = [f"street {n}" for n in range(500)]
    frame = pl.DataFrame(
        {"k": range(500), "price": 1_000, "street": names, "seen": names}
    )
    load(database, frame)
    return frame


@pytest.mark.parametrize("what", REACHING)
def test_where_a_row_may_change_others_all_are_sent(database, compared, what):
    frame = named_homes(database)
    run_sql(database, *REACHING[what])
    load(database, frame)
    assert not compared()


# a rule that is made meanwhile ends the load
@pytest.mark.parametrize("what", ["trigger", "reference"])
def test_what_changes_others_since_the_table_was_read_is_heeded(
    database, compared, monkeypatch, what
):
    frame = named_homes(database)
    after_the_reading(monkeypatch, lambda: run_sql(database, *REACHING[what]))
    given_up = noted_ends(monkeypatch)
    assert load(database, frame, workers=1, batch_rows=100).unchanged == 500
    assert compared()
    assert given_up


@pytest.mark.parametrize(
    "change", ["TRUNCATE homes", "ALTER TABLE homes ALTER price TYPE int4"]
)
def test_rows_that_went_with_their_file_since_the_table_was_read_are_sent(
    database, compared, monkeypatch, change
):
    frame = homes(500)
    load(database, frame)
    after_the_reading(monkeypatch, lambda: run_sql(database, change))
    told = {"to": database, "table": "homes", "key": "k", "progress": False}
    if change.startswith("TRUNCATE"):
        report = propload.ingest(frame, workers=1, batch_rows=100, **told)
        assert report.counts == propload.Counts(read=500, inserted=500)
        assert read_table(database, "homes").sort("k").equals(frame)
    else:
        with pytest.raises(propload.LoadError, match="price is integer now"):
            propload.ingest(frame, workers=1, batch_rows=100, **told)
    assert compared()


def after_the_reading(monkeypatch, action):
    """Have something done once the table was read, before a row is sent."""
    read, done = TableReading.read, []

    def reading(self, connection):
        known = read(self, connection)
        if not done:
            done.append(action())
        return known

    monkeypatch.setattr(TableReading, "read", reading)


def noted_ends(monkeypatch):
    """A list that is longer each time that rows are compared no more."""
    ends, give_up = [], StoredRows.give_up

    def noted(self):
        ends.append(self)
        give_up(self)

    monkeypatch.setattr(StoredRows, "give_up", noted)
    return ends


@pytest.fixture
def latin_database(postgres_dsn):
    """A database whose texts are not stored in UTF-8."""
    name = f"latin_{secrets.token_hex(4)}"
    encoded = f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    run_outside_transaction(postgres_dsn, encoded)
    yield with_database(postgres_dsn, name)
    run_outside_transaction(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def test_texts_of_another_encoding_are_looked_up(latin_database, compared):
    database = latin_database
    # its bytes there are those of the right text here
    spoiled = pl.DataFrame({"k": range(50), "v": "café".encode().decode("latin1")})
    load(database, spoiled)
    mended = spoiled.with_columns(v=pl.lit("café"))
    mixed = pl.concat([mended[:10], spoiled[10:]])
    assert load(database, mixed).updated == 10
    assert not compared()


def test_rows_that_may_not_be_seen_are_not_taken_for_new(database, compared):
    frame = homes(500)
    load(database, frame)
    run_sql(
        database,
        "ALTER TABLE homes ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE homes FORCE ROW LEVEL SECURITY",
        "CREATE POLICY most ON homes USING (k < 400) WITH CHECK (true)",
    )
    assert load(database, frame[:400]).unchanged == 400


def test_what_a_trigger_may_change_is_sent(database, compared):
    frame = homes(500)
    load(database, frame)
    run_sql(
        database,
        "CREATE FUNCTION raise_price() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.price := NEW.price + 1; RETURN NEW; END'",
        "CREATE TRIGGER raising BEFORE INSERT OR UPDATE ON homes "
        "FOR EACH ROW EXECUTE FUNCTION raise_price()",
    )
    load(database, frame)
    assert not compared()


@pytest.mark.parametrize(
    "query_of_hashes",
    [
        "SELECT 1::int8 / 0, 1::int8",
        "SELECT k, 1 / (k - 50) FROM homes",
        "SELECT pg_terminate_backend(pg_backend_pid())::int::int8, 1::int8",
    ],
    ids=["fails", "fails_later", "loses_its_session"],
)
def test_where_the_table_cannot_be_read_all_rows_are_sent(
    database, compared, monkeypatch, query_of_hashes
):
    frame = homes(500)
    load(database, frame)
    with monkeypatch.context() as patched:
        patched.setattr(stored_rows, "read_hashes", lambda *_, **__: query_of_hashes)
        counts = load(database, frame.with_columns(price=pl.lit(5)), retry_seconds=60)
    assert not compared()
    assert counts.updated + counts.unchanged == 500
    assert read_table(database, "homes")["price"].unique().to_list() == [5]


def test_a_server_that_hashes_otherwise_is_told_all(database, compared, monkeypatch):
    frame = homes(500)
    load(database, frame)
    before = writes_of(database, "homes")
    read = stored_rows.read_hashes
    monkeypatch.setattr(
        stored_rows,
        "read_hashes",
        lambda *told, seed, **part: read(*told, seed=seed ^ 1, **part),
    )
    assert load(database, frame).unchanged == 500
    assert compared()
    assert writes_of(database, "homes") == before


versions = st.lists(
    st.fixed_dictionaries(
        {
            "k": st.integers(0, 30),
            "seen": st.sampled_from([DAY, DAY + dt.timedelta(days=1)]),
            "price": st.none() | st.integers(0, 1),
            "title": st.none() | st.sampled_from(["", "x"]),
        }
    ),
    min_size=1,
    max_size=80,
)
SCHEMA = {
    "k": pl.Int64,
    "seen": pl.Datetime("us", "UTC"),
    "price": pl.Float64,
    "title": pl.String,
}
ways = st.fixed_dictionaries(
    {
        "batch_rows": st.integers(1, 40),
        "workers": st.integers(1, 4),
        "newest": st.sampled_from([None, "seen"]),
        "on_null": st.sampled_from(["overwrite", "keep"]),
    }
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=versions, more=versions, repeats=st.integers(1, 3), way=ways)
def test_table_and_counts_are_those_of_a_load_that_sends_all_rows(
    database, rows, more, repeats, way
):
    held = pl.DataFrame(rows, schema=SCHEMA)
    # mostly what is there, and some rows between
    pieces = [held, pl.DataFrame(more, schema=SCHEMA)[:5]] * repeats + [held]
    coming = pl.concat(pieces)
    outcomes = []
    for find in (StoredRows.find, lambda _shape, _expected: None):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(StoredRows, "find", find)
            run_sql(database, "DROP TABLE IF EXISTS homes")
            load(database, held, newest=way["newest"], on_null=way["on_null"])
            counts = load(database, coming, **way)
        outcomes.append((asdict(counts), read_table(database, "homes").sort("k")))
    (compared, table), (sent, other) = outcomes
    assert compared == sent
    assert table.equals(other)
