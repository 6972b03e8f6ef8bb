"""Environment variables do not affect sessions with a server that propload runs."""

import os
import threading

from propload.postgres.server.address import hide_libpq_env, with_libpq_defaults
from propload.postgres.session.dsn import parse_dsn, resolve_dsn, with_option

URL = "postgresql://postgres@/propload?host=%2Ftmp%2Fx&port=5432&hostaddr="


def test_service_is_hidden_only_while_a_session_opens(monkeypatch):
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    with hide_libpq_env(with_libpq_defaults(URL)):
        assert "PGSERVICE" not in os.environ
    assert os.environ["PGSERVICE"] == "elsewhere"


def test_service_is_not_hidden_from_other_servers(monkeypatch):
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    with hide_libpq_env("host=db.example.org"):
        assert os.environ["PGSERVICE"] == "elsewhere"


def test_options_of_the_environment_are_not_added(
    monkeypatch,
):
    monkeypatch.setenv("PGOPTIONS", "-c no_such_setting=1")
    dsn = with_option(resolve_dsn(with_libpq_defaults(URL)), "-c jit=off")
    assert parse_dsn(dsn)["options"] == "-c jit=off"


def test_service_stays_hidden_until_both_threads_are_done(monkeypatch):
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    inside, go_on = threading.Event(), threading.Event()

    def hide_in_thread():
        with hide_libpq_env(with_libpq_defaults(URL)):
            inside.set()
            go_on.wait(20)

    thread = threading.Thread(target=hide_in_thread)
    thread.start()
    assert inside.wait(20)
    with hide_libpq_env(with_libpq_defaults(URL)):
        go_on.set()
        thread.join(20)
        assert "PGSERVICE" not in os.environ
    assert os.environ["PGSERVICE"] == "elsewhere"
