from __future__ import annotations

import pytest

from propload.errors import ConfigError
from propload.postgres.session.dsn import (
    describe_dsn,
    hide_secrets,
    mask,
    parse_dsn,
    resolve_dsn,
    with_option,
)
from propload.postgres.session.group import SessionGroup
from propload.postgres.session.lost_sessions import LostSessions

SECRET = "s3cr3tpw"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (f"postgresql://u:{SECRET}@h:5/d", "postgresql://u:***@h:5/d"),
        (f"postgres://u:{SECRET}@h/d?port=5", "postgres://u:***@h/d?port=5"),
        (
            f"postgresql://h/d?pasword={SECRET}&port=5",
            "postgresql://h/d?pasword=***&port=5",
        ),
        (
            f"postgresql://h/d?scram_client_key={SECRET}",
            "postgresql://h/d?scram_client_key=***",
        ),
        (f"postgresql://h/d?password=x&{SECRET}", "postgresql://h/d?password=***&***"),
        (f"host=h scram_server_key={SECRET}", "host=h scram_server_key=***"),
        (f"postgresql://u@h/d?password={SECRET}", "postgresql://u@h/d?password=***"),
        (f"postgresql://u:x@{SECRET}@h/d", "postgresql://u:***@h/d"),
        (f"postgresql://u:x/{SECRET}@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        (f"host=h password={SECRET} user=u", "host=h password=*** user=u"),
        (f"host=h password = '{SECRET} x\\'y'", "host=h password=***"),
        (f"host=h sslpassword={SECRET}", "host=h sslpassword=***"),
        ("host='a b' dbname=d", "host='a b' dbname=d"),
        (f"host=h password={SECRET} and more", "***"),
        (f"host=h password=x y={SECRET}", "***"),
        (SECRET, "***"),
        (f"host=h;password={SECRET}", "***"),
        (f"postgresql://h/d&password={SECRET}", "postgresql://h/d&password=***"),
    ],
)
def test_mask_hides_passwords_and_nothing_else(dsn, shown):
    assert mask(dsn) == shown


def test_hide_secrets_covers_encoded_and_plain_forms(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    dsn = "postgresql://u:p%40ss%20word@h/d"
    text = "p%40ss%20word and p@ss word and from-outside"
    assert hide_secrets(text, dsn) == "*** and *** and ***"


@pytest.mark.parametrize(
    ("dsn", "settings"),
    [
        (
            "postgresql://u:p%40@h:5433/d%20b?sslmode=require",
            {
                "user": "u",
                "password": "p@",
                "host": "h",
                "port": "5433",
                "dbname": "d b",
                "sslmode": "require",
            },
        ),
        ("postgresql:///d?host=/run/x", {"dbname": "d", "host": "/run/x"}),
        ("postgresql://u@/d?host=%2Frun", {"user": "u", "dbname": "d", "host": "/run"}),
        ("postgresql://", {}),
        ("postgresql://h?dbname=x", {"host": "h", "dbname": "x"}),
        ("postgresql://[::1]:5432/d", {"host": "::1", "port": "5432", "dbname": "d"}),
        ("postgresql://a:1,b:2/d", {"host": "a,b", "port": "1,2", "dbname": "d"}),
        (
            "host=h password='a\\'b c' dbname=d",
            {"host": "h", "password": "a'b c", "dbname": "d"},
        ),
        ("service=mine", {"service": "mine"}),
    ],
)
def test_parse_dsn_reads_both_forms(dsn, settings):
    assert parse_dsn(dsn) == settings


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://u:{SECRET}@x@h/d",
        f"postgresql://u:{SECRET}/x@h/d",
        f"postgresql://u:{SECRET}%zz@h/d",
        f"postgresql://u:{SECRET} x@h/d",
        f"postgresql://u:x@{SECRET}?x@h/d",
        f"host=h password='{SECRET}",
        f"host=h password={SECRET} loose",
        SECRET,
        # syntax of other drivers: libpq would take all of it for the host or database
        f"host=h;port=5432;Password={SECRET}",
        f"host=h dbname=d,pwd={SECRET}",
        f"postgresql://u@h/d&password={SECRET}",
        f"postgresql://u@h/d;password={SECRET}",
        f"postgresql://h/d?user=u;password={SECRET}",
        f"postgresql://u;password={SECRET}@h/d",
        # libpq would quote what it cannot decode, before it looks at the name
        f"postgresql://h/d?password={SECRET}%x",
        f"postgresql://h/d?pasword={SECRET}%x",
        f"postgresql://h/d?password={SECRET}%00",
        f"postgresql://h/d?password=x&{SECRET}",
    ],
)
def test_unreadable_connection_string_is_refused_without_quoting_it(dsn):
    with pytest.raises(ConfigError, match=r"cannot be read|not given as") as caught:
        resolve_dsn(dsn)
    assert SECRET not in str(caught.value) + describe_dsn(dsn) + mask(dsn)


