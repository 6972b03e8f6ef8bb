"""Keys that are too long for an index are reported before they are loaded."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

#: A text that hardly compresses, so that no server can store it in less space.
LONG = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(100))


def rows(*keys):
    return pl.DataFrame({"at": range(len(keys)), "key": keys, "text": LONG})


@pytest.mark.parametrize("mode", ["upsert", "insert-new", "replace"])
@pytest.mark.parametrize("is_new", [True, False])
def test_key_too_long_for_an_index_is_reported_as_the_load_rejects_it(
    database, mode, is_new
):
    if not is_new:
        run_sql(
            database,
            "CREATE TABLE t (key text CONSTRAINT own PRIMARY KEY, at int, text text)",
            "INSERT INTO t VALUES ('a', 9, '')",
        )
    # repetitive text is compressed, so that an index can hold it
    source = rows("a", LONG, "b", LONG[:2_600], "x" * 100_000, LONG[::-1])
    settings = {"to": database, "table": "t", "key": "key", "mode": mode}
    checked = propload.check(source, **settings)
    loaded = propload.ingest(source, **settings)
    assert checked.rejected == loaded.counts.rejected == 2
    assert {(r.column, r.check, r.rows) for r in checked.reasons} == set(
        loaded.reasons.select("column", "check", "rows").rows()
    )
    if not is_new:
        assert checked.expected == loaded.counts


def test_key_columns_that_together_are_too_long_are_reported(database):
    run_sql(
        database,
        "CREATE TABLE t (text text, key text, at int, PRIMARY KEY (key, text))",
        "CREATE INDEX other ON t (text)",
    )
    source = rows("a", LONG[:1_000]).with_columns(text=pl.lit(LONG[-2_000:]))
    settings = {"to": database, "table": "t", "key": ["text", "key"]}
    checked = propload.check(source, **settings)
    assert checked.expected == propload.ingest(source, **settings).counts
    assert checked.rejected == 1


@pytest.mark.parametrize("settings", [{"mode": "append"}, {"key": "at"}], ids=str)
def test_value_outside_the_key_may_be_long(database, settings):
    run_sql(database, "CREATE TABLE t (at int PRIMARY KEY, key text, text text)")
    settings = {"to": database, "table": "t", **settings}
    checked = propload.check(rows("a", LONG), **settings)
    assert checked.expected == propload.ingest(rows("a", LONG), **settings).counts
    assert checked.rejected == 0
