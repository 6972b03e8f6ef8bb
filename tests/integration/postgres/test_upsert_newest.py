"""Of two versions of a row the newer one stays, whoever brings it when."""

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
    target,
    write,
)
from tests.integration.reading import query, run_sql

PARTITION = "CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0)"


def test_an_older_version_is_stale_and_a_null_is_the_oldest(database, state_dir):
    goal = target(newest="at")
    now = frame([1, 2, 3], at=[DAY] * 3)
    older = frame([1, 2, 3], "old", at=[DAY - dt.timedelta(days=1), None, DAY])
    newer = frame([1, 2, 3], "new", at=[DAY + dt.timedelta(days=1)] * 2 + [None])
    written = write(database, goal, state_dir, now, older, newer)
    # "old" is greater than "a", so it wins where both are of one age
    assert counts(written) == [(3, 0, 0, 0), (0, 1, 0, 2), (0, 2, 0, 1)]
    stored = query(database, "SELECT k, v FROM t ORDER BY k")
    assert stored == [(1, "new"), (2, "new"), (3, "old")]


def test_of_two_versions_of_one_age_the_greater_wins_in_either_order(
    database, state_dir
):
    goal = target(newest="at")
    small, great = (frame([1], v, at=[DAY]) for v in ("a", "b"))
    assert counts(write(database, goal, state_dir, small, great, small)) == [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 1),
    ]
    other = target("u", newest="at")
    write(database, other, state_dir, great, small)
    assert query(database, "SELECT v FROM t") == query(database, "SELECT v FROM u")


def test_layers_are_written_one_after_the_other_in_one_transaction(database, state_dir):
    goal = target(newest="at")
    layers = [frame([1, 2], ["b", "x"], at=[DAY] * 2), frame([1], "c", at=[DAY])]
    with prepared(database, goal, layers[0], state_dir) as ready:
        writer = ready.open_writer(0)
        done = writer.write(make_piece(layers, key=("k",)))
        writer.close()
    assert counts([done]) == [(2, 1, 0, 0)]
    transactions = "SELECT count(DISTINCT xmin::text) FROM t"
    assert query(database, "SELECT v FROM t ORDER BY k") == [("c",), ("x",)]
    assert query(database, transactions) == [(1,)]


def test_a_text_is_newest_by_its_bytes(database, state_dir):
    goal = target(newest="at")
    written = write(
        database, goal, state_dir, frame([1], at=["a"]), frame([1], "b", at=["B"])
    )
    assert counts(written)[1] == (0, 0, 0, 1)


def test_keep_lets_no_null_erase_and_lets_an_older_row_fill(database, state_dir):
    goal = target(newest="at", on_null="keep")
    later, sooner = DAY + dt.timedelta(days=1), DAY - dt.timedelta(days=1)
    written = write(
        database,
        goal,
        state_dir,
        frame([1], "a", at=[DAY], w=pl.Series([None], dtype=pl.Int64)),
        frame([1], [None], at=[later], w=pl.Series([None], dtype=pl.Int64)),
        frame([1], "old", at=[sooner], w=[7]),
        frame([1], "old", at=[sooner], w=[8]),
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


def test_keep_spares_a_stored_value_of_a_column_that_takes_no_null(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text NOT NULL, w text)")
    goal = target(on_null="keep")
    first = frame([1], "a", w=["x"])
    [_, done] = write(
        database, goal, state_dir, first, frame([1, 2], [None, None], w=["y", "y"])
    )
    assert counts([done]) == [(0, 1, 0, 0)]
    assert done.reasons.select("column", "check").rows() == [("v", "not_null")]
    assert query(database, "SELECT v, w FROM t") == [("a", "y")]


@pytest.mark.timeout(60)
def test_sessions_that_load_the_same_keys_at_once_count_each_row_once(
    database, state_dir
):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text, at timestamptz)")
    goal = target(newest="at")
    at = [DAY] * 400
    pieces = [frame(list(range(n * 100, n * 100 + 400)), at=at) for n in range(6)]
    totals, errors = [], []

    def load():
        try:
            totals.extend(counts(write(database, goal, state_dir, *pieces)))
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
def test_a_row_that_another_session_changes_meanwhile_is_judged_again(
    database, state_dir
):
    goal = target(newest="at")
    rows = frame([1, 2, 3], at=[DAY] * 3)
    write(database, goal, state_dir, rows)
    newer = rows.with_columns(
        pl.lit("mine").alias("v"), at=pl.lit(DAY + dt.timedelta(days=1))
    )
    done = write_beside(
        database,
        goal,
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
def test_what_another_session_has_brought_meanwhile_is_unchanged(
    database, state_dir, partitioned
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, w text, at timestamptz)"
        f"{partitioned}",
        *([PARTITION] if partitioned else []),
    )
    goal = target(newest="at", on_null="keep")
    write(database, goal, state_dir, frame([1], w=["known"], at=[DAY]))
    sparse = frame([1], "b", w=[None], at=[DAY + dt.timedelta(days=1)])
    theirs = "UPDATE t SET v = 'b', at = at + interval '1 day'"
    done = write_beside(database, goal, state_dir, sparse, theirs)
    assert counts(done) == [(0, 0, 1, 0)]
    assert query(database, "SELECT v, w FROM t") == [("b", "known")]


def write_beside(dsn, goal, state_dir, rows, statement):
    """Write rows that meet what another session changes, and commits meanwhile."""
    done = []
    with prepared(dsn, goal, rows, state_dir) as ready, connect(dsn) as other:
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
