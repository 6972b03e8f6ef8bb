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
def test_codes_are_sorted(sqlstate, kind):
    failure = classify(server_error(sqlstate))
    assert failure.kind == kind
    assert failure.reason


@pytest.mark.parametrize(
    ("severity", "kind"),
    [("ERROR", "permanent"), ("FATAL", "transient"), ("", "transient")],
)
def test_the_code_of_a_wrong_form_is_also_what_poolers_say(severity, kind):
    said = DriverError("server conn crashed?")
    said.sqlstate = "08P01"
    said.details = (("PG_DIAG_SEVERITY_NONLOCALIZED", severity.encode()),)
    assert classify(read_error(said, "host=h")).kind == kind


def test_no_code_repeats_what_holds_for_its_class():
    codes = [code for code in _BY_SQLSTATE if len(code) == 5]
    assert codes
    assert not [
        code for code in codes if _BY_SQLSTATE[code] == _BY_SQLSTATE.get(code[:2])
    ]


def test_a_dead_connection_is_worth_a_retry():
    assert classify(server_error(None, "IO")).kind == "transient"


def test_a_value_that_the_driver_cannot_write_is_the_fault_of_a_row():
    failure = classify(
        server_error(None, "IO", "IO: Error occurred writing COPY data:")
    )
    assert failure.kind == "data"
    broken = "IO: Error occurred writing COPY data: server closed the connection"
    assert classify(server_error(None, "IO", broken)).kind == "transient"


@pytest.mark.parametrize("error", [server_error("ZZ999"), server_error(None, "NEW")])
def test_unknown_codes_stop_the_run_and_say_so(error):
    failure = classify(error)
    assert failure.kind == "permanent"
    assert "not known" in failure.reason


def test_what_is_worth_another_attempt_is_told_of_what_was_made_of_an_error_too():
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
def test_the_place_is_read_from_the_context(context, line, column):
    failure = classify(server_error("22001", context=context))
    assert failure.line == line
    assert failure.column == column


def test_the_column_is_read_from_where_it_stands():
    assert classify(server_error("23502", column="b")).column == "b"
    named = server_error("23502", primary='null value in column "a""b" of relation')
    assert classify(named).column == 'a"b'


def test_facts_have_a_kind_and_a_reason():
    for kind, reason in [*_BY_SQLSTATE.values(), *_BY_STATUS.values()]:
        assert kind in ("transient", "data", "permanent")
        assert len(reason) > 10


def test_as_write_error_says_where_and_why():
    made = as_write_error(server_error("40P01"), table="public.t", batch=3)
    assert isinstance(made, TransientWriteError)
    assert made.sqlstate == "40P01"
    assert "batch 3 into public.t" in str(made)
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
def test_a_password_that_is_also_a_name_hides_nothing_that_is_looked_for(password):
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
def test_what_the_driver_finds_missing_has_the_server_s_code(status, sqlstate):
    made = as_write_error(server_error(None, status, "not there"), table="public.t")
    assert made.sqlstate == sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "said", "is_elsewhere"),
    [
        (None, 'schema "pg_temp" does not exist', True),
        ("42P01", 'relation "pg_temp.propload_stage" does not exist', True),
        ("42883", "function pg_temp.propload_screen() does not exist", True),
        ("26000", "unnamed prepared statement does not exist", True),
        # what a trigger of the table looks for
        ("42P01", 'relation "pg_temp.seen" does not exist', False),
        ("42883", "function propload_screen() does not exist", False),
        ("42501", 'permission denied for schema "pg_temp"', False),
    ],
)
def test_what_a_session_lacks_of_its_own_is_a_pooler_s_doing(
    sqlstate, said, is_elsewhere
):
    status = "UNKNOWN" if sqlstate else "NOT_FOUND"
    made = as_write_error(server_error(sqlstate, status, said), table="t", batch=4)
    assert ("pooler in transaction mode" in str(made)) == is_elsewhere
    assert (made.table, made.batch) == ("t", 4)
    # a change of the table would be of no use
    assert (made.sqlstate is None) == is_elsewhere


@pytest.mark.parametrize(
    ("sqlstate", "said", "is_gone"),
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
def test_a_shadow_that_is_gone_is_not_called_by_its_table_s_name(
    sqlstate, said, is_gone
):
    status = "UNKNOWN" if sqlstate else "NOT_FOUND"
    error = server_error(sqlstate, status, said)
    made = as_write_error(error, table="public.t", batch=4, shadow_names=OWN)
    assert ("gathered for public.t are gone" in str(made)) == is_gone
    assert str(made).startswith("batch 4 into public.t: ")
    assert made.goes_on == (not is_gone)
    assert (made.batch, made.sqlstate) == (4, sqlstate or "42P01")


def test_a_cancelled_statement_is_advised_on_by_what_it_did():
    error = server_error("57014")
    of_rows = str(as_write_error(error, table="t", batch=1))
    assert "--batch-rows" in of_rows
    of_none = str(as_write_error(error, table="t", doing="it was looked at"))
    assert "while it was looked at: raise that for this user" in of_none
    assert "--batch-rows" not in of_none
    # what others say of themselves stays
    other = str(as_write_error(server_error("42501"), table="t", doing="it was read"))
    assert "it was read" not in other


def test_a_limit_of_the_server_is_told_with_what_to_do():
    told = str(as_write_error(server_error("53400"), table="t", batch=1))
    assert "raise it for this user, or lower --batch-rows" in told


def test_a_transaction_that_took_too_long_would_do_so_again():
    # the server ends the session with it, so that the driver has no code
    said = "FATAL: terminating connection due to transaction timeout"
    error = server_error(None, status="IO", primary=said, severity="")
    of_rows = as_write_error(error, table="t", batch=1)
    assert not isinstance(of_rows, TransientWriteError)
    assert "transaction_timeout: raise that, lower --batch-rows" in str(of_rows)
    of_none = str(as_write_error(error, table="t", doing="it was replaced"))
    assert "while it was replaced: raise that for this user" in of_none
    assert "--batch-rows" not in of_none


@pytest.mark.parametrize("sqlstate", [None, "08P01"])
def test_a_pooler_that_has_no_transactions_is_told_and_not_tried_again(sqlstate):
    said = "transaction blocks not allowed in statement pooling mode"
    error = server_error(sqlstate, status="IO", primary=said, severity="FATAL")
    told = as_write_error(error, table="public.homes")
    assert not isinstance(told, TransientWriteError)
    assert "or of a pooler in session mode (--to)" in str(told)
