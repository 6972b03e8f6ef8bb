from __future__ import annotations

import pickle

import pytest

from propload.errors import TransientWriteError, WriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.driver_errors import server_error as read_error
from propload.postgres.session.failures import (
    _BY_SQLSTATE,
    _BY_STATUS,
    as_write_error,
    classify,
    is_transient,
)
from propload.postgres.sql.shadow_names import ShadowNames


def server_error(sqlstate=None, status="UNKNOWN", primary="said so", **fields):
    error = ServerError(primary, sqlstate=sqlstate)
    error.status, error.primary = status, primary
    for name, value in fields.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("08006", "transient"),
        ("22001", "data"),
        ("22P02", "data"),
        ("22P03", "permanent"),
        ("23505", "data"),
        ("23514", "data"),
        ("40001", "transient"),
        ("40P01", "transient"),
        ("42P01", "permanent"),
        ("42501", "permanent"),
        ("53100", "transient"),
        ("53300", "transient"),
        ("55P03", "transient"),
        ("57P01", "transient"),
        ("57P03", "transient"),
        ("57014", "permanent"),
        ("57P04", "permanent"),
        ("25006", "permanent"),
        ("P0001", "data"),
        ("XX000", "permanent"),
    ],
)
def test_sqlstate_decides_the_kind_of_failure(sqlstate, kind):
    failure = classify(server_error(sqlstate))
    assert failure.kind == kind
    assert failure.reason


@pytest.mark.parametrize(
    ("severity", "kind"),
    [("ERROR", "permanent"), ("FATAL", "transient"), ("", "transient")],
)
def test_protocol_violation_is_transient_if_a_pooler_ended_the_session(severity, kind):
    error = DriverError("server conn crashed?")
    error.sqlstate = "08P01"
    error.details = (("PG_DIAG_SEVERITY_NONLOCALIZED", severity.encode()),)
    assert classify(read_error(error, "host=h")).kind == kind


def test_no_code_repeats_the_entry_of_its_class():
    codes = [code for code in _BY_SQLSTATE if len(code) == 5]
    assert codes
    assert not [
        code for code in codes if _BY_SQLSTATE[code] == _BY_SQLSTATE.get(code[:2])
    ]


def test_dead_connection_is_transient():
    assert classify(server_error(None, "IO")).kind == "transient"


def test_value_that_the_driver_cannot_write_is_a_data_failure():
    failure = classify(
        server_error(None, "IO", "IO: Error occurred writing COPY data:")
    )
    assert failure.kind == "data"
    connection_lost = (
        "IO: Error occurred writing COPY data: server closed the connection"
    )
    assert classify(server_error(None, "IO", connection_lost)).kind == "transient"


@pytest.mark.parametrize("error", [server_error("ZZ999"), server_error(None, "NEW")])
def test_unknown_code_is_permanent_and_reported_as_unknown(error):
    failure = classify(error)
    assert failure.kind == "permanent"
    assert "not known" in failure.reason


def test_is_transient_accepts_write_errors_and_server_errors():
    assert is_transient(TransientWriteError("away"))
    assert not is_transient(WriteError("this user may not create temporary tables"))
    assert is_transient(server_error("40P01"))
    assert not is_transient(server_error("42501"))


@pytest.mark.parametrize(
    ("context", "line", "column"),
    [
        ("COPY t, line 2", 2, None),
        ("COPY t, line 3501, column price", 3501, "price"),
        ("COPY t, line 2, column v: x", 2, "v: x"),
        ("JSON data, line 1: ok\nCOPY x, line 4, column v", 4, "v"),
        ("SQL statement\nCOPY t, line 12, column a\nmore", 12, "a"),
        (None, None, None),
    ],
)
def test_line_and_column_are_read_from_the_context(context, line, column):
    failure = classify(server_error("22001", context=context))
    assert failure.line == line
    assert failure.column == column


def test_column_is_read_from_its_field_or_the_message():
    assert classify(server_error("23502", column="b")).column == "b"
    named = server_error("23502", primary='null value in column "a""b" of relation')
    assert classify(named).column == 'a"b'


def test_every_entry_has_a_known_kind_and_a_reason():
    for kind, reason in [*_BY_SQLSTATE.values(), *_BY_STATUS.values()]:
        assert kind in ("transient", "data", "permanent")
        assert len(reason) > 10


def test_as_write_error_names_table_and_batch():
    error = as_write_error(server_error("40P01"), table="public.t", batch=3)
    assert isinstance(error, TransientWriteError)
    assert error.sqlstate == "40P01"
    assert "batch 3 into public.t" in str(error)
    assert type(as_write_error(server_error("42501"), table="t", batch=0)) is WriteError


def test_server_errors_survive_pickling():
    error = server_error("23505", "INTEGRITY", constraint="t_pkey")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (again.sqlstate, again.status, again.constraint) == (
        "23505",
        "INTEGRITY",
        "t_pkey",
    )


class DriverError(Exception):
    sqlstate = "23505"
    details = (
        ("PG_DIAG_MESSAGE_PRIMARY", b"a row of listings is there already"),
        ("PG_DIAG_MESSAGE_DETAIL", b"Key (listing_id)=(listing) exists"),
        ("PG_DIAG_CONTEXT", b"COPY listings, line 7, column listing_id"),
        ("PG_DIAG_CONSTRAINT_NAME", b"listings_pkey"),
        ("PG_DIAG_COLUMN_NAME", b"listing_id"),
    )


