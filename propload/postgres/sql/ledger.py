# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Statements for the schema `propload`: the runs, and what each one committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import locks
from propload.postgres.sql.quoting import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.batch import Piece
    from propload.report import Counts

#: Names the advisory lock under which the schema is made; no run's lock has its key.
_SCHEMA_LOCK = "propload:schema"

#: The setting that holds a session's token, by which the session is recognized.
SESSION = "propload.session"

LOCK_SCHEMA = (
    f"SELECT pg_advisory_xact_lock(hashtextextended('{_SCHEMA_LOCK}', 0))::text"
)

#: Whether both tables exist, whether this user may create them, whether the user may
#: use them, and whether their schema exists. Privileges are asked for by oid, because
#: asking by name raises an error if the user has no USAGE on the schema.
ACCESS = """
WITH schema AS (
    SELECT oid, has_schema_privilege(oid, 'USAGE') AS usable
    FROM pg_catalog.pg_namespace WHERE nspname = 'propload'
), tables AS (
    SELECT relname,
           has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND (relname = 'ledger' OR has_table_privilege(c.oid, 'UPDATE'))
           AND schema.usable AS usable
    FROM pg_catalog.pg_class AS c JOIN schema ON c.relnamespace = schema.oid
    WHERE relname IN ('runs', 'ledger')
)
SELECT (SELECT count(*) = 2 FROM tables),
       CASE WHEN EXISTS (SELECT FROM schema)
            THEN (SELECT usable AND has_schema_privilege(oid, 'CREATE') FROM schema)
            ELSE has_database_privilege(current_database(), 'CREATE') END,
       (SELECT count(*) = 2 FROM tables WHERE usable),
       EXISTS (SELECT FROM schema)"""

#: Run only if there is no such schema: one that was made for this user stays as it is.
CREATE_SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS propload",
    "COMMENT ON SCHEMA propload IS 'What propload remembers of its runs'",
)

CREATE_TABLES = (
    """
CREATE TABLE IF NOT EXISTS propload.runs (
    run_id text PRIMARY KEY,
    source text NOT NULL,
    fingerprint text,
    target text NOT NULL,
    mode text NOT NULL,
    settings text NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'running',
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
)""",
    """
CREATE TABLE IF NOT EXISTS propload.ledger (
    run_id text NOT NULL,
    batch bigint NOT NULL,
    lane integer NOT NULL,
    first_row bigint NOT NULL,
    through_row bigint NOT NULL,
    read bigint NOT NULL,
    duplicates bigint NOT NULL,
    rejected bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    stale bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, batch, lane)
)""",
)

#: The process that holds a run is noted in the run's settings, so that existing tables
#: need no new column.
_STORED_HOLDER = "settings::json ->> 'holder'"
_NEW_HOLDER = "jsonb_build_object('holder', $2::text)"
#: The oid of the table of runs itself. If it has changed, the database was restored
#: from a dump, and the oid of the table that a run wrote into is no longer valid
#: either.
_LEDGER_OID = "jsonb_build_object('ledger', 'propload.runs'::regclass::oid::int8)"

#: Enters a run, or sets one that is continued to running: of that only the status, the
#: end and the settings change, and only if process $2 holds it.
BEGIN = f"""
INSERT INTO propload.runs AS r
    (run_id, source, fingerprint, target, mode, settings)
VALUES ($1::text, $3::text, $4::text, $5::text, $6::text,
        ($7::jsonb || {_NEW_HOLDER} || {_LEDGER_OID})::text)
ON CONFLICT (run_id) DO UPDATE
SET status = 'running', finished_at = NULL, settings = EXCLUDED.settings
WHERE r.{_STORED_HOLDER} = $2::text
RETURNING run_id"""

#: Makes process $2 the holder of a run. It waits for the open transactions that have
#: entered a piece of the run.
SET_HOLDER = f"""
UPDATE propload.runs SET settings = (settings::jsonb || {_NEW_HOLDER})::text
WHERE run_id = $1::text
RETURNING run_id"""

#: The status of a run of which every row is in the table or rejected.
LOADED = "loaded"

#: Deletes loaded runs into table $2 (if empty, into any) that ended before $1, with
#: their entries; returns how many. Runs from the sources of $3 and the runs of $4 are
#: kept; both are lists with one item a line.
DELETE_LOADED_RUNS = f"""
WITH gone AS (
    DELETE FROM propload.runs
    WHERE status = '{LOADED}' AND finished_at < $1::timestamptz
      AND $2::text IN ('', target)
      AND source <> ALL (string_to_array($3::text, chr(10)))
      AND run_id <> ALL (string_to_array($4::text, chr(10)))
    RETURNING run_id
), entries AS (
    DELETE FROM propload.ledger AS l USING gone WHERE l.run_id = gone.run_id
)
SELECT count(*) FROM gone"""

STATUS = "SELECT status FROM propload.runs WHERE run_id = $1::text"

_ENTRY = (
    "batch, lane, first_row, through_row, read, inserted, updated, unchanged, "
    "stale, duplicates, rejected"
)

ENTRIES_OF_RUN = (
    f"SELECT {_ENTRY} FROM propload.ledger WHERE run_id = $1::text ORDER BY batch, lane"
)

_RUNS = """
SELECT run_id, source, fingerprint, target, mode,
       CASE WHEN settings::jsonb ->> 'ledger' <> tableoid::text
            THEN (settings::jsonb - 'table_oid')::text ELSE settings END,
       status
FROM propload.runs"""

RUN = f"{_RUNS} WHERE run_id = $1::text"
RUNS_OF = f"{_RUNS} WHERE source = $1::text AND target = $2::text"

