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


def test_message_of_a_lost_connection_omits_the_query():
    message = "IO: [libpq] Failed to execute query 'SELECT 'a': b, 'it''s'::text': {}"
    error = server_error(
        RuntimeError(message.format("no answer")), "postgresql://u@h/d"
    )
    assert error.primary == "IO: [libpq] Failed to execute query: no answer"


@pytest.mark.parametrize(
    ("driver_message", "message"),
    [
        (NO_TABLE, 'relation "public.homes" does not exist'),
        (NO_COLUMN, 'column "a ""b""" does not exist'),
    ],
)
def test_message_of_a_missing_table_or_column_omits_the_query(driver_message, message):
    error = server_error(RuntimeError(driver_message), "postgresql://u@h/d")
    assert str(error) == error.primary == message


@pytest.mark.parametrize(
    "context",
    ['\nCONTEXT:  SQL statement "SELECT 2"\nPL/pgSQL function f() line 1', ""],
)
def test_message_of_a_terminated_session_is_that_of_the_server(context):
    message = "IO: [libpq] Failed to execute query 'SELECT 1': FATAL:  terminating it"
    closed = "\nserver closed the connection unexpectedly\n\tThis probably means ..."
    detail = "\nDETAIL:  Another one crashed."
    error = server_error(RuntimeError(f"{message}{detail}{context}{closed}"), "host=db")
    assert error.primary.endswith("FATAL: terminating it DETAIL: Another one crashed.")
    assert "SELECT" not in error.primary