@pytest.mark.parametrize("password", ["line", "listing", "listings_pkey", "7"])
def test_details_are_read_even_if_they_contain_the_password(password):
    error = read_error(DriverError("no"), f"postgresql://u:{password}@h/d")
    failure = classify(error)
    assert (failure.line, failure.column) == (7, "listing_id")
    assert failure.constraint == "listings_pkey"
    assert password not in failure.message
    assert password not in str(error)


OWN = ShadowNames(
    (
        ("propload_shadow_1_pkey", "t_pkey"),
        ("propload.propload_shadow_1", "public.t"),
        ("propload_shadow_1", "t"),
    ),
    "propload",
)


@pytest.mark.parametrize(
    ("status", "sqlstate"), [("NOT_FOUND", "42P01"), ("ALREADY_EXISTS", "42703")]
)
def test_object_missing_for_the_driver_has_the_code_of_the_server(status, sqlstate):
    error = as_write_error(server_error(None, status, "not there"), table="public.t")
    assert error.sqlstate == sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "message", "is_elsewhere"),
    [
        (None, 'schema "pg_temp" does not exist', True),
        ("42P01", 'relation "pg_temp.propload_stage" does not exist', True),
        ("42883", "function pg_temp.propload_screen() does not exist", True),
        ("26000", "unnamed prepared statement does not exist", True),
        # an object that a trigger of the table looks for
        ("42P01", 'relation "pg_temp.seen" does not exist', False),
        ("42883", "function propload_screen() does not exist", False),
        ("42501", 'permission denied for schema "pg_temp"', False),
    ],
)
def test_missing_session_object_is_blamed_on_a_pooler(sqlstate, message, is_elsewhere):
    status = "UNKNOWN" if sqlstate else "NOT_FOUND"
    error = as_write_error(server_error(sqlstate, status, message), table="t", batch=4)
    assert ("pooler in transaction mode" in str(error)) == is_elsewhere
    assert (error.table, error.batch) == ("t", 4)
    # no SQLSTATE: it is not the table that has changed
    assert (error.sqlstate is None) == is_elsewhere


@pytest.mark.parametrize(
    ("sqlstate", "message", "is_gone"),
    [
        ("42P01", 'relation "propload.propload_shadow_1" does not exist', True),
        ("3F000", 'schema "propload" does not exist', True),
        (None, "Schema »propload« existiert nicht", True),
        ("42P01", 'relation "propload.ledger" does not exist', False),
        ("42P01", 'relation "public.others" does not exist', False),
        ("42P01", 'relation "propload_stage" does not exist', False),
        ("23505", 'duplicate key in "propload_shadow_1_pkey"', False),
    ],
)
def test_missing_shadow_table_is_not_reported_as_the_table(sqlstate, message, is_gone):
    status = "UNKNOWN" if sqlstate else "NOT_FOUND"
    error = server_error(sqlstate, status, message)
    write_error = as_write_error(error, table="public.t", batch=4, shadow_names=OWN)
    assert ("gathered for public.t are gone" in str(write_error)) == is_gone
    assert str(write_error).startswith("batch 4 into public.t: ")
    assert write_error.goes_on == (not is_gone)
    assert (write_error.batch, write_error.sqlstate) == (4, sqlstate or "42P01")


def test_advice_for_a_cancelled_statement_depends_on_its_purpose():
    error = server_error("57014")
    while_writing = str(as_write_error(error, table="t", batch=1))
    assert "--batch-rows" in while_writing
    while_reading = str(as_write_error(error, table="t", doing="it was looked at"))
    assert "while it was looked at: raise that for this user" in while_reading
    assert "--batch-rows" not in while_reading
    # messages of other errors do not mention the purpose
    other = str(as_write_error(server_error("42501"), table="t", doing="it was read"))
    assert "it was read" not in other


def test_error_for_exceeded_server_limit_says_what_to_do():
    message = str(as_write_error(server_error("53400"), table="t", batch=1))
    assert "raise it for this user, or lower --batch-rows" in message


def test_transaction_timeout_is_permanent_and_gets_advice():
    error = server_error("25P04", status="IO", severity="")
    while_writing = as_write_error(error, table="t", batch=1)
    assert not isinstance(while_writing, TransientWriteError)
    assert "transaction_timeout: raise that, lower --batch-rows" in str(while_writing)
    while_replacing = str(as_write_error(error, table="t", doing="it was replaced"))
    assert "while it was replaced: raise that for this user" in while_replacing
    assert "--batch-rows" not in while_replacing


@pytest.mark.parametrize("sqlstate", [None, "08P01"])
def test_pooler_in_statement_mode_is_permanent_and_gets_advice(sqlstate):
    message = "transaction blocks not allowed in statement pooling mode"
    error = server_error(sqlstate, status="IO", primary=message, severity="FATAL")
    write_error = as_write_error(error, table="public.homes")
    assert not isinstance(write_error, TransientWriteError)
    assert "or of a pooler in session mode (--to)" in str(write_error)
