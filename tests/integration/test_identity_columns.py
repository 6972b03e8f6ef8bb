"""Values given for a column that the server numbers itself."""

import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

NOTE = (
    "rows that are stored keep their n, whatever comes: public.homes has it GENERATED"
)
ROWS = [{"k": 1, "n": 99, "w": "y"}, {"k": 2, "n": 98, "w": "z"}]


@pytest.fixture
def homes(database):
    """Return a function that creates a table of one row, with `n` so generated."""

    def create(clause):
        run_sql(
            database,
            f"CREATE TABLE homes (k int PRIMARY KEY, n int GENERATED {clause}, w text)",
            "INSERT INTO homes (k, w) VALUES (1, 'x')",
        )
        return {"to": database, "table": "homes"}

    return create


def test_note_says_that_stored_rows_keep_their_identity_value(database, homes):
    settings = homes("ALWAYS AS IDENTITY")
    checked, loaded = (
        propload.check(ROWS, **settings),
        propload.ingest(ROWS, **settings),
    )
    assert [note[: len(NOTE)] for note in checked.notes] == [NOTE]
    assert checked.notes == loaded.notes
    assert checked.expected == loaded.counts
    assert query(database, "SELECT k, n, w FROM homes ORDER BY k") == [
        (1, 1, "y"),
        (2, 98, "z"),
    ]


@pytest.mark.parametrize(
    ("generated", "extra"),
    [
        ("BY DEFAULT AS IDENTITY", {}),
        ("ALWAYS AS IDENTITY", {"mode": "insert-new"}),
        ("ALWAYS AS IDENTITY", {"mode": "append"}),
    ],
)
def test_no_note_if_no_given_number_is_discarded(homes, generated, extra):
    settings = homes(generated) | extra
    checked, loaded = (
        propload.check(ROWS[1:], **settings),
        propload.ingest(ROWS[1:], **settings),
    )
    assert not any("keep" in note for note in (*checked.notes, *loaded.notes))


def test_no_note_if_the_rows_lack_the_identity_column(homes):
    settings = homes("ALWAYS AS IDENTITY")
    assert propload.ingest([{"k": 1, "w": "y"}], **settings).notes == ()
