"""What a writer does if its table was altered after the plan was made."""

from contextlib import closing

import polars as pl
import pytest

from propload.errors import CountsError, WriteError
from tests.integration.postgres.writing import fit, make_piece, prepared, target_with
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(60)

TABLE = (
    "CREATE TABLE t (k bigint, a integer, name varchar(20), rate numeric(10, 2), "
    "CONSTRAINT one PRIMARY KEY (k))"
)
#: Enough rows for the spool, so that a server that has one copies them from a file.
ROWS = 300


def frame(first):
    return pl.DataFrame({"k": range(first, first + ROWS)}).with_columns(
        a=pl.col("k").cast(pl.Int32),
        name=pl.format("n{}", "k"),
        rate=(pl.col("k") + 0.25).cast(pl.Decimal(10, 2)),
    )


@pytest.fixture(params=["direct", "staged"])
def write_around(request, database, state_dir):
    """Return a function that alters the table between two pieces it writes.

    It returns the result of the second piece.
    """

    def write_around(*statements, mode="upsert", columns=("k", "a", "name", "rate")):
        run_sql(database, TABLE)
        if request.param == "staged":
            # a key that is stored already sends the writer through the stage
            run_sql(database, "INSERT INTO t (k, a) VALUES (0, 0)")
        target = target_with(key=("k",), mode=mode)
        first, second = frame(0).select(columns), frame(ROWS).select(columns)
        with prepared(database, target, first, state_dir) as ready:
            writer = ready.open_writer(0)
            try:
                writer.write(fit(make_piece(first, 0, key=target.key), ready.plan))
                run_sql(database, *statements)
                return writer.write(
                    fit(make_piece(second, 1, key=target.key), ready.plan)
                )
            finally:
                writer.close()

    return write_around


@pytest.mark.parametrize(
    ("statement", "message"),
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
def test_nothing_is_written_with_an_outdated_plan(
    write_around, database, statement, message
):
    with pytest.raises(WriteError, match=message):
        write_around(*statement.split("; "))
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_rows_skipped_by_a_new_trigger_are_not_counted_as_inserted(
    write_around, database
):
    skip = (
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NULL; END'"
    )
    create_trigger = (
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip()"
    )
    # if rows are staged, their counts do not add up, which is noticed first
    with pytest.raises((WriteError, CountsError), match=r"trigger now|accounted"):
        write_around(skip, create_trigger)
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_trigger_known_to_the_plan_may_be_dropped_and_recreated(database, state_dir):
    keep = (
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'"
    )
    create_trigger = (
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    run_sql(database, TABLE, keep, create_trigger)
    target = target_with(key=("k",))
    with (
        prepared(database, target, frame(0), state_dir) as ready,
        closing(ready.open_writer(0)) as writer,
    ):
        for number, statements in enumerate(
            [["DROP TRIGGER x ON t"], [create_trigger], []]
        ):
            piece = make_piece(frame(number * ROWS), number, key=target.key)
            writer.write(fit(piece, ready.plan))
            run_sql(database, *statements)
    assert query(database, "SELECT count(*) FROM t") == [(3 * ROWS,)]


def test_write_fails_if_a_rule_was_created(write_around, database):
    with pytest.raises(WriteError, match="rule"):
        write_around("CREATE RULE r AS ON INSERT TO t DO ALSO NOTIFY changed")
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_write_fails_if_the_table_was_recreated(write_around, database):
    with pytest.raises(WriteError, match="it was dropped and created again"):
        write_around("DROP TABLE t", TABLE)
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
def test_alterations_that_do_not_affect_rows_are_allowed(
    write_around, database, statement
):
    assert write_around(statement).counts.inserted == ROWS
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
def test_new_required_column_fails_the_write_and_rejects_no_rows(
    write_around, database, mode, statements
):
    with pytest.raises(WriteError, match="is NOT NULL and has no default now"):
        write_around(*statements, mode=mode, columns=("k", "a"))
    assert query(database, "SELECT count(*) FROM t") == [(ROWS,)]


def test_column_that_is_not_sent_may_change_its_type(write_around, database):
    columns = ("k", "a")
    written = write_around(
        "ALTER TABLE t ALTER rate TYPE double precision", columns=columns
    )
    assert written.counts.inserted == ROWS
    assert query(database, "SELECT count(*) FROM t") == [(2 * ROWS,)]


def test_append_continues_after_the_key_was_dropped(write_around, database):
    written = write_around(
        "ALTER TABLE t DROP CONSTRAINT one", "TRUNCATE t", mode="append"
    )
    assert written.counts.inserted == ROWS
