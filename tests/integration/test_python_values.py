"""Values of Python: each is stored as what it is, whatever stands beside it."""

from __future__ import annotations

import pytest

import propload
from propload.postgres.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)


def load(dsn, rows, **told):
    return propload.ingest(rows, to=dsn, table="rows", key="id", progress=False, **told)


def make_table(dsn, pg_type):
    run_sql(dsn, f"CREATE TABLE rows (id int PRIMARY KEY, v {pg_type})")


def stored(dsn):
    with connect(dsn) as session:
        return dict(session.rows("SELECT id, v::text FROM rows ORDER BY id"))


@pytest.mark.parametrize("pg_type", [None, "bytea"])
def test_buffers_are_stored_as_their_bytes(database, pg_type):
    if pg_type:
        make_table(database, pg_type)
    values = [memoryview(b"\xde\xad"), bytearray(b"\xbe"), b"\xef", None]
    load(database, [{"id": n, "v": v} for n, v in enumerate(values)])
    assert stored(database) == {0: "\\xdead", 1: "\\xbe", 2: "\\xef", 3: None}
