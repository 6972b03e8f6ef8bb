"""When it is told that a session does not come."""

from __future__ import annotations

from propload.postgres.session.dsn import parse_dsn, resolve_dsn
from propload.postgres.session.slow_connect import SLOW_SECONDS


def test_a_silent_line_is_given_up_before_a_pooler_is_suspected():
    told = parse_dsn(resolve_dsn("postgresql://db/homes"))
    assert float(told["connect_timeout"]) < SLOW_SECONDS
