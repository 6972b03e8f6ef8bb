# ruff: noqa: S608 - names are quoted, values are made into literals here
"""The schema `propload`: which runs there were and what each one committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import locks
from propload.postgres.sql.quoting import text

if TYPE_CHECKING:
    from propload.batch import Piece
    from propload.report import Counts

#: Names the lock under which the schema is made; any number but a run's own.
_MAKING = "propload:schema"

#: The setting by which a session is known again.
SESSION = "propload.session"

LOCK_MAKING = f"SELECT pg_advisory_xact_lock(hashtextextended('{_MAKING}', 0))::text"

#: Whether the two tables are there, whether this user may make or use them, and
#: whether there is a schema for them.
#: By their numbers: to ask for a name in a schema without USAGE on it is an error.
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

#: Only where there is none: one that somebody has made for this user stays as it is.
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

#: Which process holds a run stands among its settings: tables that are there already
#: need no other column.
_HELD = "settings::json ->> 'holder'"
_HOLDER = "jsonb_build_object('holder', $2::text)"
#: The number of the ledger itself: where it was restored from a dump, all tables have
#: other numbers since, the one that a run wrote into as well.
_PLACE = "jsonb_build_object('ledger', 'propload.runs'::regclass::oid::int8)"

#: A run that is continued keeps its first line and its holder, but for what its
#: settings tell.
BEGIN = f"""
INSERT INTO propload.runs AS r
    (run_id, source, fingerprint, target, mode, settings)
VALUES ($1::text, $3::text, $4::text, $5::text, $6::text,
        ($7::jsonb || {_HOLDER} || {_PLACE})::text)
ON CONFLICT (run_id) DO UPDATE
SET status = 'running', finished_at = NULL, settings = EXCLUDED.settings
WHERE r.{_HELD} = $2::text
RETURNING run_id"""

#: It waits for the transactions that have entered a piece and not ended.
HOLD = f"""
UPDATE propload.runs SET settings = (settings::jsonb || {_HOLDER})::text
WHERE run_id = $1::text
RETURNING run_id"""

FINISH = f"""
UPDATE propload.runs SET status = $3::text, finished_at = now()
WHERE run_id = $1::text AND {_HELD} = $2::text
RETURNING run_id"""

#: How a run ended all of whose rows are in the table, or refused.
LOADED = "loaded"

#: Runs of which nothing is left to go on with. Sources whose runs stay, and runs that
#: do, are $3 and $4, by lines.
FORGET = f"""
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

COMMITTED = (
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

#: Their session may have been lost for a while, though not for a week.
#: Of a file's that goes into the same table, a newer replace takes the place.
UNFINISHED_REPLACES = """
SELECT run_id, target FROM propload.runs
WHERE mode = 'replace' AND status = 'running'
  AND (fingerprint IS NULL OR target <> $1::text)
  AND started_at > now() - interval '7 days'"""

#: Runs into a table that have committed rows there and are still going on: a process
#: that claims a run holds its lock, which is gone once the process was killed.
BESIDE = f"""
SELECT run_id FROM propload.runs AS r
WHERE target = $1::text AND run_id <> $2::text
  AND mode <> 'replace' AND status = 'running'
  AND EXISTS (SELECT FROM propload.ledger AS l
              WHERE l.run_id = r.run_id AND inserted + updated + unchanged > 0)
  AND {locks.number_of("run", "run_id")} IN ({locks.HELD})
ORDER BY started_at, run_id"""

#: A database by what neither its address nor its name decides.
IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || oid::text
FROM pg_catalog.pg_database WHERE datname = current_database()"""


def transaction(run_id: str, /, *, token: str) -> str:
    """Return the query for the open transaction's number, which `status_of` knows.

    It has none in a session of another token. It also shares the run's lock of open
    pieces, for which a process that continues the run waits.
    """
    return (
        f"SELECT CASE WHEN {_is_session(token)} THEN pg_current_xact_id()::text END "
        f"FROM {locks.share(pieces_of(run_id))}"
    )


def status_of(transaction: str, /) -> str:
    """Return the query for what became of a transaction: committed, aborted, ..."""
    return f"SELECT pg_xact_status({text(transaction)}::xid8)"


def pieces_of(run_id: str, /) -> str:
    """Return the name of the lock that a run's open pieces share."""
    return f"pieces:{run_id}"


def _is_session(token: str) -> str:
    return f"current_setting('{SESSION}', true) = {text(token)}"


def record(
    run_id: str, piece: Piece, counts: Counts, /, *, token: str, holder: str
) -> str:
    """Return the statement that enters a piece; part of its transaction.

    It enters nothing in a session of another token, none where another process holds
    the run, which waits for the end of the transaction to hold it, and none twice.

    Its numbers stand in the text: a statement without parameters needs one
    round trip, one with them three. It also shares the run's lock of open pieces, for
    which a process that continues the run waits.
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
    return (
        f"INSERT INTO propload.ledger (run_id, {_ENTRY}) "
        f"SELECT {text(run_id)}, {values} FROM {locks.share(pieces_of(run_id))}, "
        f"(SELECT FROM propload.runs WHERE {_is_held(run_id, holder)} FOR SHARE) AS r "
        f"WHERE {_is_session(token)} ON CONFLICT (run_id, batch, lane) DO NOTHING"
    )


def obstacles(run_id: str, /, *, token: str, holder: str) -> str:
    """Return the query for what keeps a piece from being entered.

    It answers whether the session is this process's own, whether the ledger knows the
    run, and whether this process holds it.
    """
    known = f"SELECT FROM propload.runs WHERE run_id = {text(run_id)}"
    held = f"SELECT FROM propload.runs WHERE {_is_held(run_id, holder)}"
    return f"SELECT {_is_session(token)}, EXISTS ({known}), EXISTS ({held})"


def _is_held(run_id: str, holder: str) -> str:
    return f"run_id = {text(run_id)} AND {_HELD} = {text(holder)}"


def find(run_id: str, batch: int, lane: int, /) -> str:
    """Return the query for one entry of the ledger."""
    return (
        f"SELECT {_ENTRY} FROM propload.ledger WHERE run_id = {text(run_id)} "
        f"AND batch = {batch} AND lane = {lane}"
    )
