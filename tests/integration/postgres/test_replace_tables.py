"""Replaces of tables that are referenced, are partitioned or have triggers."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import WriteError
from tests.integration.postgres.replacing import DESTINATION, NEW, OLD, stored
from tests.integration.postgres.writing import (
    end,
    prepared,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_referenced_table_loses_only_the_rows_that_are_not_replaced(
    database, state_dir
):
    write(database, target_with(), state_dir, OLD)
    run_sql(
        database,
        "CREATE TABLE child (k bigint REFERENCES t)",
        "INSERT INTO child VALUES (2)",
    )
    write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == NEW.rows()
    with pytest.raises(WriteError, match=r"public\.t: the new rows do not fit"):
        write(database, DESTINATION, state_dir, OLD.head(1))
    assert stored(database) == NEW.rows()


def test_referenced_table_without_a_unique_key_is_refused_at_once(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, k bigint, v text)",
        "CREATE TABLE child (k bigint REFERENCES t)",
    )
    with (
        pytest.raises(WriteError, match=r"refer to public\.t, .* ADD UNIQUE"),
        prepared(database, DESTINATION, NEW, state_dir),
    ):
        pytest.fail("the table was taken")
    run_sql(database, "ALTER TABLE t ADD UNIQUE (k)")
    write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == NEW.rows()


@pytest.mark.parametrize("referenced", ["t", "t1"])
def test_referenced_partitioned_table_is_replaced(database, state_dir, referenced):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, up bigint REFERENCES t) "
        "PARTITION BY RANGE (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
    )
    write(database, target_with(), state_dir, OLD)
    # a table that only references itself can be emptied
    with prepared(database, DESTINATION, NEW, state_dir) as ready:
        end(ready)
    assert stored(database) == []
    write(database, target_with(), state_dir, OLD)
    run_sql(
        database,
        f"CREATE TABLE child (k bigint REFERENCES {referenced})",
        "INSERT INTO child VALUES (2)",
    )
    write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == NEW.rows()


def test_replace_is_refused_if_a_trigger_drops_new_rows(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    run_sql(
        database,
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.v = ''y'' THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER pass BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pass()",
    )
    with pytest.raises(
        WriteError, match=r"public\.t: a trigger or rule of it dropped 1 of 3 new rows"
    ):
        write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == OLD.rows()
    rest = NEW.filter(pl.col("v") != "y")
    write(database, DESTINATION, state_dir, rest)
    assert stored(database) == rest.rows()


@pytest.mark.parametrize("columns", [["k"], ["k", "v"]])
def test_rows_stored_before_do_not_count_as_dropped_by_a_trigger(
    database, state_dir, columns
):
    write(database, target_with(), state_dir, OLD)
    run_sql(
        database,
        "CREATE TABLE child (k bigint REFERENCES t)",
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER pass BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pass()",
    )
    if columns == ["k"]:
        run_sql(database, "ALTER TABLE t DROP COLUMN v")
    write(database, DESTINATION, state_dir, NEW.select(columns))
    assert query(database, "SELECT k FROM t ORDER BY k") == [(2,), (3,), (4,)]
