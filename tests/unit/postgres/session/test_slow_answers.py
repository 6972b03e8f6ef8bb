"""When a session that does not open is reported."""

from __future__ import annotations

from propload.postgres.session.dsn import parse_dsn, resolve_dsn
from propload.postgres.session.slow_answers import SLOW_SECONDS


def test_connect_timeout_ends_before_a_pooler_is_suspected():
    settings = parse_dsn(resolve_dsn("postgresql://db/homes"))
    assert float(settings["connect_timeout"]) < SLOW_SECONDS
