"""Runs of several lanes that end in part, at a place that the test chooses."""

from __future__ import annotations

import polars as pl

from propload.prepare.routing import lane_of
from tests.integration.reading import run_sql

#: A check that fails a run for good at one row: when the ledger holds the pieces that
#: are to be committed before. No trigger: it would tie rows to one another.
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
#: Holds one row back until another is there, or it is clear that none comes.
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
    """Return the ids from 1 to 400 by the lane that they take."""
    ids = pl.Series("id", range(1, 401)).cast(dtype)
    found = lane_of(ids.to_frame(), ["id"], lanes)
    return [ids.filter(found == lane).to_list() for lane in range(lanes)]


def guard(dsn, table, row, *, until):
    """Fail who writes one row, once the ledger holds an entry of that condition."""
    run_sql(
        dsn,
        GUARD.format(id=row, entered=until),
        f"ALTER TABLE {table} ADD CHECK (guard(id::text))",
    )


def open_guard(dsn):
    run_sql(dsn, OPEN)


def await_row(dsn, table, row, *, until):
    """Let who writes one row wait until a query finds something, a second at most."""
    run_sql(
        dsn,
        PATIENT.format(id=row, awaited=until),
        f"ALTER TABLE {table} ADD CHECK (guard(id::text))",
    )
