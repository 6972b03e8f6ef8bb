"""A replace swaps the old rows only for all rows it gathered, as it gathered them."""

from __future__ import annotations

from contextlib import closing

import polars as pl
import pytest

from propload.errors import SchemaMismatchError, WriteError
from propload.postgres.session.connection import Connection
from tests.integration.postgres.writing import (
    counts,
    end,
    fit,
    make_piece,
    prepared,
    run_record,
    target_with,
)
from tests.integration.reading import query, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

TARGET = target_with(mode="replace")
TABLE = "CREATE TABLE t (k bigint PRIMARY KEY, v {})"
CHILD = "CREATE TABLE child (k bigint REFERENCES t)"
ROWS = pl.DataFrame({"k": [2, 3, 4], "v": [1.75, 2.5, 3.0]})


def gather(ready, frame, number=0, *, lane=0, key=("k",)):
    with closing(ready.open_writer(lane)) as writer:
        piece = make_piece(frame, number, lane=lane, key=key)
        return writer.write(fit(piece, ready.plan))


def stored(dsn, expression="v::text"):
    return query(dsn, f"SELECT k, {expression} FROM t ORDER BY k")


def shadow_of(dsn):
    [(name,)] = query(
        dsn,
        "SELECT oid::regclass::text FROM pg_class "
        "WHERE relname LIKE 'propload_shadow_%' AND relkind = 'r'",
    )
    return name


@pytest.mark.parametrize("referenced", [False, True], ids=["alone", "referenced"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("numeric(10,2)", "numeric(10,0)"), ("double precision", "bigint")],
)
def test_swap_is_refused_if_a_column_changed_its_type(
    database, state_dir, before, after, referenced
):
    run_sql(database, TABLE.format(before), "INSERT INTO t VALUES (1, 9)")
    if referenced:
        run_sql(database, CHILD)
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        run_sql(database, f"ALTER TABLE t ALTER v TYPE {after}")
        with pytest.raises(SchemaMismatchError) as caught:
            end(ready)
        assert f"public.t: column v was {before} and is {after} now" in str(
            caught.value
        )
        assert query(database, "SELECT k FROM t") == [(1,)]
        run_sql(database, f"ALTER TABLE t ALTER v TYPE {before}")
        end(ready)
    assert stored(database, "v::float8") == ROWS.rows()


def test_rows_of_a_new_type_are_not_gathered_with_earlier_ones(database, state_dir):
    """Copied as the new type, their bytes would be read as the old one."""
    run_sql(database, TABLE.format("double precision"))
    run = run_record(TARGET)
    with prepared(database, TARGET, ROWS, state_dir, run=run) as ready:
        gather(ready, ROWS.head(1))
    run_sql(database, "ALTER TABLE t ALTER v TYPE bigint")
    whole = ROWS.cast(pl.Int64)
    with (
        pytest.raises(SchemaMismatchError, match="v was double precision and is big"),
        prepared(database, TARGET, whole, state_dir, run=run),
    ):
        pass
    run_sql(database, "ALTER TABLE t ALTER v TYPE double precision")
    with prepared(database, TARGET, ROWS, state_dir, run=run) as ready:
        gather(ready, ROWS.tail(2), 1)
        end(ready)
    assert stored(database, "v") == ROWS.rows()


def test_column_that_is_not_loaded_may_change_its_type(database, state_dir):
    run_sql(database, TABLE.format("int DEFAULT 7"))
    rows = ROWS.select("k")
    with prepared(database, TARGET, rows, state_dir) as ready:
        gather(ready, rows)
        run_sql(database, "ALTER TABLE t ALTER v TYPE bigint")
        end(ready)
    assert stored(database) == [(2, "7"), (3, "7"), (4, "7")]


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ("TRUNCATE {}", 0),
        ("DELETE FROM {} WHERE k = 3", 2),
        ("INSERT INTO {} VALUES (9)", 4),
    ],
)
@pytest.mark.parametrize(
    ("key", "columns"),
    [(("k",), "kv"), ((), "kv"), (("k",), "k")],
    ids=["keyed", "keyless", "keys alone"],
)
def test_swap_is_refused_if_the_shadow_has_lost_or_gained_rows(
    database, state_dir, change, held, key, columns
):
    run_sql(database, TABLE.format("float8"), "INSERT INTO t VALUES (1, 9)")
    if columns == "k":
        # in a referenced table, a row that is there already is not reported
        run_sql(database, "ALTER TABLE t DROP v", CHILD)
    target, rows = target_with(mode="replace", key=key), ROWS.select(*columns)
    with prepared(database, target, rows, state_dir) as ready:
        gather(ready, rows, key=key)
        shadow = shadow_of(database)
        run_sql(database, change.format(shadow))
        message = rf"public\.t: .* stored 3 rows, .*{shadow} holds {held} now"
        with pytest.raises(WriteError, match=message) as caught:
            end(ready)
    assert not caught.value.goes_on
    assert query(database, "SELECT k FROM t") == [(1,)]


def test_rows_of_all_lanes_and_processes_of_a_run_are_counted(database, state_dir):
    run_sql(database, TABLE.format("float8"))
    run = run_record(TARGET)
    later = ROWS.with_columns(pl.lit(5.0).alias("v")).head(2)
    with prepared(database, TARGET, ROWS, state_dir, run=run) as ready:
        done = [gather(ready, ROWS.head(2)), gather(ready, ROWS.tail(1), lane=1)]
    with prepared(database, TARGET, ROWS, state_dir, run=run) as ready:
        done.append(gather(ready, later, 1))
        end(ready)
    assert counts(done) == [(2, 0, 0, 0), (1, 0, 0, 0), (0, 2, 0, 0)]
    assert stored(database, "v") == [(2, 5.0), (3, 5.0), (4, 3.0)]


