"""A replace takes effect at its end, in one step, or not at all."""

from __future__ import annotations

import os
from contextlib import closing

import polars as pl
import pytest

from propload.errors import WriteError
from propload.postgres.database import Database
from tests.integration.postgres.replacing import GOAL, NEW, OLD, shadows, stored
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
        pytest.raises(
            WriteError, match=rf"public\.t .*{run.run_id}: wait for it to end"
        ),
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
