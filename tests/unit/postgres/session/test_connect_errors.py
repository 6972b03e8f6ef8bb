from __future__ import annotations

import pytest

from propload.errors import ConfigError, TransientWriteError, WriteError
from propload.postgres.session.connect_errors import connect_error, lost_at_once_error
from propload.postgres.session.driver_errors import server_error


@pytest.mark.parametrize(
    "message",
    [
        "received invalid response to SSL negotiation: H",
        'invalid port number: "balancer"',
        'definition of service "homes" not found',
        'could not translate host name "db" to address: Name or service not known',
        "server does not support SSL, but SSL was required",
        'end of string reached when looking for "]" in IPv6 host address in URI',
        'extra key/value separator "=" in URI query parameter: "sslmode"',
    ],
)
def test_setting_that_worked_before_means_an_outage_on_reconnect(message):
    error = RuntimeError(f"IO: Failed to connect: {message}")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    later = connect_error(error, "postgresql://u:secret@db/homes", reconnect=True)
    assert isinstance(later, TransientWriteError)
    assert message in str(first)
    assert message in str(later)


def test_cause_of_a_connect_error_holds_no_secret():
    dsn = "postgresql://u:secret@[::1/homes"
    error = RuntimeError(f'IO: Failed to connect: looking for "]" in URI: "{dsn}"')
    raised = connect_error(error, dsn)
    assert "secret" not in str(raised) + repr(error) + str(error)
    assert 'looking for "]"' in str(error)


@pytest.mark.parametrize(
    "message",
    [
        'password authentication failed for user "u"',
        'role "u" is not permitted to log in',
        'database "homes" does not exist',
        "local user with ID 12345 does not exist",
    ],
)
def test_user_refused_on_reconnect_is_a_permanent_write_error(message):
    error = RuntimeError(f"FATAL: {message}")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    later = connect_error(error, "postgresql://u:secret@db/homes", reconnect=True)
    assert isinstance(later, WriteError)
    assert not isinstance(later, TransientWriteError)
    assert message in str(later)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        (
            'too many connections for role "a"b"',
            'ALTER ROLE "a""b" CONNECTION LIMIT 4',
        ),
        (
            'too many connections for database "d"',
            'ALTER DATABASE "d" CONNECTION LIMIT',
        ),
        ("sorry, too many clients already", "let others end, or use fewer --workers"),
        ("server is in hot standby mode", "asks for: wait until one is"),
        ("session is read-only", "of the kind that target_session_attrs"),
        ("Datenbank »homes« existiert nicht", "the server answers, but refuses"),
    ],
)
def test_temporary_refusal_is_transient_with_matching_advice(message, advice):
    error = RuntimeError(f"IO: Failed to connect: FATAL:  {message}\n")
    later = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(later, TransientWriteError)
    assert advice in str(later)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("no such database: homes", "that database does not exist"),
        ("kein pg_hba.conf-Eintrag für Host »::1«", "does not let this user in from"),
        ("channel binding required, but SSL not in use", "channel_binding and sslmode"),
        (
            'authentication method requirement "md5" failed: server requested SASL',
            "check require_auth",
        ),
    ],
)
def test_refusal_of_pooler_or_localized_server_is_a_config_error(message, advice):
    error = RuntimeError(f"IO: Failed to connect: FATAL:  {message}\n")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    assert advice in str(first)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ('private key file "/u/k" has group or world access', "sslcert and sslkey"),
        ('could not load private key file "/u/k": bad decrypt', "sslpassword"),
        ("SSL error: certificate verify failed", "it has expired, or no authority"),
        (
            'server certificate for "db" does not match host name "10.0.0.1"',
            "is for another host",
        ),
        ('weak sslmode "require" may not be used with sslrootcert=system', "sslmode"),
    ],
)
def test_option_refused_by_libpq_is_a_config_error_that_names_it(message, options):
    error = connect_error(RuntimeError(message), "host=db dbname=homes")
    assert isinstance(error, ConfigError)
    assert options in str(error).partition(message)[0]


def test_statement_timeout_while_connecting_is_not_reported_as_outage():
    # a catalog of many tables takes the driver a while
    driver_message = (
        "CANCELLED: [libpq] Failed to execute query 'SELECT 1': ERROR:  canceling "
    )
    error = RuntimeError(
        f"{driver_message}statement due to statement timeout. SQLSTATE: 57014"
    )
    message = str(connect_error(error, "postgresql://u:secret@db/homes"))
    assert "raise it where it is set: in the connection string, PGOPTIONS" in message
    assert "is the server running" not in message


BY_POOLER = (
    "IO: [libpq] Failed to begin transaction: FATAL:  {} server closed the connection "
    "unexpectedly"
)


def test_session_lost_to_a_pooler_timeout_gets_advice():
    cause, advice = "query_wait_timeout", "its pool_size), or use fewer --workers"
    text = BY_POOLER.format(cause)
    error = lost_at_once_error(
        server_error(RuntimeError(text), "postgresql://db/t"), "db/t"
    )
    assert str(error).startswith("db/t: the session was lost as it began: IO: ")
    assert cause in str(error)
    assert str(error).endswith(advice)


def test_session_lost_for_another_reason_gets_no_advice():
    text = BY_POOLER.format("terminating connection")
    error = lost_at_once_error(
        server_error(RuntimeError(text), "postgresql://db/t"), "db/t"
    )
    assert str(error).endswith("closed the connection unexpectedly")
