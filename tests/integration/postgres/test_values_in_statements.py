"""Values within statements come to the server as they were given."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload.postgres.session.connection import connect

pytestmark = pytest.mark.timeout(60)

#: The server holds any text but one with the character 0.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
#: Of these the text has four digits a year.
MOMENTS = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

#: PostgreSQL 19 cannot be told to take backslashes in texts for escapes.
HAS_NO_OTHER_STRINGS = 190_000


@pytest.fixture
def session(database):
    with connect(database) as one:
        yield one


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXTS,
    number=st.integers(-(2**63), 2**63 - 1),
    several=st.lists(st.none() | TEXTS),
    moment=MOMENTS,
    whether=st.none() | st.booleans(),
)
@pytest.mark.parametrize("strings", ["on", "off"])
def test_values_arrive_as_they_are(
    session, strings, text, number, several, moment, whether
):
    if strings == "off" and session.server_version >= HAS_NO_OTHER_STRINGS:
        pytest.skip("this server has standard strings alone")
    session.execute(f"SET standard_conforming_strings = {strings}")
    asked = "SELECT $1, $2, $3::text[], $4, $5::boolean, $1 || '$2' AS \"$1\""
    given_values = (text, number, several, moment, whether)
    [row] = session.rows(asked, given_values)
    assert row == (*given_values, f"{text}$2")
