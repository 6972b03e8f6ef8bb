# ruff: noqa: S608 - names are quoted, values are made into literals here
"""A pass over the stage that writes the good rows and reports the bad ones.

The server tries to write a run of consecutive rows at a time; a run that it refuses is
tried again in smaller runs, down to the single row, whose error is kept. So whatever
refuses a row (constraint, domain, cast, foreign key, partition, trigger), it is the
server itself that finds it, and its message is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from propload.batch import ORDINAL
from propload.postgres.sql import merging
from propload.postgres.sql.blaming import create_blame, store_nulls
from propload.postgres.sql.change_detection import changes_query
from propload.postgres.sql.quoting import names, table, text
from propload.postgres.sql.screening import IS_SERVER_ERROR
from propload.postgres.sql.shape import INCOMING
from propload.postgres.sql.stage import COUNT_STAGE, STAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.postgres.sql.shape import Shape

#: How many rows the first run has: few enough to lose little if it fails; where bad
#: rows are rare, runs soon double beyond it.
FIRST_RUN = 512
#: How many rows a run has at most: longer ones save no more time, and lose more if they
#: fail.
LONGEST_RUN = 4096
#: Into how many runs a refused one is split: with fewer, too many rows are tried again;
#: with more, too many statements are executed.
SPLIT_INTO = 8

#: The condition that an error is about the row: a cardinality, a value, a constraint, a
#: view's check option, an exception of a function, or a size. Any other code may come
#: from the table or its triggers instead.
_IS_ROW_ERROR = "left(state, 2) IN ('21', '22', '23', '44', 'P0') OR state = '54000'"
#: If no row has been written yet and this many rows have failed with the same code, no
#: row is at fault.
MOST_ALIKE = 16

#: A temporary table with some columns of the target, to try whether their types or an
#: index take the values; and that index.
_TRIAL, TRIAL_INDEX = "pg_temp.propload_trial", "propload_trial_index"
#: How rows are tried: in runs that grow while their rows are good; each row by itself;
#: or each row by itself and, since rows are known to be at fault, without giving up if
#: all of them fail alike.
Runs = Literal["growing", "alone", "known_alone"]
_RUN_ARGUMENTS: Mapping[Runs, str] = {
    "growing": f"{FIRST_RUN}, {LONGEST_RUN}, false",
    "alone": "1, 1, false",
    "known_alone": "1, 1, true",
}
#: Has deferred constraints checked with each run instead of at the commit.
CHECK_IMMEDIATELY = "SET CONSTRAINTS ALL IMMEDIATE"

#: The columns of each constraint and index, including those of partitions, but without
#: system columns.
CONSTRAINTS = """
WITH parts AS (
    SELECT ($1::text)::regclass::oid AS relation
  UNION
    SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
), keys AS (
    SELECT c.conname AS constraint_name, c.conrelid AS relation, c.conkey AS numbers
    FROM pg_catalog.pg_constraint AS c WHERE c.conrelid IN (SELECT relation FROM parts)
  UNION
    SELECT i.relname, x.indrelid, x.indkey::int2[]
    FROM pg_catalog.pg_index AS x
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    WHERE x.indrelid IN (SELECT relation FROM parts)
)
SELECT k.constraint_name::text, array_to_string(ARRAY(
    SELECT a.attname FROM unnest(k.numbers) WITH ORDINALITY AS u (number, place)
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = k.relation AND a.attnum = u.number AND a.attnum > 0
    ORDER BY u.place), ', ')
FROM keys AS k"""

#: The name of a unique index of exactly the columns of a key, preferably that of the
#: primary key. One with included columns or a condition would refuse other rows.
KEY_INDEX = """
SELECT i.relname::text
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam AND m.amname = 'btree'
WHERE x.indrelid = ($1::text)::regclass AND x.indisunique
  AND x.indnatts = x.indnkeyatts AND x.indpred IS NULL
  AND ARRAY(SELECT a.attname::text
            FROM unnest(x.indkey::int2[]) AS u (number)
            JOIN pg_catalog.pg_attribute AS a
              ON a.attrelid = x.indrelid AND a.attnum = u.number AND a.attnum > 0
            ORDER BY a.attname::text COLLATE "C")
      = ARRAY(SELECT * FROM json_array_elements_text($2::json) AS k (name)
              ORDER BY k.name COLLATE "C")
