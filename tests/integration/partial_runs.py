"""End runs with several lanes when only certain pieces are committed."""

from __future__ import annotations

import polars as pl

from propload.prepare.routing import lane_of
from tests.integration.reading import run_sql

#: A check that makes a run fail permanently at one row, once the ledger has entries for
#: the pieces to be committed before it. Not a trigger: it could let rows affect others.
GUARD = """
CREATE OR REPLACE FUNCTION guard(id text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF id = '{id}' THEN
        FOR attempt IN 1..3000 LOOP
            IF EXISTS (SELECT FROM propload.ledger WHERE {entered}) THEN
                RAISE system_error USING MESSAGE = 'the guard is shut';
            END IF;
            PERFORM pg_sleep(0.01);
        END LOOP;
        RAISE system_error USING MESSAGE = 'nothing was entered';
    END IF;
    RETURN true;
END $$"""
#: A check that delays one row until another exists, for at most a second.
PATIENT = """
CREATE OR REPLACE FUNCTION guard(id text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..100 LOOP
        EXIT WHEN id <> '{id}' OR EXISTS ({awaited});
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN true;
END $$"""
OPEN = """
CREATE OR REPLACE FUNCTION guard(id text) RETURNS boolean LANGUAGE sql
AS 'SELECT true'"""


def ids_by_lane(dtype=pl.Int32, lanes=2):
    """Return the ids from 1 to 400, grouped by lane."""
    ids = pl.Series("id", range(1, 401)).cast(dtype)
    lanes_of_ids = lane_of(ids.to_frame(), ["id"], lanes)
    return [ids.filter(lanes_of_ids == lane).to_list() for lane in range(lanes)]


def guard(dsn, table, row, *, until):
    """Make a run fail at one row, once the ledger has an entry that meets `until`."""
    run_sql(
        dsn,
        GUARD.format(id=row, entered=until),
        f"ALTER TABLE {table} ADD CHECK (guard(id::text))",
    )


def open_guard(dsn):
    run_sql(dsn, OPEN)


def await_row(dsn, table, row, *, until):
    """Delay the write of one row until a query returns a row, for at most a second."""
    run_sql(
        dsn,
        PATIENT.format(id=row, awaited=until),
        f"ALTER TABLE {table} ADD CHECK (guard(id::text))",
    )
