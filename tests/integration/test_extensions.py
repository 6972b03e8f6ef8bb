"""Extension types outside the search path are compared by their own rules."""

import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def extended(database, needs):
    """Install extensions outside the search path, and return the connection string."""
    needs.extensions("citext", "ltree")
    run_sql(
        database,
        "CREATE SCHEMA elsewhere",
        "CREATE EXTENSION citext SCHEMA elsewhere",
        "CREATE EXTENSION ltree SCHEMA elsewhere",
        "CREATE DOMAIN elsewhere.word AS elsewhere.citext",
    )
    return database


def stored(dsn):
    with connect(dsn) as session:
        return session.rows("SELECT k::text, n, at, v::text FROM homes ORDER BY 1")


@pytest.fixture(params=["citext", "word"])
def homes(request, extended):
    run_sql(
        extended,
        f"CREATE TABLE homes (k elsewhere.{request.param} PRIMARY KEY, n int NOT NULL, "
        "at int, v elsewhere.ltree)",
        "INSERT INTO homes VALUES ('ABC', 1, 5, 'a.b')",
    )
    return {"to": extended, "table": "homes"}


def test_stored_key_is_found_by_the_equality_of_its_type(homes):
    # the row lacks n, so it cannot be inserted, only update the stored one
    rows = [{"k": "abc", "at": 6, "v": "a.c"}]
    checked = propload.check(rows, **homes)
    loaded = propload.ingest(rows, **homes)
    assert (loaded.counts.updated, loaded.counts.rejected) == (1, 0)
    assert checked.expected == loaded.counts
    assert stored(homes["to"]) == [("ABC", 1, 6, "a.c")]


def test_check_does_not_predict_rows_with_keys_only_the_server_equates(homes):
    rows = [{"k": key, "n": n} for n, key in enumerate(["X", "x", "abc"])]
    checked = propload.check(rows, **homes)
    assert checked.expected is None
    [note] = checked.notes
    assert note.startswith(
        "what becomes of 2 rows depends on other rows of the same key"
    )
    assert propload.check(rows[1:], **homes).expected.inserted == 1


def test_check_of_a_replace_notes_keys_only_the_server_equates(homes):
    settings = {**homes, "mode": "replace", "key": "k"}
    rows = [{"k": key, "n": n} for n, key in enumerate(["X", "x", "abc"])]
    checked = propload.check(rows, **settings)
    assert checked.expected is None
    assert any(
        "becomes of 2 rows depends on other rows" in note for note in checked.notes
    )
    checked = propload.check(rows[1:], **settings)
    assert checked.expected == propload.ingest(rows[1:], **settings).counts
    assert checked.expected.inserted == 2


def test_older_row_with_an_equal_key_is_stale(homes):
    rows = [{"k": "abc", "n": 2, "at": 4, "v": "a.c"}]
    report = propload.ingest(rows, newest="at", **homes)
    assert (report.counts.stale, report.counts.unchanged) == (1, 0)


def test_replace_matches_referenced_rows_by_an_equal_key(homes):
    run_sql(
        homes["to"],
        "CREATE TABLE rooms (home elsewhere.citext REFERENCES homes)",
        "INSERT INTO rooms VALUES ('aBc')",
    )
    rows = [{"k": "abc", "n": 2, "at": 6, "v": "a.c"}]
    propload.ingest(rows, mode="replace", key="k", **homes)
    assert [row[1:] for row in stored(homes["to"])] == [(2, 6, "a.c")]
