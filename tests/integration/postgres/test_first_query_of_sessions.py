"""The first query of a session, which changes the settings that propload relies on."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import TransientWriteError
from propload.postgres.session import connection
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def _never_ending(settings, _of_lines):
    columns = ", ".join(f"${number}::text" for number in range(1, len(settings) + 1))
    return f"SELECT pg_sleep(60)::text, {columns}"


def test_error_names_the_time_limit_that_ended_the_first_query(database, monkeypatch):
    monkeypatch.setattr(connection, "begin", _never_ending)
    # the driver's own queries, which come first, take less time
    limited = with_option(database, "-c statement_timeout=1s")
    message = (
        r"^cannot reach .* now: statement_timeout ends even .* raise it where it is"
    )
    with pytest.raises(TransientWriteError, match=message):
        connect(limited)


@pytest.mark.parametrize("chosen_name", ["nightly funda", ""])
def test_application_name_set_by_the_user_is_kept(database, monkeypatch, chosen_name):
    monkeypatch.setenv("PGAPPNAME", chosen_name)
    query = "SELECT current_setting('application_name')"
    # with a string of its own: a session that the tests lend would be named `lender`
    with connect(f"{database}&sslmode=disable") as one, one.clone() as other:
        names = {session.value(query) for session in (one, other)}
    assert names == {chosen_name or "propload"}


def test_copy_works_if_the_server_quotes_all_identifiers(database):
    with connect(database) as session:
        session.execute(
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET "
            "quote_all_identifiers = on', current_database()); END$$"
        )
        session.commit()
    frame = pl.DataFrame({"a": [1], "b": ["x"]})
    # with a string of its own: a session that the tests lend would know all types
    own = f"{database}&sslmode=disable"
    with connect(own) as first, first.clone() as session:
        session.execute("CREATE TABLE t (a bigint, b text)")
        session.copy("t", frame, namespace="public")
        assert session.rows("SELECT * FROM t WHERE b = $1", ("x",)) == [(1, "x")]


def test_null_in_an_array_is_read_despite_array_nulls_off(database):
    own = with_option(database, "-c array_nulls=off")
    with connect(own) as session:
        assert session.value("SELECT '{a,NULL}'::text[]") == ["a", None]
