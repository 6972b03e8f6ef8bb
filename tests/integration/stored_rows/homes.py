"""Rows of homes to load repeatedly, and changes to make in between."""

import datetime as dt

import polars as pl

import propload
from propload.postgres.writing.stored.stored_rows import StoredRows
from propload.postgres.writing.stored.table_reading import TableReader
from tests.integration.reading import run_sql

DAY = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


def load(database, source, **more):
    settings = {"to": database, "table": "homes", "key": "k", "progress": False} | more
    report = propload.ingest(source, **settings)
    report.counts.verify()
    return report.counts


def homes(rows=3_000, **columns):
    series = {
        "k": pl.int_range(rows, eager=True),
        "price": pl.int_range(rows, eager=True) * 1_000,
        "street": pl.Series([f"street {n % 7}" for n in range(rows)]),
        "seen": pl.Series([DAY] * rows, dtype=pl.Datetime("us", "UTC")),
    }
    return pl.DataFrame(series | columns)


#: Statements by which writing one row can change other rows, by kind.
SIDE_EFFECTS = {
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


def load_named_homes(database):
    """Load rows that each have a street of their own, and return them."""
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


def act_after_reading(monkeypatch, action):
    """Call an action once, after the table was read and before a row is sent."""
    read, done = TableReader.read, []

    def reading(self, connection):
        known_rows = read(self, connection)
        if not done:
            done.append(action())
        return known_rows

    monkeypatch.setattr(TableReader, "read", reading)


def recorded_give_ups(monkeypatch):
    """Return a list that grows whenever comparing rows is given up."""
    ends, give_up = [], StoredRows.give_up

    def recorded(self):
        ends.append(self)
        give_up(self)

    monkeypatch.setattr(StoredRows, "give_up", recorded)
    return ends
