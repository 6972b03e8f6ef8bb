"""The first query of a session, which sets what propload goes by."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import TransientWriteError
from propload.postgres.session import connection
from propload.postgres.session.connection import connect
from propload.postgres.session.dsn import with_option

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


def _never_ending(settings, _of_lines):
    given = ", ".join(f"${number}::text" for number in range(1, len(settings) + 1))
    return f"SELECT pg_sleep(60)::text, {given}"


def test_a_time_limit_that_ends_it_is_told(database, monkeypatch):
    monkeypatch.setattr(connection, "begin", _never_ending)
    # the driver's own queries, which come before it, take less
    limited = with_option(database, "-c statement_timeout=1s")
    told = r"^cannot reach .* now: statement_timeout ends even .* raise it where it is"
    with pytest.raises(TransientWriteError, match=told):
        connect(limited)


@pytest.mark.parametrize("named", ["nightly funda", ""])
def test_a_name_that_the_user_gave_it_stays(database, monkeypatch, named):
    monkeypatch.setenv("PGAPPNAME", named)
    query = "SELECT current_setting('application_name')"
    # whose own name is no part of the string of the tests' other sessions
    with connect(f"{database}&sslmode=disable") as one, one.clone() as other:
        names = {session.value(query) for session in (one, other)}
    assert names == {named or "propload"}


def test_a_server_that_quotes_all_names_is_written_to(database):
    with connect(database) as session:
        session.execute(
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET "
            "quote_all_identifiers = on', current_database()); END$$"
        )
        session.commit()
    frame = pl.DataFrame({"a": [1], "b": ["x"]})
    # one that no other session of the tests lends what it knows of the types
    own = f"{database}&sslmode=disable"
    with connect(own) as first, first.clone() as session:
        session.execute("CREATE TABLE t (a bigint, b text)")
        session.copy("t", frame, namespace="public")
        assert session.rows("SELECT * FROM t WHERE b = $1", ("x",)) == [(1, "x")]


def test_a_null_in_an_array_is_one_where_the_user_has_arrays_without(database):
    own = with_option(database, "-c array_nulls=off")
    with connect(own) as session:
        assert session.value("SELECT '{a,NULL}'::text[]") == ["a", None]
