from __future__ import annotations

import pytest

from propload.postgres.session.driver_errors import server_error

QUERY = "SELECT attr.attname FROM pg_catalog.pg_attribute AS attr WHERE attr.attnum > 0"
NO_TABLE = f"""NOT_FOUND: [libpq] Failed to execute query '{QUERY}': \
ERROR:  relation "public.homes" does not exist
CONTEXT:  unnamed portal parameter $1 = '...'
"""
NO_COLUMN = """ALREADY_EXISTS: [libpq] Column "a "b"" does not exist in target table \
"public" . "homes\""""


def test_a_line_that_broke_is_told_without_the_query():
    said = "IO: [libpq] Failed to execute query 'SELECT 'a': b, 'it''s'::text': {}"
    error = server_error(RuntimeError(said.format("no answer")), "postgresql://u@h/d")
    assert error.primary == "IO: [libpq] Failed to execute query: no answer"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (NO_TABLE, 'relation "public.homes" does not exist'),
        (NO_COLUMN, 'column "a ""b""" does not exist'),
    ],
)
def test_what_a_table_lacks_is_told_without_the_question_for_it(said, told):
    error = server_error(RuntimeError(said), "postgresql://u@h/d")
    assert str(error) == error.primary == told


@pytest.mark.parametrize(
    "where", ['\nCONTEXT:  SQL statement "SELECT 2"\nPL/pgSQL function f() line 1', ""]
)
def test_of_a_session_that_was_ended_the_server_s_word_alone_is_told(where):
    said = "IO: [libpq] Failed to execute query 'SELECT 1': FATAL:  terminating it"
    closed = "\nserver closed the connection unexpectedly\n\tThis probably means ..."
    detail = "\nDETAIL:  Another one crashed."
    error = server_error(RuntimeError(f"{said}{detail}{where}{closed}"), "host=db")
    assert error.primary.endswith("FATAL: terminating it DETAIL: Another one crashed.")
    assert "SELECT" not in error.primary
