"""Rows meet stored rows: what is inserted, updated, left alone, and how it counts."""

from __future__ import annotations

import datetime as dt
import threading

import polars as pl
import pytest

from propload.batch import ORDINAL
from propload.errors import SchemaMismatchError, WriteError
from propload.postgres.session.connection import connect
from propload.postgres.sql import merging
from propload.postgres.sql.sessions import set_up
from propload.postgres.tables.reading import describe
from propload.postgres.tables.shaping import shape_of
from propload.postgres.writing.counting import write_stage
from tests.integration.postgres.writing import (
    counts,
    make_piece,
    prepared,
    target,
    write,
)
from tests.integration.reading import query, run_sql

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def frame(keys, values="a", **columns):
    values = [values] * len(keys) if isinstance(values, str) else values
    return pl.DataFrame(
        {"k": keys, "v": values, **columns}, schema_overrides={"v": pl.String}
    )


def test_new_rows_changed_rows_and_the_same_rows_are_told_apart(database, state_dir):
    written = write(
        database,
        target(),
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
    write(database, target(), state_dir, rows)
    before = query(database, "SELECT k, xmin::text, ctid::text FROM t ORDER BY k")
    for mode in ("upsert", "insert-new"):
        goal = target(mode=mode)
        assert counts(write(database, goal, state_dir, rows)) == [(0, 0, 500, 0)]
    assert before == query(
        database, "SELECT k, xmin::text, ctid::text FROM t ORDER BY k"
    )


def test_a_partly_stored_piece_leaves_the_fast_path_and_comes_back(database, state_dir):
    frames = [
        frame([1, 2]),
        frame([2, 3]),
        *(frame([n, n + 1]) for n in range(10, 30, 2)),
    ]
    written = write(database, target(), state_dir, *frames)
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 1, 0), *[(2, 0, 0, 0)] * 10]


def test_a_plan_that_was_made_for_one_row_suits_any_table(database, state_dir):
    goal = target()
    write(database, goal, state_dir, frame([0]))
    run_sql(database, "ANALYZE t")
    with connect(database) as other:
        # a look at the table that the session itself is not counted for
        facts = describe(other, goal.table)
    scans = "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables"
    with (
        prepared(database, goal, frame([0]), state_dir) as ready,
        connect(database) as session,
    ):
        version = session.server_version
        shape = shape_of(facts, goal, ready.plan, version=version)
        for statement in set_up(shape):
            session.execute(statement)
        ordinals = pl.int_range(pl.len(), dtype=pl.Int32).alias(ORDINAL)
        rows = frame(list(range(40)), "b").with_columns(ordinals)
        session.copy(merging.STAGE, rows, temporary=True)
        told = write_stage(session, shape, ())
        assert (told.updated, told.inserted) == (1, 39)
        read, probed = session.rows(f"{scans} WHERE relname = 't'")[0]
    # each row is looked for: one look at all of the table would be kept as the plan
    assert (read, probed) == (0, 40)


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


def test_insert_new_leaves_stored_rows_alone(database, state_dir):
    goal = target(mode="insert-new")
    written = write(database, goal, state_dir, frame([1, 2]), frame([2, 3], "b"))
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 1, 0)]
    assert query(database, "SELECT v FROM t ORDER BY k") == [("a",), ("a",), ("b",)]


def test_append_adds_every_row(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v uuid)")
    goal = target(key=(), mode="append")
    name = "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11"
    written = write(database, goal, state_dir, frame([1, 1], name), frame([1], name))
    assert counts(written) == [(2, 0, 0, 0), (1, 0, 0, 0)]
    assert query(database, "SELECT count(*) FROM t") == [(3,)]


def test_columns_that_do_not_travel_keep_their_value_or_take_their_default(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text, n int NOT NULL DEFAULT 7, "
        "id int GENERATED ALWAYS AS IDENTITY, "
        "up text GENERATED ALWAYS AS (upper(v)) STORED)",
        "INSERT INTO t (k, v, n) VALUES (1, 'a', 1)",
    )
    written = write(database, target(), state_dir, frame([1, 2], "b"))
    assert counts(written) == [(1, 1, 0, 0)]
    stored = query(database, "SELECT k, v, n, id, up FROM t ORDER BY k")
    assert stored[0] == (1, "b", 1, 1, "B")
    assert stored[1][:3] == (2, "b", 7)


