"""Tables that others point to, of partitions, of triggers: a replace of them."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import WriteError
from tests.integration.postgres.replacing import GOAL, NEW, OLD, stored
from tests.integration.postgres.writing import (
    end,
    prepared,
    target,
    write,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_a_table_that_others_point_to_loses_only_the_rows_that_are_gone(
    database, state_dir
):
    write(database, target(), state_dir, OLD)
    run_sql(
        database,
        "CREATE TABLE child (k bigint REFERENCES t)",
        "INSERT INTO child VALUES (2)",
    )
    write(database, GOAL, state_dir, NEW)
    assert stored(database) == NEW.rows()
    with pytest.raises(WriteError, match=r"public\.t: the new rows do not fit"):
        write(database, GOAL, state_dir, OLD.head(1))
    assert stored(database) == NEW.rows()


def test_a_table_that_others_point_to_needs_a_unique_key_before_a_row_is_read(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, k bigint, v text)",
        "CREATE TABLE child (k bigint REFERENCES t)",
    )
    with (
        pytest.raises(WriteError, match=r"refer to public\.t, .* ADD UNIQUE"),
        prepared(database, GOAL, NEW, state_dir),
    ):
        pytest.fail("the table was taken")
    run_sql(database, "ALTER TABLE t ADD UNIQUE (k)")
    write(database, GOAL, state_dir, NEW)
    assert stored(database) == NEW.rows()


@pytest.mark.parametrize("pointing_to", ["t", "t1"])
def test_a_partitioned_table_that_others_point_to_is_replaced(
    database, state_dir, pointing_to
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, up bigint REFERENCES t) "
        "PARTITION BY RANGE (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
    )
    write(database, target(), state_dir, OLD)
    # a reference of the table to itself lets it be emptied
    with prepared(database, GOAL, NEW, state_dir) as ready:
        end(ready)
    assert stored(database) == []
    write(database, target(), state_dir, OLD)
    run_sql(
        database,
        f"CREATE TABLE child (k bigint REFERENCES {pointing_to})",
        "INSERT INTO child VALUES (2)",
    )
    write(database, GOAL, state_dir, NEW)
    assert stored(database) == NEW.rows()


def test_a_trigger_that_lets_rows_fall_is_told_and_the_old_rows_stay(
    database, state_dir
):
    write(database, target(), state_dir, OLD)
    run_sql(
        database,
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.v = ''y'' THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER pass BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pass()",
    )
    with pytest.raises(
        WriteError, match=r"public\.t: a trigger or rule of it dropped 1 of 3 new rows"
    ):
        write(database, GOAL, state_dir, NEW)
    assert stored(database) == OLD.rows()
    rest = NEW.filter(pl.col("v") != "y")
    write(database, GOAL, state_dir, rest)
    assert stored(database) == rest.rows()


@pytest.mark.parametrize("columns", [["k"], ["k", "v"]])
def test_rows_that_stay_are_no_rows_that_fell(database, state_dir, columns):
    write(database, target(), state_dir, OLD)
    run_sql(
        database,
        "CREATE TABLE child (k bigint REFERENCES t)",
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER pass BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pass()",
    )
    if columns == ["k"]:
        run_sql(database, "ALTER TABLE t DROP COLUMN v")
    write(database, GOAL, state_dir, NEW.select(columns))
    assert query(database, "SELECT k FROM t ORDER BY k") == [(2,), (3,), (4,)]
