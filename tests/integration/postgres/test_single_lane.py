"""Rows that may conflict with one another take one lane, all others several."""

from __future__ import annotations

import polars as pl
import pytest

import propload
from tests.integration.postgres.writing import prepared, target_with
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

COPY_U = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN NEW.d := NEW.u; RETURN NEW; END'"
)
FRAME = pl.DataFrame({"k": [1], "u": [1], "w": ["a"]})
#: What is added to a table `(k bigint PRIMARY KEY, u bigint, w text, d bigint)`, and
#: the constraints that tie its rows to one lane. Rows are loaded without `d`.
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


def create_table(database, more, options=""):
    run_sql(
        database,
        f"CREATE TABLE t (k bigint PRIMARY KEY, u bigint, w text, d bigint) {options}",
        *more,
    )


def check_lanes(dsn, table, state_dir, *, mode="upsert", names=None):
    """Create a table and check that its rows take one lane if they are tied."""
    more, tied_by = TABLES[table]
    names = tied_by if names is None else names
    run_sql(dsn, "DROP TABLE IF EXISTS t", "DROP FUNCTION IF EXISTS f")
    create_table(dsn, more)
    with prepared(dsn, target_with(mode=mode), FRAME, state_dir) as ready:
        notes = [note for note in ready.notes if "one lane" in note]
        assert ready.single_lane == bool(names)
        verb = "ties" if len(names) == 1 else "tie"
        message = f"all rows take one lane: {', '.join(names)} of public.t {verb} "
        assert [message in note for note in notes] == [True] * bool(names)


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_may_conflict_take_one_lane(module_database, state_dir, table):
    check_lanes(module_database, table, state_dir)


def test_shadow_ties_rows_as_its_table_does(module_database, state_dir):
    check_lanes(module_database, "two of them", state_dir, mode="replace")
    check_lanes(module_database, "of an expression", state_dir, mode="replace")


def test_triggers_and_references_tie_no_rows_of_a_replace(module_database, state_dir):
    for table in ("of what a trigger may set", "a reference to itself"):
        check_lanes(module_database, table, state_dir, mode="replace", names=())


def test_unique_index_of_a_single_partition_ties_rows(database, state_dir):
    create_table(
        database,
        (
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
            "CREATE UNIQUE INDEX x ON t1 (u)",
        ),
        "PARTITION BY RANGE (k)",
    )
    with prepared(database, target_with(), FRAME, state_dir) as ready:
        assert ready.single_lane
        assert "x of public.t ties" in ready.notes[-1]


def test_index_of_the_parent_ties_rows_of_a_partition_too(database, state_dir):
    run_sql(
        database,
        "CREATE TABLE whole (k bigint, u bigint, w text, part int, "
        "UNIQUE (part, k), UNIQUE (part, u)) PARTITION BY LIST (part)",
        "CREATE TABLE t PARTITION OF whole FOR VALUES IN (1)",
        "ALTER TABLE t ADD PRIMARY KEY (k)",
    )
    with prepared(database, target_with(), FRAME, state_dir) as ready:
        assert "t_part_u_key of public.t ties" in ready.notes[-1]


def test_primary_key_ties_appended_rows_that_are_not_routed_by_it(database, state_dir):
    create_table(database, ())
    target = target_with(key=(), mode="append")
    with prepared(database, target, FRAME, state_dir) as ready:
        assert "t_pkey of public.t ties" in ready.notes[-1]


def test_any_number_of_workers_stores_the_same_rows(database):
    rows = pl.DataFrame({"k": range(400), "u": [n // 2 for n in range(400)]})
    found = []
    for workers in (1, 4):
        run_sql(database, "DROP TABLE IF EXISTS t")
        create_table(database, ("ALTER TABLE t ADD UNIQUE (u)",))
        report = propload.ingest(
            rows, to=database, table="t", key="k", workers=workers, batch_rows=100
        )
        assert (report.counts.inserted, report.counts.rejected) == (200, 200)
        found.append(query(database, "SELECT k FROM t ORDER BY k"))
    assert found == [[(k,) for k in range(0, 400, 2)]] * 2