ORDER BY x.indisprimary DESC, i.relname LIMIT 1"""

#: The condition that a row is in the run. The ctids are listed, as they may be no
#: range: COPY may store a short row in an earlier page that has room for it.
_IS_IN_RUN = "s.ctid = ANY (propload_chosen)"

#: A sequence is not rolled back with a run that failed: it is reset to what it was.
_SAVE_COUNTER = (
    "SELECT c.last_value, c.is_called INTO propload_counter "
    f"FROM {merging.UPDATES} AS c;"
)
_RESTORE_COUNTER = (
    f"PERFORM setval('{merging.UPDATES}', propload_counter.last_value, "
    "propload_counter.is_called);"
)

#: The body of the pass; `write` writes one run, and its counts into `propload_one`.
_SIFT = """
#variable_conflict use_column
DECLARE
    propload_places tid[]; propload_ordinals integer[]; propload_chosen tid[];
    propload_first integer := 1; propload_last integer; propload_end integer;
    propload_run integer := propload_first_run; propload_good integer := 0;
    propload_one record; propload_done bigint; propload_table text;
    propload_likely integer; propload_alike integer := 0; propload_met text;
    propload_counter record;
BEGIN
    stale := 0; proposed := 0; inserted := 0; written := 0; looked_at := 0;
    SELECT array_agg(s.ctid ORDER BY s.{ordinal}),
           array_agg(s.{ordinal} ORDER BY s.{ordinal}), count(*)
    INTO propload_places, propload_ordinals, propload_end FROM {stage} AS s;
    WHILE propload_first <= propload_end LOOP
        propload_last := least(propload_first + propload_run - 1, propload_end);
        propload_chosen := propload_places[propload_first:propload_last];
        {remember}
        BEGIN
            {write};
            stale := stale + propload_one.stale;
            proposed := proposed + propload_one.proposed;
            inserted := inserted + propload_one.inserted;
            written := written + propload_one.written;
            looked_at := looked_at + propload_one.looked_at;
            propload_sure := propload_sure OR propload_one.written > 0;
            propload_good := propload_good + propload_last - propload_first + 1;
            propload_first := propload_last + 1;
            propload_run := least(propload_run * 2, propload_longest_run);
        EXCEPTION WHEN OTHERS THEN
            {forget}
            IF {of_the_server} THEN
                RAISE;
            ELSIF propload_first < propload_last THEN
                propload_run := greatest(
                    (propload_last - propload_first + 1) / {cuts}, 1);
            ELSE
                GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
                    detail = PG_EXCEPTION_DETAIL, column_name = COLUMN_NAME,
                    constraint_name = CONSTRAINT_NAME, propload_table = TABLE_NAME;
                state := SQLSTATE;
                row_ordinal := propload_ordinals[propload_first];
                blamed := NULL;
                IF column_name = '' AND (left(state, 2) NOT IN ('23', 'P0')
                        OR left(state, 2) = '23' AND propload_table = '') THEN
                    blamed := pg_temp.propload_blame(
                        propload_places[propload_first], propload_likely, message);
                    propload_likely := coalesce(blamed, propload_likely);
                END IF;
                IF propload_sure OR {of_rows} THEN
                    propload_sure := true;
                ELSIF blamed IS NOT NULL THEN
                    -- a value is at fault, unless the type takes not even a null
                    BEGIN
                        EXECUTE ({nulls})[blamed];
                        propload_sure := true;
                    EXCEPTION WHEN OTHERS THEN
                        propload_sure := SQLSTATE <> state;
                    END;
                    IF NOT propload_sure THEN
                        RAISE;
                    END IF;
                ELSE
                    propload_alike := propload_alike + 1;
                    propload_sure := state <> coalesce(propload_met, state);
                    propload_met := state;
                    IF NOT propload_sure AND (propload_alike >= {most_alike}
                            OR propload_first = propload_end) THEN
                        RAISE;
                    END IF;
                END IF;
                RETURN NEXT;
                propload_first := propload_first + 1;
                -- bad rows come as far apart as the last two
                propload_run := least(
                    greatest(propload_good / 2, 1), propload_longest_run);
                propload_good := 0;
            END IF;
        END;
    END LOOP;
    row_ordinal := NULL;
    RETURN NEXT;