#: Replaces that may still be continued: their session may have been lost for a while,
#: but not for a week. Those of a source that has a fingerprint are left out if they
#: replace table $1: the replace that is beginning there supersedes them.
UNFINISHED_REPLACES = """
SELECT run_id, target FROM propload.runs
WHERE mode = 'replace' AND status = 'running'
  AND (fingerprint IS NULL OR target <> $1::text)
  AND started_at > now() - interval '7 days'"""

#: Other runs that have committed rows into the same table and are still in progress:
#: the process of a run holds its advisory lock, which is released even if it is killed.
CONCURRENT_RUNS = f"""
SELECT run_id FROM propload.runs AS r
WHERE target = $1::text AND run_id <> $2::text
  AND mode <> 'replace' AND status = 'running'
  AND EXISTS (SELECT FROM propload.ledger AS l
              WHERE l.run_id = r.run_id AND inserted + updated + unchanged > 0)
  AND {locks.key_expression("run", "run_id")} IN ({locks.HELD_KEYS})
ORDER BY started_at, run_id"""

#: Identifies a database whatever its address and name are.
IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || oid::text
FROM pg_catalog.pg_database WHERE datname = current_database()"""


def transaction_id(run_id: str, /, *, token: str) -> str:
    """Return the query for the id of the open transaction, for `transaction_status`.

    It returns null if the session has another token. It also takes the lock of the
    run's open pieces in shared mode; a process that continues the run waits for that
    lock.
    """
    return (
        f"SELECT CASE WHEN {_is_session(token)} THEN pg_current_xact_id()::text END "
        f"FROM {locks.take_shared(open_pieces_lock(run_id))}"
    )


def transaction_status(transaction: str, /) -> str:
    """Return the query for a transaction's status: committed, aborted, in progress."""
    return f"SELECT pg_xact_status({text(transaction)}::xid8)"


def open_pieces_lock(run_id: str, /) -> str:
    """Return the name of the lock that transactions of a run's pieces hold, shared."""
    return f"pieces:{run_id}"


def _is_session(token: str) -> str:
    return f"current_setting('{SESSION}', true) = {text(token)}"


def finish(
    run_id: str, holder: str, status: str, confirmed: Iterable[tuple[int, int]], /
) -> str:
    """Return the statement that enters how a run ended, and returns its id.

    It does nothing if another process holds the run, or if the ledger lacks one of the
    entries of `confirmed`, each a batch and a lane.
    """
    return (
        f"UPDATE propload.runs SET status = {text(status)}, finished_at = now() "
        f"WHERE {_is_held(run_id, holder)} AND {_has_entries(run_id, confirmed)} "
        "RETURNING run_id"
    )


def insert_entry(
    run_id: str,
    piece: Piece,
    counts: Counts,
    confirmed: Iterable[tuple[int, int]] = (),
    /,
    *,
    token: str,
    holder: str,
) -> str:
    """Return the statement that enters a piece in the ledger, in its transaction.

    It inserts nothing if the session has another token, if another process holds the
    run, if the piece is entered already, or if the ledger lacks one of the entries of
    `confirmed`, each a batch and a lane. No other process can become the holder until
    the transaction ends. It also takes the lock of the run's open pieces in shared
    mode; a process that continues the run waits for that lock.

    Values are literals in the text: a statement without parameters takes one round
    trip; with parameters it would take more (`quoting.with_values`).
    """
    numbers = (
        piece.batch,
        piece.lane,
        piece.first_row,
        piece.through_row,
        counts.read,
        counts.inserted,
        counts.updated,
        counts.unchanged,
        counts.stale,
        counts.duplicates,
        counts.rejected,
    )
    values = ", ".join(map(str, numbers))
    lock = locks.take_shared(open_pieces_lock(run_id))
    return (
        f"INSERT INTO propload.ledger (run_id, {_ENTRY}) "
        f"SELECT {text(run_id)}, {values} FROM {lock}, "
        f"(SELECT FROM propload.runs WHERE {_is_held(run_id, holder)} FOR SHARE) AS r "
        f"WHERE {_is_session(token)} AND {_has_entries(run_id, confirmed)} "
        "ON CONFLICT (run_id, batch, lane) DO NOTHING"
    )


def has_entries(run_id: str, confirmed: Iterable[tuple[int, int]], /) -> str:
    """Return the query for whether the ledger has all of some entries of a run."""
    return f"SELECT {_has_entries(run_id, confirmed)}"


def _has_entries(run_id: str, confirmed: Iterable[tuple[int, int]]) -> str:
    found = (
        f"EXISTS (SELECT FROM propload.ledger WHERE run_id = {text(run_id)} "
        f"AND batch = {batch} AND lane = {lane})"
        for batch, lane in confirmed
    )
    return " AND ".join(found) or "true"


def obstacles(run_id: str, /, *, token: str, holder: str) -> str:
    """Return the query for why a piece could not be entered.

    It returns whether the session has the token, whether the ledger has the run, and
    whether this process holds the run.
    """
    run = f"SELECT FROM propload.runs WHERE run_id = {text(run_id)}"
    held_run = f"SELECT FROM propload.runs WHERE {_is_held(run_id, holder)}"
    return f"SELECT {_is_session(token)}, EXISTS ({run}), EXISTS ({held_run})"


def _is_held(run_id: str, holder: str) -> str:
    return f"run_id = {text(run_id)} AND {_STORED_HOLDER} = {text(holder)}"


def find_entry(run_id: str, batch: int, lane: int, /) -> str:
    """Return the query for a piece's entry in the ledger."""
    return (
        f"SELECT {_ENTRY} FROM propload.ledger WHERE run_id = {text(run_id)} "
        f"AND batch = {batch} AND lane = {lane}"
    )