@pytest.mark.parametrize("key", [("k",), ()], ids=["keyed", "keyless"])
def test_replace_is_refused_if_the_ledger_has_lost_a_batch(database, state_dir, key):
    run_sql(database, "CREATE TABLE t (k bigint, v float8)")
    target = target_with(mode="replace", key=key)
    with prepared(database, target, ROWS, state_dir) as ready:
        gather(ready, ROWS, key=key)
        run_sql(database, "DELETE FROM propload.ledger")
        with pytest.raises(WriteError, match="has lost rows of run"):
            gather(ready, ROWS, key=key)
    assert stored(database, "v") == []


def test_swap_refuses_rows_that_the_run_has_not_stored(database, state_dir):
    run_sql(database, "CREATE TABLE t (k bigint, v float8)")
    target = target_with(mode="replace", key=())
    with prepared(database, target, ROWS, state_dir) as ready:
        gather(ready, ROWS, key=())
        shadow = shadow_of(database)
        run_sql(database, f"INSERT INTO {shadow} SELECT * FROM {shadow}")
        with pytest.raises(WriteError, match=r"stored 3 rows, .* holds 6 now"):
            end(ready)
    assert stored(database, "v") == []


PARENTS = (
    "CREATE TABLE parents (k bigint PRIMARY KEY)",
    "INSERT INTO parents VALUES (1), (2), (3), (4)",
    "CREATE TABLE t (k bigint REFERENCES parents ON DELETE CASCADE, v float8)",
)


def test_swap_accepts_gathered_rows_deleted_by_a_cascade(database, state_dir, caplog):
    run_sql(database, *PARENTS)
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        run_sql(database, "DELETE FROM parents WHERE k = 3")
        end(ready)
    assert stored(database, "v") == [(2, 1.75), (4, 3.0)]
    assert "public.t: this replace has stored 3 rows" in caplog.text


def test_swap_refuses_an_empty_shadow_despite_cascading_deletes(database, state_dir):
    run_sql(database, *PARENTS)
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        run_sql(database, f"TRUNCATE {shadow_of(database)}")
        run_sql(database, "INSERT INTO t VALUES (1, 9)")
        with pytest.raises(WriteError, match="holds 0 now"):
            end(ready)
    assert stored(database, "v") == [(1, 9.0)]


def test_dropped_shadow_is_not_mistaken_for_the_table(database, state_dir):
    run_sql(database, TABLE.format("float8"), "INSERT INTO t VALUES (1, 9)")
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        run_sql(database, f"DROP TABLE {shadow_of(database)}")
        with pytest.raises(WriteError, match=r"for public\.t are gone") as caught:
            end(ready)
    assert not caught.value.goes_on
    assert stored(database, "v") == [(1, 9.0)]


def test_missing_privilege_is_not_reported_as_rows_that_do_not_fit(database, state_dir):
    run_sql(
        database,
        TABLE.format("double precision"),
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'not by you' USING ERRCODE = '42501'; END $$",
        "CREATE TRIGGER forbid BEFORE INSERT ON t FOR EACH STATEMENT "
        "EXECUTE FUNCTION forbid()",
    )
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        with pytest.raises(WriteError, match=r"not by you \[42501\]") as refused:
            end(ready)
    assert "do not fit" not in str(refused.value)


@pytest.mark.parametrize("referenced", [False, True], ids=["alone", "referenced"])
def test_swap_is_refused_while_a_table_inherits_from_the_target(
    database, state_dir, referenced
):
    run_sql(database, TABLE.format("float8"), "INSERT INTO t VALUES (1, 9)")
    if referenced:
        run_sql(database, CHILD)
    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        run_sql(database, "CREATE TABLE heirs () INHERITS (t)")
        run_sql(database, "INSERT INTO heirs VALUES (7, 7)")
        with pytest.raises(WriteError, match="tables have inherited from it since"):
            end(ready)
        assert stored(database, "v") == [(1, 9.0), (7, 7.0)]
        run_sql(database, "ALTER TABLE heirs NO INHERIT t")
        end(ready)
    assert stored(database, "v") == ROWS.rows()
    assert query(database, "SELECT k FROM heirs") == [(7,)]


def test_swap_succeeds_if_the_table_is_referenced_while_waiting_to_lock(
    database, state_dir, monkeypatch
):
    """TRUNCATE would fail then, but the swap is not refused, nor is CASCADE advised."""
    run_sql(database, TABLE.format("float8"), "INSERT INTO t VALUES (1, 9), (2, 9)")
    execute, waiting = Connection.execute, [CHILD, "INSERT INTO child VALUES (2)"]

    def after_others(session, sql, params=()):
        if sql.startswith(("LOCK TABLE", "TRUNCATE")):
            while waiting:
                run_sql(database, waiting.pop(0))
        return execute(session, sql, params)

    with prepared(database, TARGET, ROWS, state_dir) as ready:
        gather(ready, ROWS)
        monkeypatch.setattr(Connection, "execute", after_others)
        end(ready)
    assert not waiting
    assert stored(database, "v") == ROWS.rows()
    assert query(database, "SELECT k FROM child") == [(2,)]