@pytest.mark.parametrize(
    "dsn",
    [f"host=h password=a;pwd={SECRET}", f"postgresql://u:a;pwd={SECRET}@h/d"],
)
def test_password_may_look_like_a_setting(dsn):
    assert parse_dsn(dsn)["password"] == f"a;pwd={SECRET}"


@pytest.mark.parametrize("dsn", ["postgresql://h/d", "host=h dbname=d"])
def test_blanks_around_a_connection_string_are_ignored(dsn):
    assert resolve_dsn(f" {dsn}\n") == resolve_dsn(dsn)


@pytest.mark.parametrize("query", ["", "?sslmode=require"])
def test_driver_in_the_scheme_is_refused(query):
    with pytest.raises(ConfigError, match=r"leave \+psycopg2 out") as caught:
        resolve_dsn(f"postgresql+psycopg2://u:{SECRET}@h/d{query}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("query", ["", "?sslmode=require"])
def test_scheme_of_another_program_is_refused(query):
    with pytest.raises(ConfigError, match="write postgresql://USER@HOST") as caught:
        resolve_dsn(f"postgis://u:{SECRET}@h/d{query}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("dsn", ["postgresql://u:***@h/d", "host=h password=***"])
def test_password_that_was_hidden_is_refused(dsn):
    with pytest.raises(ConfigError, match="hide_password=False"):
        resolve_dsn(dsn)


def test_resolve_dsn_adds_a_timeout_only_if_none_is_set(monkeypatch):
    assert "connect_timeout=10" in resolve_dsn("postgresql://h/d")
    assert "connect_timeout=10" in resolve_dsn("host=h")
    assert "connect_timeout=3" in resolve_dsn("postgresql://h/d?connect_timeout=3")
    assert resolve_dsn("postgresql://h/d?connect_timeout=3").count("timeout=") == 2
    assert resolve_dsn("service=mine") == "service=mine"
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    assert "connect_timeout" not in resolve_dsn("host=h")


@pytest.mark.parametrize("dsn", ["postgresql:///d", "dbname=d", "host='' port=5432"])
def test_missing_host_becomes_the_socket_of_packaged_servers(
    dsn, monkeypatch, tmp_path
):
    monkeypatch.setattr("propload.postgres.session.dsn._SOCKETS", tmp_path)
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert not parse_dsn(resolve_dsn(dsn)).get("host")
    (tmp_path / ".s.PGSQL.5432").touch()
    assert parse_dsn(resolve_dsn(dsn))["host"] == str(tmp_path)
    monkeypatch.setenv("PGHOST", "db")
    assert not parse_dsn(resolve_dsn(dsn)).get("host")


@pytest.mark.parametrize("dsn", ["hostaddr=10.0.0.1", "postgresql://h/d", "port=5433"])
def test_given_host_or_port_is_kept(dsn, monkeypatch, tmp_path):
    monkeypatch.setattr("propload.postgres.session.dsn._SOCKETS", tmp_path)
    monkeypatch.delenv("PGHOST", raising=False)
    (tmp_path / ".s.PGSQL.5432").touch()
    assert str(tmp_path) not in resolve_dsn(dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://h/d",
        "postgresql://h/d?options=-c%20jit%3Doff",
        "host=h",
        "host=h options='-c jit=off'",
    ],
)
def test_option_is_added_to_those_already_set(dsn, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c jit=off")
    found = parse_dsn(with_option(dsn, "-c a=b"))
    assert found == {**parse_dsn(dsn), "options": "-c jit=off -c a=b"}


@pytest.mark.parametrize("dsn", ["postgresql://u:pw@h/d", "host=h password=pw"])
def test_no_completed_string_shows_its_password_in_a_debugger(dsn):
    complete = resolve_dsn(dsn)
    for text in (complete, with_option(complete, "-c jit=off"), resolve_dsn(complete)):
        assert "pw" in text
        assert repr(text) == "'***'"
        assert "pw" not in repr(SessionGroup(text, "propload", LostSessions()))


def test_describe_dsn_shows_host_and_database_or_service(monkeypatch):
    assert describe_dsn(f"postgresql://u:{SECRET}@h:5/d") == "h:5/d"
    assert describe_dsn("service=mine") == "service mine"
    assert describe_dsn(f"{SECRET} nonsense") == "***"
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGDATABASE", "base")
    assert describe_dsn("postgresql://") == "elsewhere/base"
    # for libpq, the service takes precedence over the other variables
    monkeypatch.setenv("PGSERVICE", "mine")
    assert describe_dsn("postgresql://") == "service mine"
    assert describe_dsn("postgresql://h/d") == "h/d"
