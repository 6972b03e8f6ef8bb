"""Messages about bad values show the whole value, and say why it is refused."""

import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

MOOD = "CREATE TYPE mood AS ENUM ('sad')"


def messages_of(database, column, value):
    """Return the messages with which a load, and a check, reject a column's value."""
    run_sql(database, f"CREATE TABLE homes (id int PRIMARY KEY, v {column})")
    settings = {"to": database, "table": "homes", "key": "id"}
    rows = [{"id": 1, "v": value}, {"id": 2, "v": None}]
    checked = [one.example for one in propload.check(rows, **settings).reasons]
    report = propload.ingest(rows, **settings)
    assert report.counts.inserted == 1
    [reasons] = report.rejects["propload_reason_list"].to_list()
    return [one["message"] for one in reasons], checked


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
def test_value_that_would_change_is_reported_as_not_exact(
    database, column, value, message
):
    loaded, checked = messages_of(database, column, value)
    assert loaded == [message]
    assert checked == [message]


def test_message_is_not_cut_at_a_full_stop_in_the_value(database):
    run_sql(database, MOOD)
    (loaded,), (checked,) = messages_of(database, "mood", "z. B. sad")
    assert '"z. B. sad"' in loaded
    assert '"z. B. sad"' in checked
