"""Of two versions of a row the newer one is kept, in whatever order they arrive."""

from __future__ import annotations

import datetime as dt
import threading

import polars as pl
import pytest

from propload.postgres.session.connection import connect
from tests.integration.postgres.keyed_rows import DAY, frame
from tests.integration.postgres.writing import (
    counts,
    make_piece,
    prepared,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql

PARTITION = "CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0)"


def test_older_version_is_stale_and_null_counts_as_oldest(database, state_dir):
    target = target_with(newest="at")
    current = frame([1, 2, 3], at=[DAY] * 3)
    older = frame([1, 2, 3], "old", at=[DAY - dt.timedelta(days=1), None, DAY])
    newer = frame([1, 2, 3], "new", at=[DAY + dt.timedelta(days=1)] * 2 + [None])
    written = write(database, target, state_dir, current, older, newer)
    # "old" is greater than "a", so it wins between rows of the same age
    assert counts(written) == [(3, 0, 0, 0), (0, 1, 0, 2), (0, 2, 0, 1)]
    stored = query(database, "SELECT k, v FROM t ORDER BY k")
    assert stored == [(1, "new"), (2, "new"), (3, "old")]


def test_greater_of_two_equally_old_versions_wins_in_either_order(database, state_dir):
    target = target_with(newest="at")
    small, great = (frame([1], v, at=[DAY]) for v in ("a", "b"))
    assert counts(write(database, target, state_dir, small, great, small)) == [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 1),
    ]
    other = target_with("u", newest="at")
    write(database, other, state_dir, great, small)
    assert query(database, "SELECT v FROM t") == query(database, "SELECT v FROM u")


def test_layers_are_written_in_order_within_one_transaction(database, state_dir):
    target = target_with(newest="at")
    layers = [frame([1, 2], ["b", "x"], at=[DAY] * 2), frame([1], "c", at=[DAY])]
    with prepared(database, target, layers[0], state_dir) as ready:
        writer = ready.open_writer(0)
        done = writer.write(make_piece(layers, key=("k",)))
        writer.close()
    assert counts([done]) == [(2, 1, 0, 0)]
    transactions = "SELECT count(DISTINCT xmin::text) FROM t"
    assert query(database, "SELECT v FROM t ORDER BY k") == [("c",), ("x",)]
    assert query(database, transactions) == [(1,)]


def test_newest_text_is_found_by_comparing_bytes(database, state_dir):
    target = target_with(newest="at")
    written = write(
        database, target, state_dir, frame([1], at=["a"]), frame([1], "b", at=["B"])
    )
    assert counts(written)[1] == (0, 0, 0, 1)


def test_keep_ignores_nulls_and_lets_an_older_row_fill_gaps(database, state_dir):
    target = target_with(newest="at", on_null="keep")
    later, earlier = DAY + dt.timedelta(days=1), DAY - dt.timedelta(days=1)
    written = write(
        database,
        target,
        state_dir,
        frame([1], "a", at=[DAY], w=pl.Series([None], dtype=pl.Int64)),
        frame([1], [None], at=[later], w=pl.Series([None], dtype=pl.Int64)),
        frame([1], "old", at=[earlier], w=[7]),
        frame([1], "old", at=[earlier], w=[8]),
        frame([1], [None], at=[later], w=pl.Series([None], dtype=pl.Int64)),
    )
    assert counts(written) == [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 1),
        (0, 0, 1, 0),
    ]
    assert query(database, "SELECT v, w, at FROM t") == [("a", 7, later)]


def test_keep_preserves_the_stored_value_of_a_not_null_column(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text NOT NULL, w text)")
    target = target_with(on_null="keep")
    first = frame([1], "a", w=["x"])
    [_, done] = write(
        database, target, state_dir, first, frame([1, 2], [None, None], w=["y", "y"])
    )
    assert counts([done]) == [(0, 1, 0, 0)]
    assert done.reasons.select("column", "check").rows() == [("v", "not_null")]
    assert query(database, "SELECT v, w FROM t") == [("a", "y")]


@pytest.mark.timeout(60)
def test_concurrent_loads_of_the_same_keys_count_each_row_once(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text, at timestamptz)")
    target = target_with(newest="at")
    at = [DAY] * 400
    pieces = [frame(list(range(n * 100, n * 100 + 400)), at=at) for n in range(6)]
    totals, errors = [], []

    def load():
        try:
            totals.extend(counts(write(database, target, state_dir, *pieces)))
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    inserted, updated, unchanged, stale = map(sum, zip(*totals, strict=True))
    assert (inserted, updated, stale) == (900, 0, 0)
    assert unchanged == 4 * 6 * 400 - 900


@pytest.mark.timeout(60)
def test_row_changed_by_another_session_meanwhile_is_compared_again(
    database, state_dir
):
    target = target_with(newest="at")
    rows = frame([1, 2, 3], at=[DAY] * 3)
    write(database, target, state_dir, rows)
    newer = rows.with_columns(
        pl.lit("mine").alias("v"), at=pl.lit(DAY + dt.timedelta(days=1))
    )
    done = write_while_changed(
        database,
        target,
        state_dir,
        newer,
        "UPDATE t SET v = 'theirs', at = CASE k WHEN 1 THEN at + interval '1 hour' "
        "ELSE at + interval '2 days' END WHERE k < 3",
    )
    assert counts(done) == [(0, 2, 0, 1)]
    stored = query(database, "SELECT v FROM t ORDER BY k")
    assert stored == [("mine",), ("theirs",), ("mine",)]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("partitioned", ["", " PARTITION BY HASH (k)"], ids=["-", "p"])
def test_row_that_another_session_made_equal_meanwhile_is_unchanged(
    database, state_dir, partitioned
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, w text, at timestamptz)"
        f"{partitioned}",
        *([PARTITION] if partitioned else []),
    )
    target = target_with(newest="at", on_null="keep")
    write(database, target, state_dir, frame([1], w=["known"], at=[DAY]))
    sparse = frame([1], "b", w=[None], at=[DAY + dt.timedelta(days=1)])
    their_update = "UPDATE t SET v = 'b', at = at + interval '1 day'"
    done = write_while_changed(database, target, state_dir, sparse, their_update)
    assert counts(done) == [(0, 0, 1, 0)]
    assert query(database, "SELECT v, w FROM t") == [("b", "known")]


def write_while_changed(dsn, target, state_dir, rows, statement):
    """Write rows while another session changes the stored ones, then commits."""
    done = []
    with prepared(dsn, target, rows, state_dir) as ready, connect(dsn) as other:
        other.execute(statement)
        writer, piece = ready.open_writer(0), make_piece(rows, key=("k",))
        thread = threading.Thread(target=lambda: done.append(writer.write(piece)))
        thread.start()
        wait_until_blocked(dsn)
        other.commit()
        thread.join()
        writer.close()
    return done


def wait_until_blocked(dsn):
    with connect(dsn) as session:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while session.value(waiting) == 0:
            session.rollback()
