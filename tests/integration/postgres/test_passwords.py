"""Passwords are found wherever libpq looks for them, and are never shown."""

from __future__ import annotations

import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from propload.errors import ConfigError
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import parse_dsn

ROLE = "propload_secretive"
PASSWORD = "pa ss'w\\@rd%/?"  # noqa: S105 - made up
WRONG = "wr0ng-and-secret"


@pytest.fixture(scope="module")
def address(module_database):
    """Create a role that needs a password; return host, port and database."""
    settings = parse_dsn(module_database)
    with connect(module_database) as opened:
        file = Path(opened.value("SELECT current_setting('hba_file')"))
        try:
            before = file.read_text()
        except OSError:
            pytest.skip("the server's access rules are not on this machine")
        literal = PASSWORD.replace("'", "''").replace("\\", "\\\\")
        opened.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD E'{literal}'")
        opened.commit()
        access_rules = (
            f"local all {ROLE} scram-sha-256\nhost all {ROLE} all scram-sha-256\n"
        )
        file.write_text(access_rules + before)
        opened.rows("SELECT pg_reload_conf()")
        opened.commit()
        yield {name: settings[name] for name in ("host", "port", "dbname")}
        file.write_text(before)
        opened.rows("SELECT pg_reload_conf()")
        opened.commit()
        opened.execute(f"DROP ROLE {ROLE}")
        opened.commit()


def pairs(address, **more):
    return " ".join(f"{key}='{value}'" for key, value in (address | more).items())


def uri(address, password=""):
    login = ROLE + (f":{quote(password, safe='')}" if password else "")
    query = f"host={quote(address['host'], safe='')}&port={address['port']}"
    return f"postgresql://{login}@/{address['dbname']}?{query}"


def connected_user(dsn):
    with connect(dsn) as opened:
        return opened.value("SELECT current_user::text")


def test_password_in_both_forms_of_the_connection_string(address):
    escaped = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    assert connected_user(uri(address, PASSWORD)) == ROLE
    assert connected_user(pairs(address, user=ROLE, password=escaped)) == ROLE
    assert connected_user(f"{uri(address)}&password={quote(PASSWORD, safe='')}") == ROLE


def test_password_from_the_environment(address, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert connected_user(uri(address)) == ROLE


def test_password_from_the_password_file(address, monkeypatch, tmp_path):
    file = tmp_path / "pgpass"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"*:*:*:{ROLE}:{escaped}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert connected_user(uri(address)) == ROLE


def test_password_from_a_service_file(address, monkeypatch, tmp_path):
    file = tmp_path / "services"
    settings = address | {"user": ROLE, "password": PASSWORD}
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    file.write_text(f"[mine]\n{lines}")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert connected_user("service=mine") == ROLE
    with pytest.raises(ConfigError, match="service"):
        connect("service=other")


def everything_shown(error):
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


@pytest.mark.parametrize("form", ["uri", "pairs", "query", "environment"])
def test_wrong_password_is_reported_and_never_shown(address, monkeypatch, form):
    dsn = uri(address)
    if form == "uri":
        dsn = uri(address, WRONG)
    elif form == "pairs":
        dsn = pairs(address, user=ROLE, password=WRONG)
    elif form == "query":
        dsn = f"{uri(address)}&password={WRONG}"
    else:
        monkeypatch.setenv("PGPASSWORD", WRONG)
    with pytest.raises(
        ConfigError, match="the user or the password is wrong"
    ) as caught:
        connect(dsn)
    assert WRONG not in everything_shown(caught.value)


def test_error_for_a_missing_password_names_the_variable(address):
    with pytest.raises(ConfigError, match="PGPASSWORD"):
        connect(uri(address))


def test_password_quoted_by_the_server_is_masked(address):
    with connect(uri(address, PASSWORD)) as opened:
        with pytest.raises(ServerError) as caught:
            opened.rows("SELECT $1::text::int", (PASSWORD,))
        opened.rollback()
    assert caught.value.sqlstate == "22P02"
    assert "***" in str(caught.value)
    assert PASSWORD not in str(caught.value) + caught.value.primary
