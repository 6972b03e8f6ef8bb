# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Finds the column at fault in a refused row, by storing each value by itself.

The values are stored in temporary tables (probes) that have the columns of the target
and nothing else of it. A column whose type is a domain has a probe of its own: the
domain may refuse nulls, and an insert into another column would then fail because of
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql.quoting import name, names, table, text
from propload.postgres.sql.shape import INCOMING
from propload.postgres.sql.stage import STAGE

if TYPE_CHECKING:
    from propload.postgres.sql.shape import Shape

_PROBE = "pg_temp.propload_probe"


def create_blame(shape: Shape, /) -> tuple[str, ...]:
    """Return the statements that create the probes and the function that uses them.

    `pg_temp.propload_blame(place, likely, said)` returns the number of the column whose
    value cannot be stored, or null if there is none. The column `likely` is tried
    first. If several are at fault, it is the one that the message `said` is about.
    """
    return *_create_probes(shape), _create_function(shape)


def store_nulls(shape: Shape, /) -> str:
    """Return the SQL array of statements that store a null in each column's probe.

    If even that fails, the type takes no value at all, and no row is at fault.
    """
    inserts = (f"INSERT INTO {probe} DEFAULT VALUES" for probe in _probes(shape))
    return f"ARRAY[{', '.join(map(text, inserts))}]"


def _probes(shape: Shape) -> list[str]:
    """Return the name of each column's probe."""
    return [
        f"{_PROBE}_{number}" if column.of_domain else _PROBE
        for number, column in enumerate(shape.columns, start=1)
    ]


def _create_probes(shape: Shape) -> tuple[str, ...]:
    columns: dict[str, list[str]] = {}
    for probe, column in zip(_probes(shape), shape.columns, strict=True):
        columns.setdefault(probe, []).append(column.name)
    return tuple(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {probe} ON COMMIT DELETE ROWS AS "
        f"SELECT {names(column_names)} FROM {table(shape.table)} WITH NO DATA"
        for probe, column_names in columns.items()
    )


def _create_function(shape: Shape) -> str:
    probes = ", ".join(
        text(
            f"INSERT INTO {probe} ({name(column.name)}) SELECT {INCOMING(column)} "
            f"FROM {STAGE} AS s WHERE s.ctid = $1"
        )
        for probe, column in zip(_probes(shape), shape.columns, strict=True)
    )
    body = f"""
DECLARE
    probes CONSTANT text[] := ARRAY[{probes}];
    guess integer;
    other integer;
BEGIN
    -- one column is mostly at fault for many rows: it is asked first
    FOREACH guess IN ARRAY likely || ARRAY(SELECT generate_subscripts(probes, 1)) LOOP
        CONTINUE WHEN guess IS NULL;
        BEGIN
            EXECUTE probes[guess] USING place;
        EXCEPTION WHEN OTHERS THEN
            IF SQLERRM = said THEN
                RETURN guess;
            END IF;
            other := coalesce(other, guess);
        END;
    END LOOP;
    RETURN other;
END"""
    # not dollar-quoted: a column's name may contain any dollar quote
    return (
        "CREATE OR REPLACE FUNCTION "
        "pg_temp.propload_blame(place tid, likely integer, said text) "
        f"RETURNS integer LANGUAGE plpgsql AS {text(body)}"
    )
