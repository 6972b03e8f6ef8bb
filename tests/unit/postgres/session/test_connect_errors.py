from __future__ import annotations

import pytest

from propload.errors import ConfigError, TransientWriteError, WriteError
from propload.postgres.session.connect_errors import connect_error, lost_at_once_error
from propload.postgres.session.driver_errors import server_error


@pytest.mark.parametrize(
    "said",
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
def test_what_has_led_to_the_server_before_is_an_outage(said):
    error = RuntimeError(f"IO: Failed to connect: {said}")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    later = connect_error(error, "postgresql://u:secret@db/homes", reconnect=True)
    assert isinstance(later, TransientWriteError)
    assert said in str(first)
    assert said in str(later)


def test_the_cause_of_an_error_to_connect_holds_no_secret_either():
    dsn = "postgresql://u:secret@[::1/homes"
    error = RuntimeError(f'IO: Failed to connect: looking for "]" in URI: "{dsn}"')
    told = connect_error(error, dsn)
    assert "secret" not in str(told) + repr(error) + str(error)
    assert 'looking for "]"' in str(error)


@pytest.mark.parametrize(
    "said",
    [
        'password authentication failed for user "u"',
        'role "u" is not permitted to log in',
        'database "homes" does not exist',
        "local user with ID 12345 does not exist",
    ],
)
def test_a_user_that_is_let_in_no_more_is_no_outage_and_no_wrong_setting(said):
    error = RuntimeError(f"FATAL: {said}")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    later = connect_error(error, "postgresql://u:secret@db/homes", reconnect=True)
    assert isinstance(later, WriteError)
    assert not isinstance(later, TransientWriteError)
    assert said in str(later)


@pytest.mark.parametrize(
    ("said", "advised"),
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
def test_what_keeps_the_server_from_letting_a_session_in_for_now_is_told_apart(
    said, advised
):
    error = RuntimeError(f"IO: Failed to connect: FATAL:  {said}\n")
    later = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(later, TransientWriteError)
    assert advised in str(later)


@pytest.mark.parametrize(
    ("said", "advised"),
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
def test_what_a_pooler_or_a_server_in_another_language_refuses_is_told(said, advised):
    error = RuntimeError(f"IO: Failed to connect: FATAL:  {said}\n")
    first = connect_error(error, "postgresql://u:secret@db/homes")
    assert isinstance(first, ConfigError)
    assert advised in str(first)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ('private key file "/u/k" has group or world access', "sslcert and sslkey"),
        ('weak sslmode "require" may not be used with sslrootcert=system', "sslmode"),
    ],
)
def test_a_file_or_mode_that_libpq_refuses_is_no_server_that_is_away(said, named):
    error = connect_error(RuntimeError(said), "host=db dbname=homes")
    assert isinstance(error, ConfigError)
    assert named in str(error).partition(said)[0]


def test_a_time_limit_that_ends_the_first_queries_is_no_server_that_is_away():
    # a catalog of many tables takes the driver a while
    said = "CANCELLED: [libpq] Failed to execute query 'SELECT 1': ERROR:  canceling "
    error = RuntimeError(f"{said}statement due to statement timeout. SQLSTATE: 57014")
    told = str(connect_error(error, "postgresql://u:secret@db/homes"))
    assert "raise it where it is set: in the connection string, PGOPTIONS" in told
    assert "is the server running" not in told


BY_POOLER = (
    "IO: [libpq] Failed to begin transaction: FATAL:  {} server closed the connection "
    "unexpectedly"
)


def test_what_a_pooler_lacks_is_told_with_what_to_do():
    said, asked = "query_wait_timeout", "its pool_size), or use fewer --workers"
    text = BY_POOLER.format(said)
    error = lost_at_once_error(
        server_error(RuntimeError(text), "postgresql://db/t"), "db/t"
    )
    assert str(error).startswith("db/t: the session was lost as it began: IO: ")
    assert said in str(error)
    assert str(error).endswith(asked)


def test_a_session_that_is_lost_otherwise_is_told_without_advice():
    text = BY_POOLER.format("terminating connection")
    error = lost_at_once_error(
        server_error(RuntimeError(text), "postgresql://db/t"), "db/t"
    )
    assert str(error).endswith("closed the connection unexpectedly")
