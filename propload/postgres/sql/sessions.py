# ruff: noqa: S608 - names are quoted, values are made into literals here
"""Statements that set up a session, and that prepare it for a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import merging
from propload.postgres.sql.change_detection import detects_stale
from propload.postgres.sql.quoting import table, text
from propload.postgres.sql.stage import create_stage
from propload.postgres.sql.tables import READS_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propload.postgres.sql.shape import Shape
    from propload.target import TableName

#: Tests whether the server answers, and how fast.
PING = "SELECT 1"

#: The size of a page of a table, in bytes.
PAGE_BYTES = "SELECT current_setting('block_size')::integer"

#: Must be set before the session first uses a temporary table. 64 MB hold a stage of
#: 50,000 wide rows; the server allocates the memory only as it is used.
TEMP_BUFFERS = "SET temp_buffers = '64MB'"

#: The stage has no statistics, so the planner would scan and hash a table of millions
#: of rows for a few thousand staged ones. One index probe per row costs the same
#: whatever the size of the table, so that even a plan that was cached while the table
#: was empty does not become bad as the table grows. For a small table the planner would
#: materialize all its rows, and scan them once for each staged row.
PROBE_ONLY = (
    "SET enable_material = off",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)

#: Returns how many connections this user may have, how many of them are free now, and
#: the beginning of the statement that raises the lowest limit, without the new number;
#: an empty text if that is the server's own limit. A limit of -1 in the catalog means
#: no limit. Of other users' sessions only the number is needed, which anyone may see.
CONNECTIONS = """
WITH used AS (
    SELECT count(*) AS all_of_them,
           count(*) FILTER (WHERE usesysid = session_user::regrole) AS own,
           count(*) FILTER (WHERE datid = (
               SELECT oid FROM pg_catalog.pg_database
               WHERE datname = current_database())) AS here
    FROM pg_catalog.pg_stat_get_activity(NULL) WHERE datid IS NOT NULL
), limits AS (
    SELECT current_setting('max_connections')::int8
           - current_setting('superuser_reserved_connections')::int8
           - coalesce(current_setting('reserved_connections', true), '0')::int8
             AS of_server,
           CASE WHEN NOT rolsuper THEN nullif(rolconnlimit, -1) END AS of_role,
           CASE WHEN NOT rolsuper THEN nullif(datconnlimit, -1) END AS of_database
    FROM pg_catalog.pg_roles, pg_catalog.pg_database
    WHERE rolname = session_user AND datname = current_database()
)
SELECT least(of_server, of_role, of_database)::int8,
       least(of_server - all_of_them, of_role - own, of_database - here)::int8,
       CASE least(of_server, of_role, of_database)
           WHEN of_role THEN format('ALTER ROLE %I CONNECTION LIMIT', session_user)
           WHEN of_database
               THEN format('ALTER DATABASE %I CONNECTION LIMIT', current_database())
           ELSE '' END
FROM used, limits
"""

#: Drops the session's temporary tables, sequences and functions; nothing but propload's
#: own is in the session's temporary schema.
DROP_TEMPORARY = "DISCARD TEMP"

MAY_STAGE = "SELECT has_database_privilege(current_database(), 'TEMPORARY')"


#: The setting that names a session's program; a name chosen by the user is kept.
NAME = "application_name"

#: When a session began: seconds since the epoch, to the microsecond.
_STARTED = "extract(epoch FROM backend_start)::text"

#: The longest time that a transaction may take, in seconds, or 0 for no limit; there is
#: none before PostgreSQL 17.
_LIMIT = (
    "coalesce(extract(epoch FROM current_setting('transaction_timeout', true)"
    "::interval), 0)::float8"
)

#: Terminates the session of process $1 that began at $2, and waits up to 5 s for its
#: end. The time excludes a later process with the same id; the application name, a
#: session that a pooler has since assigned to another client.
TERMINATE_SESSION = f"""
SELECT pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
WHERE pid = $1 AND {_STARTED} = $2 AND pid <> pg_backend_pid()
  AND usename = session_user
  AND application_name = current_setting('application_name')"""


def begin(settings: Iterable[str], keepalives: Mapping[str, str], /) -> str:
    """Return the query that sets up a session.

    It returns the server's version, whether this user may have the server read files,
    the process id of the session, when it began and how many seconds a transaction of
    it may take, followed by values to be ignored.

    Args:
        settings: The names of the settings; their values are the parameters, in order.
        keepalives: The settings by which the server notices a broken connection, with
            their values. One that the server's configuration or the user has set
            already is left alone, and one that the server does not have is skipped; so
            are all on a Unix-domain socket.
    """
    values = {NAME: "coalesce(nullif(current_setting('application_name'), ''), {})"}
    calls = ", ".join(
        f"set_config({text(name)}, {values.get(name, '{}').format(f'${n}')}, false)"
        for n, name in enumerate(settings, start=1)
    )
    pairs = ", ".join(
        f"({text(name)}, {text(setting)})" for name, setting in keepalives.items()
    )
    return f"""
SELECT current_setting('server_version_num')::int, {READS_FILES}, pg_backend_pid(),
       (SELECT {_STARTED} FROM pg_catalog.pg_stat_get_activity(pg_backend_pid())),
       {_LIMIT},
       (SELECT count(set_config(s.name, l.value, false))
        FROM pg_catalog.pg_settings AS s
        JOIN (VALUES {pairs}) AS l (name, value) ON l.name = s.name
        WHERE s.source = 'default' AND inet_client_addr() IS NOT NULL),
       {calls}"""


def find_operators(target: TableName, /) -> str:
    """Return the statement that makes the operators of a table's types visible.

    The operators of an extension's type are in the schema where it was installed. If
    that is not in the search path, they are not found, or the operators of text are
    used if the type can be cast to text implicitly: a key would then be compared
    letter by letter although its index treats different spellings as equal. The schemas
    are appended to the search path, so that no name changes its meaning.
    """
    return f"""
WITH RECURSIVE below AS (
    SELECT a.atttypid AS type FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = {text(table(target))}::regclass AND a.attnum > 0
      AND NOT a.attisdropped
  UNION
    SELECT t.typbasetype FROM below AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT pg_catalog.set_config('search_path', concat_ws(', ',
    nullif(pg_catalog.current_setting('search_path'), ''),
    string_agg(DISTINCT quote_ident(n.nspname), ', ')), false)
FROM below AS b
JOIN pg_catalog.pg_type AS t ON t.oid = b.type
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname <> 'pg_catalog'
  AND n.nspname <> ALL (pg_catalog.current_schemas(false))
HAVING count(*) > 0"""


def set_up(shape: Shape, /) -> tuple[str, ...]:
    """Return the statements that prepare a session for writing through a stage."""
    statements = [find_operators(shape.table), create_stage(shape)]
    if shape.counts_by == "sequence":
        statements.append(merging.create_counter(merging.UPDATES))
    if shape.supports_merge and detects_stale(shape):
        statements.append(merging.create_counter(merging.STALES))
    if shape.supports_merge and shape.key:
        statements.append(merging.create_merge_function(shape))
    return (TEMP_BUFFERS, *PROBE_ONLY, *statements)