END"""


def create(shape: Shape, /) -> tuple[str, ...]:
    """Return the statements that create the pass as a temporary function."""
    counts = shape.counts_by == "sequence" and bool(shape.key)
    sift = _create_sift(shape, _write(shape), uses_counter=counts)
    return *create_blame(shape), sift


def call_sift(runs: Runs, /) -> str:
    """Return the query that executes the pass."""
    return f"SELECT * FROM pg_temp.propload_sift({_RUN_ARGUMENTS[runs]})"


def create_trial(shape: Shape, columns: Sequence[str], /) -> tuple[str, ...]:
    """Return the statements that create the pass as one that only checks types.

    It inserts the rows into a temporary table with these columns, because a length is
    only enforced on assignment: a cast to bit(3) would truncate. Only rows that would
    be written are checked, since the checks of a domain are constraints.

    Args:
        shape: How rows go into the table.
        columns: The columns whose types, and the checks of whose domains, are tried.
    """
    source = f"{STAGE} AS s WHERE {_IS_IN_RUN}"
    if shape.key:
        judgement = f"({changes_query(shape, _IS_IN_RUN)}) AS j"
        source = f"{judgement} JOIN {STAGE} AS s ON s.ctid = j.place WHERE NOT j.stale"
    return _create_trial(shape, columns, source)


def create_index_trial(shape: Shape, key: Sequence[str], /) -> tuple[str, ...]:
    """Return the statements that create the pass as one that only fills an index.

    Args:
        shape: How rows go into the table.
        key: The columns of the index.
    """
    index = f"CREATE INDEX {TRIAL_INDEX} ON {_TRIAL} ({names(key)})"
    return _create_trial(shape, key, f"{STAGE} AS s WHERE {_IS_IN_RUN}", index)


def _create_trial(
    shape: Shape, columns: Sequence[str], source: str, *index: str
) -> tuple[str, ...]:
    """Return the statements for a pass that fills a table with some of the columns."""
    listed = names(columns)
    values = ", ".join(INCOMING(shape.column(column)) for column in columns)
    write = (
        f"INSERT INTO {_TRIAL} ({listed}) SELECT {values} FROM {source}; "
        # nothing is written to the target
        "SELECT 0 AS stale, 0 AS proposed, 0 AS inserted, 0 AS written, "
        "0 AS looked_at INTO propload_one"
    )
    create_table = (
        f"CREATE TEMPORARY TABLE {_TRIAL} ON COMMIT DROP AS "
        f"SELECT {listed} FROM {table(shape.table)} WITH NO DATA"
    )
    sift = _create_sift(shape, write, uses_counter=False)
    return create_table, *index, *create_blame(shape), sift


def delete_rows(ordinals: Sequence[int], /) -> str:
    """Return the statement that deletes rows from the stage."""
    listed = ",".join(map(str, ordinals))
    return (
        f"DELETE FROM {STAGE} AS s WHERE s.{ORDINAL} = ANY ('{{{listed}}}'::integer[])"
    )


def _write(shape: Shape) -> str:
    """Return the statements that write a run, and its counts into `propload_one`."""
    if shape.key:
        folds = shape.mode != "insert-new" and shape.on_null == "keep"
        write = merging.insert_on_conflict(
            shape, where=_IS_IN_RUN, into="INTO propload_one", folds=folds
        )
        lock = merging.lock_stored_rows(shape, _IS_IN_RUN).replace(
            "SELECT", "PERFORM", 1
        )
        return f"{lock}; {write}" if folds else write
    return (
        merging.append(shape, where=_IS_IN_RUN)
        + "; GET DIAGNOSTICS propload_done = ROW_COUNT; "
        "SELECT 0 AS stale, propload_done AS proposed, propload_done AS inserted, "
        "propload_done AS written, "
        f"({COUNT_STAGE} AS s WHERE {_IS_IN_RUN}) AS looked_at INTO propload_one"
    )


def _create_sift(shape: Shape, write: str, *, uses_counter: bool) -> str:
    body = _SIFT.format(
        write=write,
        remember=_SAVE_COUNTER if uses_counter else "",
        forget=_RESTORE_COUNTER if uses_counter else "",
        of_the_server=IS_SERVER_ERROR,
        of_rows=_IS_ROW_ERROR,
        nulls=store_nulls(shape),
        stage=STAGE,
        ordinal=ORDINAL,
        cuts=SPLIT_INTO,
        most_alike=MOST_ALIKE,
    )
    return (
        "CREATE OR REPLACE FUNCTION pg_temp.propload_sift("
        "propload_first_run integer, propload_longest_run integer, "
        "propload_sure boolean) RETURNS TABLE ("
        "row_ordinal integer, state text, message text, detail text, "
        "column_name text, constraint_name text, blamed integer, "
        "stale bigint, proposed bigint, inserted bigint, written bigint, "
        "looked_at bigint) "
        f"LANGUAGE plpgsql AS {text(body)}"
    )
