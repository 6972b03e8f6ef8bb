"""What becomes of values for a column that the server numbers by itself."""

import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

TOLD = (
    "rows that are stored keep their n, whatever comes: public.homes has it GENERATED"
)
ROWS = [{"k": 1, "n": 99, "w": "y"}, {"k": 2, "n": 98, "w": "z"}]


@pytest.fixture
def homes(database):
    """Make a table whose `n` is numbered so, of one row; return what loads into it."""

    def made(how):
        run_sql(
            database,
            f"CREATE TABLE homes (k int PRIMARY KEY, n int GENERATED {how}, w text)",
            "INSERT INTO homes (k, w) VALUES (1, 'x')",
        )
        return {"to": database, "table": "homes"}

    return made


def test_that_a_stored_row_keeps_its_number_is_told(database, homes):
    told = homes("ALWAYS AS IDENTITY")
    said, done = propload.check(ROWS, **told), propload.ingest(ROWS, **told)
    assert [note[: len(TOLD)] for note in said.notes] == [TOLD]
    assert said.notes == done.notes
    assert said.expected == done.counts
    assert query(database, "SELECT k, n, w FROM homes ORDER BY k") == [
        (1, 1, "y"),
        (2, 98, "z"),
    ]


@pytest.mark.parametrize(
    ("how", "more"),
    [
        ("BY DEFAULT AS IDENTITY", {}),
        ("ALWAYS AS IDENTITY", {"mode": "insert-new"}),
        ("ALWAYS AS IDENTITY", {"mode": "append"}),
    ],
)
def test_where_no_number_is_passed_over_nothing_is_told(homes, how, more):
    told = homes(how) | more
    said, done = propload.check(ROWS[1:], **told), propload.ingest(ROWS[1:], **told)
    assert not any("keep" in note for note in (*said.notes, *done.notes))


def test_numbers_that_do_not_come_are_not_spoken_of(homes):
    told = homes("ALWAYS AS IDENTITY")
    assert propload.ingest([{"k": 1, "w": "y"}], **told).notes == ()
