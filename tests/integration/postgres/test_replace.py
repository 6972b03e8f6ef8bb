"""A replace takes effect at its end, in one step, or not at all."""

from __future__ import annotations

import os
from contextlib import closing

import polars as pl
import pytest

from propload.errors import WriteError
from propload.postgres.loading import Database
from tests.integration.postgres.writing import (
    counts,
    end,
    make_piece,
    prepared,
    run_record,
    target,
    write,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

OLD = pl.DataFrame({"k": [1, 2], "v": ["a", "b"]})
NEW = pl.DataFrame({"k": [2, 3, 4], "v": ["x", "y", "z"]})
GOAL = target(mode="replace")


def shadows(dsn):
    found = query(
        dsn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'propload_shadow_%'"
    )
    return found[0][0] // 2  # a table and its index


def stored(dsn):
    return query(dsn, "SELECT k, v FROM t ORDER BY k")


def test_the_old_rows_are_there_until_the_end(database, state_dir):
    write(database, target(), state_dir, OLD)
    run_sql(
        database, "CREATE VIEW seen AS SELECT * FROM t", "GRANT SELECT ON t TO PUBLIC"
    )
    with prepared(database, GOAL, NEW, state_dir) as ready:
        with closing(ready.open_writer(0)) as writer:
            done = [
                writer.write(make_piece(NEW, 0, key=("k",))),
                writer.write(make_piece(NEW, 1, key=("k",))),
            ]
        assert stored(database) == OLD.rows()
        end(ready)
    assert counts(done) == [(3, 0, 0, 0), (0, 0, 3, 0)]
    assert stored(database) == NEW.rows()
    assert query(database, "SELECT * FROM seen ORDER BY k") == NEW.rows()
    granted = (
        "SELECT count(*) FROM information_schema.role_table_grants "
        "WHERE table_name = 't' AND grantee = 'PUBLIC'"
    )
    assert query(database, granted) == [(1,)]
    assert shadows(database) == 0


def test_a_failed_run_leaves_the_old_rows_and_its_shadow_goes_with_the_next(
    database, state_dir
):
    write(database, target(), state_dir, OLD)
    with prepared(database, GOAL, NEW, state_dir) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(NEW, 0, key=("k",)))
        end(ready, "failed")
    assert stored(database) == OLD.rows()
    assert shadows(database) == 1
    write(database, GOAL, state_dir, NEW.head(1))
    assert stored(database) == NEW.head(1).rows()
    assert shadows(database) == 0


def test_runs_at_the_same_time_do_not_meet(database, state_dir):
    write(database, target(), state_dir, OLD)
    with prepared(database, GOAL, OLD, state_dir) as one:
        with prepared(database, GOAL, NEW, state_dir) as other:
            for ready, rows in ((one, OLD), (other, NEW)):
                with closing(ready.open_writer(0)) as writer:
                    writer.write(make_piece(rows, key=("k",)))
            end(other)
            assert stored(database) == NEW.rows()
        end(one)
    assert stored(database) == OLD.rows()


def test_a_continued_run_goes_on_with_what_it_had_gathered(database, state_dir):
    write(database, target(), state_dir, OLD)
    run = run_record(GOAL)
    with (
        prepared(database, GOAL, NEW, state_dir, run=run) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(NEW.head(1), 0, key=("k",)))
    with prepared(database, GOAL, NEW, state_dir, run=run) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(NEW.tail(2), 1, key=("k",)))
        end(ready)
    assert stored(database) == NEW.rows()


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


def test_without_a_key_every_row_is_taken(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint, v text, id int GENERATED ALWAYS AS IDENTITY)",
        "INSERT INTO t (k) VALUES (9)",
    )
    keyless = target(key=(), mode="replace")
    write(database, keyless, state_dir, pl.concat([OLD, OLD]))
    assert query(database, "SELECT k, v FROM t ORDER BY id") == [
        *OLD.rows(),
        *OLD.rows(),
    ]


def test_bad_rows_are_refused_while_rows_are_gathered(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE parents (k bigint PRIMARY KEY)",
        "INSERT INTO parents VALUES (2), (3)",
        "CREATE TABLE t (k bigint PRIMARY KEY REFERENCES parents, "
        "v text CHECK (v <> 'x'))",
    )
    [done] = write(database, GOAL, state_dir, NEW)
    assert counts([done]) == [(1, 0, 0, 0)]
    assert set(done.reasons["check"]) == {"t_k_fkey", "t_v_check"}
    assert stored(database) == [(3, "y")]


