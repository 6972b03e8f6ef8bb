"""Upserts into partitioned and inherited tables, with triggers, rules or odd names."""

from __future__ import annotations

import polars as pl
import pytest

from propload.errors import WriteError
from tests.integration.postgres.keyed_rows import frame
from tests.integration.postgres.writing import (
    counts,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql
from tests.integration.users import new_user


def test_partitioned_tables_give_the_same_counts(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)",
    )
    rows = frame([1, 2, 11, 12])
    changed = frame([1, 2, 11, 13], ["b", "a", "b", "a"])
    written = write(database, target_with(), state_dir, rows, rows, changed)
    assert counts(written) == [(4, 0, 0, 0), (0, 0, 4, 0), (1, 2, 1, 0)]


def test_names_with_quotes_and_reserved_words_work(database, state_dir):
    hostile = "o'; DROP TABLE x; --\" $propload_sift$ \\ %s {}"
    rows = pl.DataFrame({"select": [1, 2], hostile: ["a", "b"]})
    target = target_with('my "table"', key=("select",))
    changed = rows.with_columns(pl.lit("c").alias(hostile))
    assert counts(write(database, target, state_dir, rows, rows, changed)) == [
        (2, 0, 0, 0),
        (0, 0, 2, 0),
        (0, 2, 0, 0),
    ]
    quoted = 'public."my ""table"""'
    column = hostile.replace('"', '""')
    check = (
        f'ALTER TABLE {quoted} ADD CONSTRAINT "{column}" CHECK ("{column}" <> \'bad\')'
    )
    run_sql(database, check)
    bad = rows.with_columns(pl.Series(hostile, ["bad", "d"]))
    [done] = write(database, target, state_dir, bad)
    assert counts([done]) == [(0, 1, 0, 0)]
    assert done.reasons["check"].to_list() == [hostile]


def test_row_skipped_by_a_trigger_counts_as_unchanged(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.v = ''skip'' THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER skip BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip()",
    )
    assert counts(
        write(database, target_with(), state_dir, frame([1, 2], ["a", "skip"]))
    ) == [(1, 0, 1, 0)]
    assert query(database, "SELECT k FROM t") == [(1,)]


def test_rule_is_allowed_for_append_and_refused_for_other_modes(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE TABLE seen (k bigint)",
        "CREATE RULE note AS ON INSERT TO t DO ALSO INSERT INTO seen VALUES (new.k)",
        "CREATE RULE never AS ON DELETE TO t DO INSTEAD NOTHING",
    )
    for mode in ("upsert", "insert-new", "replace"):
        with pytest.raises(WriteError, match=r"a rule of public\.t rewrites"):
            write(database, target_with(mode=mode), state_dir, frame([1]))
    write(database, target_with(mode="append"), state_dir, frame([1, 2]))
    assert query(database, "SELECT k FROM seen ORDER BY k") == [(1,), (2,)]
    run_sql(database, "ALTER TABLE t DISABLE RULE note")
    done = write(database, target_with(), state_dir, frame([2, 3], "z"))
    assert counts(done) == [(1, 1, 0, 0)]


def test_missing_key_constraint_is_refused_with_the_remedy(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    with pytest.raises(WriteError, match="ADD UNIQUE"):
        write(database, target_with(), state_dir, frame([1]))


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_rows_of_an_inheriting_table_are_never_touched(database, state_dir, mode):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE TABLE u () INHERITS (t)",
        # both rows are at the same place (ctid) of their tables
        "INSERT INTO t VALUES (1, 'a')",
        "INSERT INTO u VALUES (2, 'b')",
    )
    wider = frame([1], ["x"], w=[1])
    with pytest.raises(WriteError, match="inherit"):
        write(database, target_with(mode=mode, on_new_columns="add"), state_dir, wider)
    assert query(database, "SELECT * FROM t ORDER BY k") == [(1, "a"), (2, "b")]


def test_error_without_the_temporary_privilege_names_the_grant(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'a')",
        "GRANT SELECT, INSERT, UPDATE ON t TO PUBLIC",
        "REVOKE ALL ON DATABASE "
        + query(database, "SELECT current_database()")[0][0]
        + " FROM PUBLIC",
        "GRANT CONNECT ON DATABASE "
        + query(database, "SELECT current_database()")[0][0]
        + " TO PUBLIC",
    )
    with (
        new_user(database, "propload_limited") as dsn,
        pytest.raises(WriteError, match="GRANT TEMPORARY"),
    ):
        write(dsn, target_with(), state_dir, frame([1]))
