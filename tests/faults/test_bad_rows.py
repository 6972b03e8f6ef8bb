"""Random patterns of bad rows, one kind of constraint at a time."""

from __future__ import annotations

import pytest

import propload
from propload.postgres.session.connection import connect
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(400)

TRIGGER = (
    """CREATE OR REPLACE FUNCTION raise_for() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.value = 'bad' THEN RAISE EXCEPTION 'no % here', NEW.value; END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON rows_of
    FOR EACH ROW EXECUTE FUNCTION raise_for()""",
)
#: Kind → the column's definition, further statements, a good value of row n, a bad
#: one, and the check and SQLSTATE of the reason.
KINDS = {
    "not_null": ("text NOT NULL", (), str, None, "not_null", "23502"),
    "check": (
        "bigint CONSTRAINT positive CHECK (value > 0)",
        (),
        lambda n: n + 1,
        -1,
        "positive",
        "23514",
    ),
    "domain": ("code", (), lambda n: f"c{n}", "no code", "code_is_short", "23514"),
    "foreign_key": (
        "bigint CONSTRAINT parent REFERENCES parents",
        (),
        lambda n: n % 5,
        77,
        "parent",
        "23503",
    ),
    "unique": ("bigint CONSTRAINT one UNIQUE", (), lambda n: n + 1, 0, "one", "23505"),
    "exclusion": (
        "int4range, CONSTRAINT apart EXCLUDE USING gist (value WITH &&)",
        (),
        lambda n: f"[{n * 2 + 10},{n * 2 + 11})",
        "[1,3)",
        "apart",
        "23P01",
    ),
    "cast": ("inet", (), lambda n: f"10.0.{n % 250}.1", "x", "cast", "22P02"),
    "trigger": ("text", TRIGGER, str, "bad", "raised", "P0001"),
}
#: Kinds whose value is bad only if another row holds it: that row is in the table.
NEEDS_RIVAL = {"unique", "exclusion"}


def make_table(dsn, definition, statements):
    run_sql(
        dsn,
        "DROP TABLE IF EXISTS rows_of",
        "DROP TABLE IF EXISTS parents",
        "DROP DOMAIN IF EXISTS code",
        "CREATE DOMAIN code AS text CONSTRAINT code_is_short CHECK (length(VALUE) < 7)",
        "CREATE TABLE parents (id bigint PRIMARY KEY)",
        "INSERT INTO parents SELECT generate_series(0, 4)",
        f"CREATE TABLE rows_of (id bigint PRIMARY KEY, value {definition})",
        *statements,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_reject_is_the_right_row_for_the_right_reason(dsn, chance, long, kind):
    definition, statements, good, bad, check, sqlstate = KINDS[kind]
    for turn in range(200 if long else 6):
        make_table(dsn, definition, statements)
        rows = [{"id": n, "value": good(n)} for n in range(chance.randint(1, 400))]
        bad_places = sorted(random_places(chance, len(rows)))
        for place in bad_places:
            rows[place]["value"] = bad
        if kind in NEEDS_RIVAL:
            run_sql(dsn, f"INSERT INTO rows_of VALUES (100000, '{bad}')")
        if kind != "not_null":
            # a column of nulls alone would have no type
            rows.append({"id": 99_999, "value": good(99_999)})
        report = propload.ingest(
            rows,
            to=dsn,
            table="rows_of",
            progress=False,
            workers=chance.randint(1, 3),
            batch_rows=chance.choice([37, 1_000]),
            **chance.choice([{"key": "id"}, {"mode": "append"}]),
        )
        report.counts.verify()
        assert report.counts.rejected == len(bad_places), (turn, report)
        if bad_places:
            refused = report.rejects.sort("propload_row")
            assert refused["id"].to_list() == bad_places
            reasons = [one for each in refused["propload_reason_list"] for one in each]
            assert {one["check"] for one in reasons} == {check}
            assert {one["sqlstate"] for one in reasons} == {sqlstate}
            assert {one["column"] for one in reasons} <= {"value", None}
        expected = {row["id"] for row in rows} - set(bad_places)
        assert stored_ids(dsn) - {100_000} == expected


def random_places(chance, rows):
    """Return places of bad rows: none, one, some, a run of them, many or all."""
    some = range(chance.randrange(rows), rows)
    return chance.choice(
        [
            [],
            [chance.randrange(rows)],
            chance.sample(range(rows), chance.randint(0, min(rows, 9))),
            some[: chance.randint(0, 60)],
            chance.sample(range(rows), chance.randint(0, rows)),
            range(rows),
        ]
    )


def stored_ids(dsn):
    with connect(dsn, application_name="observer") as session:
        return {key for (key,) in session.rows("SELECT id FROM rows_of")}
