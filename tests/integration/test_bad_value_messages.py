"""What the server says of a bad value is told whole, and without its own detours."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

MOOD = "CREATE TYPE mood AS ENUM ('sad')"


def message_of(database, column, value):
    """Return what is said of a value of a column, and what a check says of it."""
    run_sql(database, f"CREATE TABLE homes (id int PRIMARY KEY, v {column})")
    told = {"to": database, "table": "homes", "key": "id"}
    rows = [{"id": 1, "v": value}, {"id": 2, "v": None}]
    said = [one.example for one in propload.check(rows, **told).reasons]
    report = propload.ingest(rows, **told)
    assert report.counts.inserted == 1
    [reasons] = report.rejects["propload_reason_list"].to_list()
    return [one["message"] for one in reasons], said


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("numeric(3,-2)", "12345", '"12345" is not exact as numeric(3,-2)'),
        ("name", "x" * 70, f'"{"x" * 70}" is not exact as name'),
        ("money", "1.005", '"1.005" is not exact as money'),
        (
            "time(0)[]",
            ["03:04:05.123"],
            '"{"03:04:05.123"}" is not exact as time(0) without time zone[]',
        ),
    ],
)
def test_a_value_that_would_change_is_told_as_such(database, column, value, message):
    told, checked = message_of(database, column, value)
    assert told == [message]
    assert checked == [message]


def test_a_value_with_a_full_stop_is_not_cut(database):
    run_sql(database, MOOD)
    (told,), (checked,) = message_of(database, "mood", "z. B. sad")
    assert '"z. B. sad"' in told
    assert '"z. B. sad"' in checked
