"""Passwords come from where libpq looks for them, and show nowhere."""

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
def place(module_database):
    """Make a user who needs a password. Value: where to connect, without it."""
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
        asked = f"local all {ROLE} scram-sha-256\nhost all {ROLE} all scram-sha-256\n"
        file.write_text(asked + before)
        opened.rows("SELECT pg_reload_conf()")
        opened.commit()
        yield {name: settings[name] for name in ("host", "port", "dbname")}
        file.write_text(before)
        opened.rows("SELECT pg_reload_conf()")
        opened.commit()
        opened.execute(f"DROP ROLE {ROLE}")
        opened.commit()


def pairs(place, **more):
    return " ".join(f"{key}='{value}'" for key, value in (place | more).items())


def uri(place, password=""):
    login = ROLE + (f":{quote(password, safe='')}" if password else "")
    query = f"host={quote(place['host'], safe='')}&port={place['port']}"
    return f"postgresql://{login}@/{place['dbname']}?{query}"


def who(dsn):
    with connect(dsn) as opened:
        return opened.value("SELECT current_user::text")


def test_passwords_in_both_forms_of_the_string(place):
    escaped = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    assert who(uri(place, PASSWORD)) == ROLE
    assert who(pairs(place, user=ROLE, password=escaped)) == ROLE
    assert who(f"{uri(place)}&password={quote(PASSWORD, safe='')}") == ROLE


def test_password_from_the_environment(place, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert who(uri(place)) == ROLE


def test_password_from_the_password_file(place, monkeypatch, tmp_path):
    file = tmp_path / "pgpass"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"*:*:*:{ROLE}:{escaped}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert who(uri(place)) == ROLE


def test_password_from_a_service_file(place, monkeypatch, tmp_path):
    file = tmp_path / "services"
    settings = place | {"user": ROLE, "password": PASSWORD}
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    file.write_text(f"[mine]\n{lines}")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert who("service=mine") == ROLE
    with pytest.raises(ConfigError, match="service"):
        connect("service=other")


def everything_shown(error):
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


@pytest.mark.parametrize("form", ["uri", "pairs", "query", "environment"])
def test_a_wrong_password_is_told_and_never_shown(place, monkeypatch, form):
    dsn = uri(place)
    if form == "uri":
        dsn = uri(place, WRONG)
    elif form == "pairs":
        dsn = pairs(place, user=ROLE, password=WRONG)
    elif form == "query":
        dsn = f"{uri(place)}&password={WRONG}"
    else:
        monkeypatch.setenv("PGPASSWORD", WRONG)
    with pytest.raises(
        ConfigError, match="the user or the password is wrong"
    ) as caught:
        connect(dsn)
    assert WRONG not in everything_shown(caught.value)


def test_no_password_at_all_is_told(place):
    with pytest.raises(ConfigError, match="PGPASSWORD"):
        connect(uri(place))


def test_a_server_message_that_quotes_the_password_is_masked(place):
    with connect(uri(place, PASSWORD)) as opened:
        with pytest.raises(ServerError) as caught:
            opened.rows("SELECT $1::text::int", (PASSWORD,))
        opened.rollback()
    assert caught.value.sqlstate == "22P02"
    assert "***" in str(caught.value)
    assert PASSWORD not in str(caught.value) + caught.value.primary