RULED = """
CREATE TABLE t (
    k bigint PRIMARY KEY, v text CONSTRAINT no_x CHECK (v <> 'x'),
    w int NOT NULL CONSTRAINT only_w UNIQUE DEFERRABLE, u int UNIQUE, a int, b int
)"""


@pytest.mark.parametrize("key", [("k",), ()], ids=["keyed", "keyless"])
def test_refused_rows_name_the_constraints_of_the_table_itself(
    database, state_dir, key
):
    run_sql(
        database,
        RULED,
        "CREATE INDEX plain_ab ON t (a, b)",
        "CREATE UNIQUE INDEX one_ab ON t (a, b)",
        "CREATE UNIQUE INDEX lower_v ON t (lower(v)) WHERE v <> ''",
    )
    rows = [
        (1, "a", 1, 1, 1, 1),
        (2, "A", 2, 2, 2, 2),
        (3, "b", 1, 3, 3, 3),
        (4, "c", 4, 1, 4, 4),
        (5, "d", 5, 5, 1, 1),
        (6, "x", 6, 6, 6, 6),
        (7, "e", None, 7, 7, 7),
    ]
    frame = pl.DataFrame(rows, schema=[*"kvwuab"], orient="row")
    [done] = write(database, target(mode="replace", key=key), state_dir, frame)
    refused = done.reasons.sort("check")
    assert refused["check"].to_list() == [
        *("lower_v", "no_x", "not_null", "one_ab", "only_w", "t_u_key")
    ]
    assert not refused["message"].str.contains("propload").any()
    for check, message in refused.select("check", "message").iter_rows():
        assert f'"{check}"' in message or 'relation "t"' in message
    assert query(database, "SELECT k FROM t") == [(1,)]