def test_types_without_equality_are_compared_as_text(database, state_dir):
    run_sql(
        database, "CREATE TABLE t (k bigint PRIMARY KEY, v json, p point, x point[])"
    )
    rows = frame([1, 2], '{"a": 1}', p=["(1,2)", None], x=['{"(1,2)"}', None])
    changed = rows.with_columns(p=pl.Series(["(1,3)", None]))
    written = write(database, target(), state_dir, rows, rows, changed)
    assert counts(written) == [(2, 0, 0, 0), (0, 0, 2, 0), (0, 1, 1, 0)]


def test_equal_values_of_another_form_are_no_change(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v numeric(8,2), f float8, j jsonb, "
        "c char(5))",
    )
    first = frame([1], "1.50", f=[float("nan")], j=['{"a":1,"b":2}'], c=["ab"])
    again = frame([1], "1.5", f=[float("nan")], j=['{"b": 2, "a": 1}'], c=["ab  "])
    assert counts(write(database, target(), state_dir, first, again)) == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
    ]


@pytest.mark.parametrize("pg_type", ["uuid", "citext", "numeric"])
def test_keys_of_any_type_find_their_rows(database, state_dir, needs, pg_type):
    if pg_type == "citext":
        needs.extensions("citext")
        run_sql(database, "CREATE EXTENSION citext")
    run_sql(database, f"CREATE TABLE t (k {pg_type} PRIMARY KEY, v text)")
    keys = {
        "uuid": [
            "0b5c2ab4-9f3d-4c3e-8a86-6b4a2a0f8f11",
            "0B5C2AB49F3D4C3E8A866B4A2A0F8F11",
        ],
        "citext": ["ab", "AB"],
        "numeric": ["1.0", "1.00"],
    }[pg_type]
    written = write(
        database,
        target(),
        state_dir,
        frame(keys[:1]),
        frame(keys[1:], "b"),
        frame(keys, ["c", "d"]),
    )
    assert counts(written)[:2] == [(1, 0, 0, 0), (0, 1, 0, 0)]
    # both rows of the last piece have the same key to the server: the last one wins
    assert counts(written)[2] == (0, 2, 0, 0)
    assert query(database, "SELECT v FROM t") == [("d",)]


def test_partitioned_tables_count_alike(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)",
    )
    rows = frame([1, 2, 11, 12])
    changed = frame([1, 2, 11, 13], ["b", "a", "b", "a"])
    written = write(database, target(), state_dir, rows, rows, changed)
    assert counts(written) == [(4, 0, 0, 0), (0, 0, 4, 0), (1, 2, 1, 0)]


def test_names_with_quotes_and_reserved_words_are_taken_as_they_are(
    database, state_dir
):
    hostile = "o'; DROP TABLE x; --\" $propload_sift$ \\ %s {}"
    rows = pl.DataFrame({"select": [1, 2], hostile: ["a", "b"]})
    goal = target('my "table"', key=("select",))
    changed = rows.with_columns(pl.lit("c").alias(hostile))
    assert counts(write(database, goal, state_dir, rows, rows, changed)) == [
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
    [done] = write(database, goal, state_dir, bad)
    assert counts([done]) == [(0, 1, 0, 0)]
    assert done.reasons["check"].to_list() == [hostile]


def test_a_trigger_that_skips_a_row_leaves_it_uncounted_as_new(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.v = ''skip'' THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER skip BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip()",
    )
    assert counts(
        write(database, target(), state_dir, frame([1, 2], ["a", "skip"]))
    ) == [(1, 0, 1, 0)]
    assert query(database, "SELECT k FROM t") == [(1,)]


def test_a_rule_is_followed_where_rows_are_added_and_refused_elsewhere(
    database, state_dir
):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE TABLE seen (k bigint)",
        "CREATE RULE note AS ON INSERT TO t DO ALSO INSERT INTO seen VALUES (new.k)",
        "CREATE RULE never AS ON DELETE TO t DO INSTEAD NOTHING",
    )
    for mode in ("upsert", "insert-new", "replace"):
        with pytest.raises(WriteError, match=r"a rule of public\.t rewrites"):
            write(database, target(mode=mode), state_dir, frame([1]))
    write(database, target(mode="append"), state_dir, frame([1, 2]))
    assert query(database, "SELECT k FROM seen ORDER BY k") == [(1,), (2,)]
    run_sql(database, "ALTER TABLE t DISABLE RULE note")
    done = write(database, target(), state_dir, frame([2, 3], "z"))
    assert counts(done) == [(1, 1, 0, 0)]


