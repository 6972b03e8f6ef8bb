"""Values within statements reach the server exactly as given."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload.postgres.session.connection import connect

pytestmark = pytest.mark.timeout(60)

#: The server stores any text without the character 0.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
#: Moments whose year has four digits as text.
MOMENTS = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

#: From PostgreSQL 19 on, backslashes in strings can no longer be escapes.
ONLY_STANDARD_STRINGS = 190_000


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
def test_values_arrive_unchanged(
    session, strings, text, number, several, moment, whether
):
    if strings == "off" and session.server_version >= ONLY_STANDARD_STRINGS:
        pytest.skip("this server has standard strings alone")
    session.execute(f"SET standard_conforming_strings = {strings}")
    sql = "SELECT $1, $2, $3::text[], $4, $5::boolean, $1 || '$2' AS \"$1\""
    values = (text, number, several, moment, whether)
    [row] = session.rows(sql, values)
    assert row == (*values, f"{text}$2")