@pytest.mark.parametrize("spread", [False, True], ids=["direct", "searched"])
def test_a_row_that_repeats_a_primary_key_names_it(database, state_dir, spread):
    run_sql(database, "CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    frame = pl.DataFrame({"k": [1, 1, 2, *([2] if spread else [])]})
    [done] = write(database, target(mode="replace", key=()), state_dir, frame)
    assert set(done.reasons["check"]) == {"t_pkey"}
    assert all('"t_pkey"' in message for message in done.reasons["message"])
    assert query(database, "SELECT k FROM t ORDER BY k") == [(1,), (2,)]


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "staged"])
@pytest.mark.parametrize("gone", ["SCHEMA propload CASCADE", "TABLE {}"])
def test_gathered_rows_that_are_gone_are_told(database, state_dir, gone, direct):
    write(database, target(), state_dir, OLD)
    with (
        prepared(database, GOAL, NEW, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(NEW, 0, key=("k",)))
        if not direct:
            writer.write(make_piece(NEW, 1, key=("k",)))
        shadow = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND {}"
        named = "relname LIKE 'propload_shadow_%'"
        [(name,)] = query(database, shadow.format(named))
        run_sql(database, f"DROP {gone.format(name)}")
        rows = NEW.with_columns(k=pl.col("k") + (9 if direct else 0))
        told = r"batch 2 into public\.t: the rows .* gathered for public\.t are gone"
        with pytest.raises(WriteError, match=told) as caught:
            writer.write(make_piece(rows, 2, key=("k",)))
    assert not caught.value.goes_on
    assert caught.value.table == "public.t"
    assert stored(database) == OLD.rows()


def test_a_run_that_another_process_replaces_by_is_named(
    database, state_dir, monkeypatch
):
    monkeypatch.setattr("propload.postgres.session.locking.GRACE_SECONDS", 0.1)
    run = run_record(GOAL)
    with (
        prepared(database, GOAL, NEW, state_dir, run=run),
        pytest.raises(WriteError, match=rf"public\.t .*{run.run_id}: wait for its end"),
        prepared(database, GOAL, NEW, state_dir, run=run),
    ):
        pass


def test_gathered_rows_that_are_gone_are_told_before_more_come(database, state_dir):
    write(database, target(), state_dir, OLD)
    run = run_record(GOAL)
    with Database(database, state_dir=state_dir) as opened:
        facts = opened.facts(GOAL.table)
        opened.prepare(GOAL, NEW.schema, facts, run=run)
        run_sql(database, "DROP SCHEMA propload CASCADE")
        with pytest.raises(WriteError, match=r"gathered for public\.t are gone"):
            opened.prepare(GOAL, NEW.schema, facts, run=run)


def test_a_column_that_comes_later_is_taken_along(database, state_dir):
    write(database, target(), state_dir, OLD)
    goal = target(mode="replace", on_new_columns="add")
    wide = pl.DataFrame({"k": [5], "v": ["w"], "z": [7]})
    run = run_record(goal)
    with Database(database, state_dir=state_dir) as opened:
        for number, rows in enumerate([NEW, wide]):
            ready = opened.prepare(goal, rows.schema, opened.facts(goal.table), run=run)
            with closing(ready.open_writer(0)) as writer:
                writer.write(make_piece(rows, number, key=("k",)))
        end(ready)
    found = query(database, "SELECT k, v, z FROM t ORDER BY k")
    assert found == [(*row, None) for row in NEW.rows()] + wide.rows()


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


PARTITIONS = {
    "ranges": ("RANGE (k)", ["FOR VALUES FROM (0) TO (3)"], [2]),
    "a list": ("LIST (v)", ["FOR VALUES IN ('x')", "FOR VALUES IN ('z')"], [2, 4]),
    "hashes": ("HASH (k)", ["FOR VALUES WITH (MODULUS 1, REMAINDER 0)"], [2, 3, 4]),
    "a default": ("RANGE (k)", ["DEFAULT"], [2, 3, 4]),
    "one and the rest": (
        "RANGE (k)",
        ["FOR VALUES FROM (0) TO (3)", "DEFAULT"],
        [2, 3, 4],
    ),
}


@pytest.mark.parametrize("way", PARTITIONS)
def test_a_row_without_a_partition_costs_one_row(database, state_dir, way):
    by, parts, kept = PARTITIONS[way]
    run_sql(
        database,
        f"CREATE TABLE t (k bigint NOT NULL, v text) PARTITION BY {by}",
        *(
            f"CREATE TABLE t{number} PARTITION OF t {part}"
            for number, part in enumerate(parts)
        ),
    )
    (done,) = write(database, target(key=(), mode="replace"), state_dir, NEW)
    assert [k for k, _ in stored(database)] == kept
    assert done.reasons.height == NEW.height - len(kept)
    checks = set(done.reasons["check"])
    assert checks == ({"partition of t"} if done.reasons.height else set())


def test_a_row_of_another_partition_costs_one_row(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE whole (k bigint PRIMARY KEY, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE t PARTITION OF whole FOR VALUES FROM (0) TO (4)",
    )
    (done,) = write(database, GOAL, state_dir, NEW)
    assert stored(database) == NEW.head(2).rows()
    assert done.reasons["check"].to_list() == ["partition of t"]


def test_a_shadow_that_may_not_be_dropped_stops_nothing(database, state_dir):
    role = f"propload_no_heir_{os.getpid()}"
    shadow = "propload.propload_shadow_abandoned"
    write(database, target(), state_dir, OLD)
    run_sql(
        database,
        f"CREATE ROLE {role} LOGIN NOINHERIT",
        f"CREATE ROLE {role}_other",
        f"GRANT {role}_other TO {role}",
        f"CREATE TABLE {shadow} (k bigint)",
        f"ALTER TABLE {shadow} OWNER TO {role}_other",
        f"ALTER TABLE t OWNER TO {role}",
        f"GRANT ALL ON SCHEMA propload, public TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA propload TO {role}",
        f"REVOKE ALL ON {shadow} FROM {role}",
    )
    try:
        login = f"{database}{'&' if '?' in database else '?'}user={role}"
        write(login, GOAL, state_dir, NEW)
        assert stored(database) == NEW.rows()
        assert query(database, f"SELECT count(*) FROM {shadow}") == [(0,)]
    finally:
        run_sql(
            database,
            f"DROP OWNED BY {role}, {role}_other CASCADE",
            f"DROP ROLE {role}, {role}_other",
        )


def test_a_drop_that_the_server_refuses_is_told_in_the_log(database, state_dir, caplog):
    write(database, GOAL, state_dir, OLD)
    shadow = "propload.propload_shadow_abandoned"
    run_sql(
        database,
        f"CREATE TABLE {shadow} (k bigint)",
        # a drop fails while something depends on the table
        f"CREATE VIEW seen AS SELECT * FROM {shadow}",
    )
    write(database, GOAL, state_dir, NEW)
    assert stored(database) == NEW.rows()
    assert "propload_shadow_abandoned of an earlier replace stays" in caplog.text
