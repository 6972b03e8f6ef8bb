"""Keys that are longer than an index can hold are told before they are loaded."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

import propload
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(120)

#: Hardly any server can make these shorter.
LONG = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(100))


def rows(*keys):
    return pl.DataFrame({"at": range(len(keys)), "key": keys, "text": LONG})


@pytest.mark.parametrize("mode", ["upsert", "insert-new", "replace"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_key_that_no_index_holds_is_told_as_the_load_rejects_it(
    database, mode, is_new
):
    if not is_new:
        run_sql(
            database,
            "CREATE TABLE t (key text CONSTRAINT own PRIMARY KEY, at int, text text)",
            "INSERT INTO t VALUES ('a', 9, '')",
        )
    # what repeats is made shorter, so that an index holds it
    given = rows("a", LONG, "b", LONG[:2_600], "x" * 100_000, LONG[::-1])
    told = {"to": database, "table": "t", "key": "key", "mode": mode}
    said = propload.check(given, **told)
    done = propload.ingest(given, **told)
    assert said.rejected == done.counts.rejected == 2
    assert {(r.column, r.check, r.rows) for r in said.reasons} == set(
        done.reasons.select("column", "check", "rows").rows()
    )
    if not is_new:
        assert said.expected == done.counts


def test_values_that_together_are_too_long_are_told(database):
    run_sql(
        database,
        "CREATE TABLE t (text text, key text, at int, PRIMARY KEY (key, text))",
        "CREATE INDEX other ON t (text)",
    )
    given = rows("a", LONG[:1_000]).with_columns(text=pl.lit(LONG[-2_000:]))
    told = {"to": database, "table": "t", "key": ["text", "key"]}
    said = propload.check(given, **told)
    assert said.expected == propload.ingest(given, **told).counts
    assert said.rejected == 1


@pytest.mark.parametrize("told", [{"mode": "append"}, {"key": "at"}], ids=str)
def test_what_no_key_holds_may_be_long(database, told):
    run_sql(database, "CREATE TABLE t (at int PRIMARY KEY, key text, text text)")
    told = {"to": database, "table": "t", **told}
    said = propload.check(rows("a", LONG), **told)
    assert said.expected == propload.ingest(rows("a", LONG), **told).counts
    assert said.rejected == 0
