"""Which rows a load inserts, updates or leaves alone, and how it counts them."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ORDINAL
from propload.errors import SchemaMismatchError
from propload.postgres.session.connection import connect
from propload.postgres.sql.sessions import set_up
from propload.postgres.sql.stage import STAGE_NAME
from propload.postgres.tables.catalog import describe
from propload.postgres.tables.shaping import shape_of
from propload.postgres.writing.merging import write_stage
from tests.integration.postgres.keyed_rows import frame
from tests.integration.postgres.writing import (
    counts,
    prepared,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql


def test_new_changed_and_unchanged_rows_are_counted_apart(database, state_dir):
    written = write(
        database,
        target_with(),
        state_dir,
        frame([1, 2, 3]),
        frame([1, 2, 3]),
        frame([2, 3, 4, 5], ["b", "a", "c", "d"]),
    )
    assert counts(written) == [(3, 0, 0, 0), (0, 0, 3, 0), (2, 1, 1, 0)]
    stored = query(database, "SELECT k, v FROM t ORDER BY k")
    assert stored == [(1, "a"), (2, "b"), (3, "a"), (4, "c"), (5, "d")]


def test_unchanged_rows_are_not_written(database, state_dir):
    rows = frame(list(range(500)))
    write(database, target_with(), state_dir, rows)
    before = query(database, "SELECT k, xmin::text, ctid::text FROM t ORDER BY k")
    for mode in ("upsert", "insert-new"):
        target = target_with(mode=mode)
        assert counts(write(database, target, state_dir, rows)) == [(0, 0, 500, 0)]
    assert before == query(
        database, "SELECT k, xmin::text, ctid::text FROM t ORDER BY k"
    )


def test_counts_are_right_on_the_fast_path_and_off_it(database, state_dir):
    frames = [
        frame([1, 2]),
        frame([2, 3]),
        *(frame([n, n + 1]) for n in range(10, 30, 2)),
    ]
    written = write(database, target_with(), state_dir, *frames)
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 1, 0), *[(2, 0, 0, 0)] * 10]


def test_merge_probes_the_key_index_of_a_table_analyzed_with_one_row(
    database, state_dir
):
    target = target_with()
    write(database, target, state_dir, frame([0]))
    run_sql(database, "ANALYZE t")
    with connect(database) as other:
        # described in another session, so that this read of the table is not counted
        facts = describe(other, target.table)
    scans = "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables"
    with (
        prepared(database, target, frame([0]), state_dir) as ready,
        connect(database) as session,
    ):
        version = session.server_version
        shape = shape_of(facts, target, ready.plan, version=version)
        for statement in set_up(shape):
            session.execute(statement)
        ordinals = pl.int_range(pl.len(), dtype=pl.Int32).alias(ORDINAL)
        rows = frame(list(range(40)), "b").with_columns(ordinals)
        session.copy(STAGE_NAME, rows, temporary=True)
        merged = write_stage(session, shape, ())
        assert (merged.updated, merged.inserted) == (1, 39)
        read, probed = session.rows(f"{scans} WHERE relname = 't'")[0]
    # a sequential scan, cheapest for one row, would be kept as the plan for any number
    assert (read, probed) == (0, 40)


def test_insert_new_leaves_stored_rows_alone(database, state_dir):
    target = target_with(mode="insert-new")
    written = write(database, target, state_dir, frame([1, 2]), frame([2, 3], "b"))
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 1, 0)]
    assert query(database, "SELECT v FROM t ORDER BY k") == [("a",), ("a",), ("b",)]


def test_append_adds_every_row(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v uuid)")
    target = target_with(key=(), mode="append")
    name = "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11"
    written = write(database, target, state_dir, frame([1, 1], name), frame([1], name))
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 0, 0)]
    assert query(database, "SELECT count(*) FROM t") == [(3,)]


def test_columns_not_sent_keep_their_value_or_take_their_default(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, n int NOT NULL DEFAULT 7, "
        "id int GENERATED ALWAYS AS IDENTITY, "
        "up text GENERATED ALWAYS AS (upper(v)) STORED)",
        "INSERT INTO t (k, v, n) VALUES (1, 'a', 1)",
    )
    written = write(database, target_with(), state_dir, frame([1, 2], "b"))
    assert counts(written) == [(1, 1, 0, 0)]
    stored = query(database, "SELECT k, v, n, id, up FROM t ORDER BY k")
    assert stored[0] == (1, "b", 1, 1, "B")
    assert stored[1][:3] == (2, "b", 7)


def test_new_columns_are_refused_added_or_ignored(database, state_dir):
    write(database, target_with(), state_dir, frame([1]))
    wider = frame([1, 2], w=[1, 2])
    with pytest.raises(SchemaMismatchError, match="w"):
        write(database, target_with(), state_dir, wider)
    ignoring = target_with(on_new_columns="ignore")
    assert counts(write(database, ignoring, state_dir, wider)) == [(1, 0, 1, 0)]
    adding = target_with(on_new_columns="add")
    assert counts(write(database, adding, state_dir, wider)) == [(0, 2, 0, 0)]
    assert query(database, "SELECT w FROM t ORDER BY k") == [(1,), (2,)]