def test_a_missing_key_constraint_is_refused_with_the_cure(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v text)")
    with pytest.raises(WriteError, match="ADD UNIQUE"):
        write(database, target(), state_dir, frame([1]))


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_rows_of_an_inheriting_table_are_never_touched(database, state_dir, mode):
    run_sql(
        database,
        "CREATE TABLE t (k bigint PRIMARY KEY, v text)",
        "CREATE TABLE u () INHERITS (t)",
        # both stand at the same place of their tables
        "INSERT INTO t VALUES (1, 'a')",
        "INSERT INTO u VALUES (2, 'b')",
    )
    wider = frame([1], ["x"], w=[1])
    with pytest.raises(WriteError, match="inherit"):
        write(database, target(mode=mode, on_new_columns="add"), state_dir, wider)
    assert query(database, "SELECT * FROM t ORDER BY k") == [(1, "a"), (2, "b")]


def test_new_columns_are_refused_added_or_ignored(database, state_dir):
    write(database, target(), state_dir, frame([1]))
    wider = frame([1, 2], w=[1, 2])
    with pytest.raises(SchemaMismatchError, match="w"):
        write(database, target(), state_dir, wider)
    ignoring = target(on_new_columns="ignore")
    assert counts(write(database, ignoring, state_dir, wider)) == [(1, 0, 1, 0)]
    adding = target(on_new_columns="add")
    assert counts(write(database, adding, state_dir, wider)) == [(0, 2, 0, 0)]
    assert query(database, "SELECT w FROM t ORDER BY k") == [(1,), (2,)]


def test_without_the_right_to_temporary_tables_the_message_names_the_grant(
    database, state_dir
):
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
        limited_user(database) as dsn,
        pytest.raises(WriteError, match="GRANT TEMPORARY"),
    ):
        write(dsn, target(), state_dir, frame([1]))


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
    done = []
    with prepared(database, goal, rows, state_dir) as ready, connect(database) as other:
        other.execute(
            "UPDATE t SET v = 'theirs', at = CASE k WHEN 1 THEN at + interval '1 hour' "
            "ELSE at + interval '2 days' END WHERE k < 3"
        )
        writer = ready.open_writer(0)
        piece = make_piece(newer, key=("k",))
        thread = threading.Thread(target=lambda: done.append(writer.write(piece)))
        thread.start()
        wait_until_blocked(database)
        other.commit()
        thread.join()
        writer.close()
    assert counts(done) == [(0, 2, 0, 1)]
    stored = query(database, "SELECT v FROM t ORDER BY k")
    assert stored == [("mine",), ("theirs",), ("mine",)]


def wait_until_blocked(dsn):
    with connect(dsn) as session:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while session.rows(waiting)[0][0] == 0:
            session.rollback()


def limited_user(dsn):
    from contextlib import contextmanager

    from propload.postgres.session.dsn import parse_dsn

    @contextmanager
    def made():
        name = "propload_limited"
        run_sql(dsn, f"CREATE ROLE {name} LOGIN")
        try:
            parts = parse_dsn(dsn) | {"user": name}
            yield " ".join(f"{key}={value}" for key, value in parts.items())
        finally:
            run_sql(dsn, f"DROP OWNED BY {name}", f"DROP ROLE {name}")

    return made()
