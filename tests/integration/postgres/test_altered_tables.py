"""What a writer does where its table was altered since the plan was made."""

from contextlib import closing

import polars as pl
import pytest

from propload.errors import CountsError, WriteError
from tests.integration.postgres.writing import fit, make_piece, prepared, target
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

TABLE = (
    "CREATE TABLE t (k bigint, a integer, name varchar(20), rate numeric(10, 2), "
    "CONSTRAINT one PRIMARY KEY (k))"
)
#: More than the spool's least, so that a server that has one is told to copy a file.
ROWS = 300


def frame(first):
    return pl.DataFrame({"k": range(first, first + ROWS)}).with_columns(
        a=pl.col("k").cast(pl.Int32),
        name=pl.format("n{}", "k"),
        rate=(pl.col("k") + 0.25).cast(pl.Decimal(10, 2)),
    )


@pytest.fixture(params=["direct", "staged"])
def write(request, database, state_dir):
    """Write a piece, alter the table, write another one; return the second's end."""

    def write(*statements, mode="upsert", columns=("k", "a", "name", "rate")):
        run_sql(database, TABLE)
        if request.param == "staged":
            # a key that is stored already sends the writer through the stage
            run_sql(database, "INSERT INTO t (k, a) VALUES (0, 0)")
        goal = target(key=("k",), mode=mode)
        first, second = frame(0).select(columns), frame(ROWS).select(columns)
        with prepared(database, goal, first, state_dir) as ready:
            writer = ready.open_writer(0)
            try:
                writer.write(fit(make_piece(first, 0, key=goal.key), ready.plan))
                run_sql(database, *statements)
                return writer.write(
                    fit(make_piece(second, 1, key=goal.key), ready.plan)
                )
            finally:
                writer.close()

    return write


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "ALTER TABLE t ALTER a TYPE real",
            "column a is real now and was integer",
        ),
        (
            "ALTER TABLE t ALTER rate TYPE numeric(10, 0)",
            r"column rate is numeric\(10,0\) now and was numeric\(10,2\)",
        ),
        (
            "ALTER TABLE t DROP CONSTRAINT one",
            r"it no longer has a unique constraint on \(k\)",
        ),
        (
            "ALTER TABLE t DROP a, ADD a integer",
            "column a is a different one now: it was dropped and created again",
        ),
        (
            "ALTER TABLE t RENAME a TO b; ALTER TABLE t ADD a integer",
            "column a is a different one now",
        ),
    ],
    ids=["type", "scale", "key", "dropped", "renamed"],
)
def test_nothing_is_written_by_a_plan_that_no_longer_holds(
    write, database, statement, said
):
    with pytest.raises(WriteError, match=said):
        write(*statement.split("; "))
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_rows_that_a_trigger_skips_are_not_counted_as_inserted(write, database):
    skip = (
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NULL; END'"
    )
    comes = "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip()"
    # where rows are staged their counts do not add up, which is noticed before
    with pytest.raises((WriteError, CountsError), match=r"trigger now|accounted"):
        write(skip, comes)
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_a_trigger_that_the_plan_reckons_with_may_go_and_come_back(database, state_dir):
    keep = (
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'"
    )
    comes = "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep()"
    run_sql(database, TABLE, keep, comes)
    goal = target(key=("k",))
    with (
        prepared(database, goal, frame(0), state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        for number, then in enumerate([["DROP TRIGGER x ON t"], [comes], []]):
            piece = make_piece(frame(number * ROWS), number, key=goal.key)
            writer.write(fit(piece, ready.plan))
            run_sql(database, *then)
    assert query(database, "SELECT count(*) FROM t") == [(3 * ROWS,)]


def test_rules_that_come_are_heeded(write, database):
    with pytest.raises(WriteError, match="rule"):
        write("CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY changed")
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_a_table_of_the_same_name_is_another_one(write, database):
    with pytest.raises(WriteError, match="it was dropped and created again"):
        write("DROP TABLE t", TABLE)
    assert query(database, "SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE t ALTER name TYPE varchar(50)",
        "ALTER TABLE t ALTER name TYPE text",
        "ALTER TABLE t ADD more text DEFAULT 'x'",
        "CREATE INDEX ON t (name)",
        "ANALYZE t",
        "ALTER TABLE t ALTER a SET DEFAULT 5",
    ],
)
def test_what_rows_do_not_meet_may_change(write, database, statement):
    assert write(statement).counts.inserted == ROWS
    assert query(database, "SELECT count(*) FROM t") == [(2 * ROWS,)]


@pytest.mark.parametrize("mode", ["append", "insert-new"])
@pytest.mark.parametrize(
    "statements",
    [
        (
            "ALTER TABLE t ADD more integer NOT NULL DEFAULT 1",
            "ALTER TABLE t ALTER more DROP DEFAULT",
        ),
        (
            "UPDATE t SET rate = 0 WHERE rate IS NULL",
            "ALTER TABLE t ALTER rate SET NOT NULL",
        ),
    ],
    ids=["new", "known"],
)
def test_a_column_that_every_row_lacks_costs_no_rows(write, database, mode, statements):
    with pytest.raises(WriteError, match="is NOT NULL and has no default now"):
        write(*statements, mode=mode, columns=("k", "a"))
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_a_column_that_does_not_travel_may_change(write, database):
    columns = ("k", "a")
    written = write("ALTER TABLE t ALTER rate TYPE double precision", columns=columns)
    assert written.counts.inserted == ROWS
    assert query(database, "SELECT count(*) FROM t") == [(2 * ROWS,)]


def test_rows_that_are_added_need_no_key(write, database):
    written = write("ALTER TABLE t DROP CONSTRAINT one", "TRUNCATE t", mode="append")
    assert written.counts.inserted == ROWS
