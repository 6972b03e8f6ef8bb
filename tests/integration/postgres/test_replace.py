"""A replace takes effect at its end, in one step, or not at all."""

from __future__ import annotations

import os
from contextlib import closing

import polars as pl
import pytest

from propload.errors import WriteError
from propload.postgres.database import Database
from tests.integration.postgres.replacing import (
    DESTINATION,
    NEW,
    OLD,
    shadow_count,
    stored,
)
from tests.integration.postgres.writing import (
    counts,
    end,
    make_piece,
    prepared,
    run_record,
    target_with,
    write,
)
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)


def test_old_rows_stay_visible_until_the_replace_ends(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    run_sql(
        database, "CREATE VIEW seen AS SELECT * FROM t", "GRANT SELECT ON t TO PUBLIC"
    )
    with prepared(database, DESTINATION, NEW, state_dir) as ready:
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
    assert shadow_count(database) == 0


def test_failed_replace_keeps_old_rows_and_the_next_drops_its_shadow(
    database, state_dir, caplog
):
    write(database, target_with(), state_dir, OLD)
    with prepared(database, DESTINATION, NEW, state_dir) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(NEW, 0, key=("k",)))
        end(ready, "failed")
    assert stored(database) == OLD.rows()
    assert shadow_count(database) == 1
    assert "can no longer be resumed" not in caplog.text
    write(database, DESTINATION, state_dir, NEW.head(1))
    assert stored(database) == NEW.head(1).rows()
    assert shadow_count(database) == 0
    assert "t: what the unfinished replace" in caplog.text
    assert "is dropped, so it can no longer be resumed" in caplog.text


def test_concurrent_replaces_do_not_mix_their_rows(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    with prepared(database, DESTINATION, OLD, state_dir) as one:
        with prepared(database, DESTINATION, NEW, state_dir) as other:
            for ready, rows in ((one, OLD), (other, NEW)):
                with closing(ready.open_writer(0)) as writer:
                    writer.write(make_piece(rows, key=("k",)))
            end(other)
            assert stored(database) == NEW.rows()
        end(one)
    assert stored(database) == OLD.rows()


def test_continued_replace_keeps_the_rows_gathered_before(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    run = run_record(DESTINATION)
    with (
        prepared(database, DESTINATION, NEW, state_dir, run=run) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(NEW.head(1), 0, key=("k",)))
    with prepared(database, DESTINATION, NEW, state_dir, run=run) as ready:
        with closing(ready.open_writer(0)) as writer:
            writer.write(make_piece(NEW.tail(2), 1, key=("k",)))
        end(ready)
    assert stored(database) == NEW.rows()


def test_replace_without_a_key_stores_every_row(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE t (k bigint, v text, id int GENERATED ALWAYS AS IDENTITY)",
        "INSERT INTO t (k) VALUES (9)",
    )
    keyless = target_with(key=(), mode="replace")
    write(database, keyless, state_dir, pl.concat([OLD, OLD]))
    assert query(database, "SELECT k, v FROM t ORDER BY id") == [
        *OLD.rows(),
        *OLD.rows(),
    ]


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "staged"])
@pytest.mark.parametrize("dropped", ["SCHEMA propload CASCADE", "TABLE {}"])
def test_write_fails_if_the_gathered_rows_are_gone(
    database, state_dir, dropped, direct
):
    write(database, target_with(), state_dir, OLD)
    with (
        prepared(database, DESTINATION, NEW, state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        writer.write(make_piece(NEW, 0, key=("k",)))
        if not direct:
            writer.write(make_piece(NEW, 1, key=("k",)))
        find_table = (
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND {}"
        )
        is_shadow = "relname LIKE 'propload_shadow_%'"
        [(name,)] = query(database, find_table.format(is_shadow))
        run_sql(database, f"DROP {dropped.format(name)}")
        rows = NEW.with_columns(k=pl.col("k") + (9 if direct else 0))
        message = r"batch 2 into public\.t: the rows .* gathered for public\.t are gone"
        with pytest.raises(WriteError, match=message) as caught:
            writer.write(make_piece(rows, 2, key=("k",)))
    assert not caught.value.goes_on
    assert caught.value.table == "public.t"
    assert stored(database) == OLD.rows()


def test_replace_is_refused_while_another_process_continues_its_run(
    database, state_dir, monkeypatch
):
    monkeypatch.setattr("propload.postgres.session.locking.GRACE_SECONDS", 0.1)
    run = run_record(DESTINATION)
    with (
        prepared(database, DESTINATION, NEW, state_dir, run=run),
        pytest.raises(
            WriteError, match=rf"public\.t .*{run.run_id}: wait for it to end"
        ),
        prepared(database, DESTINATION, NEW, state_dir, run=run),
    ):
        pass


def test_prepare_fails_if_the_gathered_rows_are_gone(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    run = run_record(DESTINATION)
    with Database(database, state_dir=state_dir) as opened:
        facts = opened.facts(DESTINATION.table)
        opened.prepare(DESTINATION, NEW.schema, facts, run=run)
        run_sql(database, "DROP SCHEMA propload CASCADE")
        with pytest.raises(WriteError, match=r"gathered for public\.t are gone"):
            opened.prepare(DESTINATION, NEW.schema, facts, run=run)


def test_column_of_a_later_batch_is_added_by_the_replace(database, state_dir):
    write(database, target_with(), state_dir, OLD)
    target = target_with(mode="replace", on_new_columns="add")
    wide = pl.DataFrame({"k": [5], "v": ["w"], "z": [7]})
    run = run_record(target)
    with Database(database, state_dir=state_dir) as opened:
        for number, rows in enumerate([NEW, wide]):
            ready = opened.prepare(
                target, rows.schema, opened.facts(target.table), run=run
            )
            with closing(ready.open_writer(0)) as writer:
                writer.write(make_piece(rows, number, key=("k",)))
        end(ready)
    found = query(database, "SELECT k, v, z FROM t ORDER BY k")
    assert found == [(*row, None) for row in NEW.rows()] + wide.rows()


def test_replace_succeeds_despite_an_old_shadow_it_may_not_drop(database, state_dir):
    role = f"propload_no_heir_{os.getpid()}"
    shadow = "propload.propload_shadow_abandoned"
    write(database, target_with(), state_dir, OLD)
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
        write(login, DESTINATION, state_dir, NEW)
        assert stored(database) == NEW.rows()
        assert query(database, f"SELECT count(*) FROM {shadow}") == [(0,)]
    finally:
        run_sql(
            database,
            f"DROP OWNED BY {role}, {role}_other CASCADE",
            f"DROP ROLE {role}, {role}_other",
        )


def test_failure_to_drop_an_old_shadow_is_logged(database, state_dir, caplog):
    write(database, DESTINATION, state_dir, OLD)
    shadow = "propload.propload_shadow_abandoned"
    run_sql(
        database,
        f"CREATE TABLE {shadow} (k bigint)",
        # a drop fails while something depends on the table
        f"CREATE VIEW seen AS SELECT * FROM {shadow}",
    )
    write(database, DESTINATION, state_dir, NEW)
    assert stored(database) == NEW.rows()
    assert "propload_shadow_abandoned of an earlier replace stays" in caplog.text
