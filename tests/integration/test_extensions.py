"""Types of extensions out of the search path are compared by their own rules."""

import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def extended(database, needs):
    """Put extensions where no session looks for names. Value: the connection string."""
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


def test_a_stored_key_is_found_as_its_index_finds_it(homes):
    # without the stored row's own n the row could not be inserted
    rows = [{"k": "abc", "at": 6, "v": "a.c"}]
    said = propload.check(rows, **homes)
    done = propload.ingest(rows, **homes)
    assert (done.counts.updated, done.counts.rejected) == (1, 0)
    assert said.expected == done.counts
    assert stored(homes["to"]) == [("ABC", 1, 6, "a.c")]


def test_a_check_does_not_foretell_rows_whose_keys_the_server_alone_finds_equal(homes):
    rows = [{"k": key, "n": n} for n, key in enumerate(["X", "x", "abc"])]
    said = propload.check(rows, **homes)
    assert said.expected is None
    [note] = said.notes
    assert note.startswith(
        "what becomes of 2 rows depends on other rows of the same key"
    )
    assert propload.check(rows[1:], **homes).expected.inserted == 1


def test_a_check_of_a_replace_knows_keys_that_the_server_alone_finds_equal(homes):
    told = {**homes, "mode": "replace", "key": "k"}
    rows = [{"k": key, "n": n} for n, key in enumerate(["X", "x", "abc"])]
    said = propload.check(rows, **told)
    assert said.expected is None
    assert any("becomes of 2 rows depends on other rows" in note for note in said.notes)
    said = propload.check(rows[1:], **told)
    assert said.expected == propload.ingest(rows[1:], **told).counts
    assert said.expected.inserted == 2


def test_an_older_row_of_an_equal_key_is_stale(homes):
    rows = [{"k": "abc", "n": 2, "at": 4, "v": "a.c"}]
    done = propload.ingest(rows, newest="at", **homes)
    assert (done.counts.stale, done.counts.unchanged) == (1, 0)


def test_rows_that_others_refer_to_are_replaced_by_an_equal_key(homes):
    run_sql(
        homes["to"],
        "CREATE TABLE rooms (home elsewhere.citext REFERENCES homes)",
        "INSERT INTO rooms VALUES ('aBc')",
    )
    rows = [{"k": "abc", "n": 2, "at": 6, "v": "a.c"}]
    propload.ingest(rows, mode="replace", key="k", **homes)
    assert [row[1:] for row in stored(homes["to"])] == [(2, 6, "a.c")]
