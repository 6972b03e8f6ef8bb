"""Rows that may refuse one another take one lane, all others take several."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from tests.integration.postgres.writing import prepared, target
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

COPY_U = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN NEW.d := NEW.u; RETURN NEW; END'"
)
FRAME = pl.DataFrame({"k": [1], "u": [1], "w": ["a"]})
#: What stands in the table beside `k bigint PRIMARY KEY, u bigint, w text, d bigint`
#: (`d` does not come with the rows), and what ties its rows.
TABLES = {
    "the key alone": ((), ()),
    "a second unique": (("ALTER TABLE t ADD UNIQUE (u)",), ("t_u_key",)),
    "two of them": (
        ("ALTER TABLE t ADD UNIQUE (u), ADD UNIQUE (w)",),
        ("t_u_key", "t_w_key"),
    ),
    "with the key in it": (("ALTER TABLE t ADD UNIQUE (u, k)",), ()),
    "with the key beside it": (
        ("ALTER TABLE t ADD UNIQUE (u) INCLUDE (k)",),
        ("t_u_k_key",),
    ),
    "of what does not come": (("ALTER TABLE t ADD UNIQUE (d)",), ()),
    "of what comes and what does not": (
        ("ALTER TABLE t ADD UNIQUE (d, u)",),
        ("t_d_u_key",),
    ),
    "of what is computed": (
        (
            "ALTER TABLE t ADD g bigint GENERATED ALWAYS AS (u * 2) STORED",
            "ALTER TABLE t ADD UNIQUE (g)",
        ),
        ("t_g_key",),
    ),
    "of an expression": (("CREATE UNIQUE INDEX x ON t (lower(w))",), ("x",)),
    "of an expression of another column": (("CREATE UNIQUE INDEX x ON t ((-d))",), ()),
    "of some rows": (("CREATE UNIQUE INDEX x ON t (d) WHERE u > 0",), ("x",)),
    "of what a trigger may set": (
        (
            "ALTER TABLE t ADD UNIQUE (d)",
            COPY_U,
            "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        ("t_d_key",),
    ),
    "an exclusion": (("ALTER TABLE t ADD EXCLUDE (u WITH =)",), ("t_u_excl",)),
    "a reference to itself": (
        ("ALTER TABLE t ADD CONSTRAINT up FOREIGN KEY (u) REFERENCES t",),
        ("up",),
    ),
    "checked at the end": (
        ("ALTER TABLE t ADD UNIQUE (u) DEFERRABLE",),
        ("t_u_key",),
    ),
}


def make(database, more, options=""):
    run_sql(
        database,
        f"CREATE TABLE t (k bigint PRIMARY KEY, u bigint, w text, d bigint) {options}",
        *more,
    )


def look_at(dsn, table, state_dir, *, mode="upsert", names=None):
    """Make a table and see that its rows take one lane where they are tied."""
    more, tied_by = TABLES[table]
    names = tied_by if names is None else names
    run_sql(dsn, "DROP TABLE IF EXISTS t", "DROP FUNCTION IF EXISTS f")
    make(dsn, more)
    with prepared(dsn, target(mode=mode), FRAME, state_dir) as ready:
        notes = [note for note in ready.notes if "one lane" in note]
        assert ready.single_lane == bool(names)
        verb = "ties" if len(names) == 1 else "tie"
        told = f"all rows take one lane: {', '.join(names)} of public.t {verb} "
        assert [told in note for note in notes] == [True] * bool(names)


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_may_refuse_one_another_take_one_lane(
    module_database, state_dir, table
):
    look_at(module_database, table, state_dir)


def test_a_shadow_ties_rows_as_its_target_does(module_database, state_dir):
    look_at(module_database, "two of them", state_dir, mode="replace")
    look_at(module_database, "of an expression", state_dir, mode="replace")


def test_what_a_shadow_lacks_ties_nothing(module_database, state_dir):
    for table in ("of what a trigger may set", "a reference to itself"):
        look_at(module_database, table, state_dir, mode="replace", names=())


def test_a_unique_index_of_one_partition_ties_its_rows(database, state_dir):
    make(
        database,
        (
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
            "CREATE UNIQUE INDEX x ON t1 (u)",
        ),
        "PARTITION BY RANGE (k)",
    )
    with prepared(database, target(), FRAME, state_dir) as ready:
        assert ready.single_lane
        assert "x of public.t ties" in ready.notes[-1]


def test_an_index_of_the_parent_ties_rows_of_a_partition_too(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE whole (k bigint, u bigint, w text, part int, "
        "UNIQUE (part, k), UNIQUE (part, u)) PARTITION BY LIST (part)",
        "CREATE TABLE t PARTITION OF whole FOR VALUES IN (1)",
        "ALTER TABLE t ADD PRIMARY KEY (k)",
    )
    with prepared(database, target(), FRAME, state_dir) as ready:
        assert "t_part_u_key of public.t ties" in ready.notes[-1]


def test_appended_rows_are_tied_by_a_key_that_they_are_not_routed_by(
    database, state_dir
):
    make(database, ())
    goal = target(key=(), mode="append")
    with prepared(database, goal, FRAME, state_dir) as ready:
        assert "t_pkey of public.t ties" in ready.notes[-1]


def test_the_same_rows_are_stored_by_any_number_of_workers(database):
    rows = pl.DataFrame({"k": range(400), "u": [n // 2 for n in range(400)]})
    found = []
    for workers in (1, 4):
        run_sql(database, "DROP TABLE IF EXISTS t")
        make(database, ("ALTER TABLE t ADD UNIQUE (u)",))
        report = propload.ingest(
            rows, to=database, table="t", key="k", workers=workers, batch_rows=100
        )
        assert (report.counts.inserted, report.counts.rejected) == (200, 200)
        found.append(query(database, "SELECT k FROM t ORDER BY k"))
    assert found == [[(k,) for k in range(0, 400, 2)]] * 2
