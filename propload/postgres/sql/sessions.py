# ruff: noqa: S608 - names are quoted, values are made into literals here
"""What sessions set as they begin, and writers before they make their stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.postgres.sql import merging
from propload.postgres.sql.change_detection import tells_stale
from propload.postgres.sql.quoting import table, text
from propload.postgres.sql.stage import create_stage
from propload.postgres.sql.tables import READS_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propload.postgres.sql.shape import Shape
    from propload.target import TableName

#: Whether the server answers, and how soon.
ANSWER = "SELECT 1"

#: The size of a page of a table, in bytes.
PAGE_BYTES = "SELECT current_setting('block_size')::integer"

#: Must be set before the first temporary table. 64 MB hold a stage of 50,000 wide
#: rows; the server takes them piece by piece, as they are used.
TEMP_BUFFERS = "SET temp_buffers = '64MB'"

#: The stage bears no statistics, and the planner would scan and hash a table of
#: millions for some thousand staged rows. One index probe a row costs the same at
#: any size of the table, so the plan cannot turn bad as it grows, even the one that
#: is kept from when the table was empty. Of a table of some rows the planner would
#: keep all of them beside the stage, and go through them once for each staged row.
PROBE_ONLY = (
    "SET enable_material = off",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)

#: Connections that this user may have, and how many of them are free now. Of those of
#: other users only the number is told, which is all that is asked; -1 is no limit. And
#: how the limit is raised that leaves the fewest, up to the number.
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

#: Tables, sequences and functions: the session's namespace holds nothing else's.
DROP_TEMPORARY = "DISCARD TEMP"

MAY_STAGE = "SELECT has_database_privilege(current_database(), 'TEMPORARY')"


#: By which the server tells whose a session is; what the user has chosen stays.
NAME = "application_name"

#: When a session began, to the microsecond and in no time zone.
_STARTED = "extract(epoch FROM backend_start)::text"

#: Ends the session of a process, given when it began, and waits 5 s for its end.
#: Another process of that number began later; what a pooler has lent to others since
#: bears their name.
END_LOST = f"""
SELECT pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
WHERE pid = $1 AND {_STARTED} = $2 AND pid <> pg_backend_pid()
  AND usename = session_user
  AND application_name = current_setting('application_name')"""


def begin(settings: Iterable[str], line: Mapping[str, str], /) -> str:
    """Return the query that sets a session up.

    It returns the server's version, whether it may be told to read files, the session's
    process and when that began, and values that nobody needs.

    Args:
        settings: Names of what is set; the values are the parameters, in order.
        line: What the server does about a broken line where neither it nor the user
            has chosen that; a socket of the machine itself has no line, and a server
            that lacks such a setting goes without.
    """
    values = {NAME: "coalesce(nullif(current_setting('application_name'), ''), {})"}
    calls = ", ".join(
        f"set_config({text(name)}, {values.get(name, '{}').format(f'${place}')}, false)"
        for place, name in enumerate(settings, start=1)
    )
    pairs = ", ".join(f"({text(name)}, {text(line[name])})" for name in line)
    return f"""
SELECT current_setting('server_version_num')::int, {READS_FILES}, pg_backend_pid(),
       (SELECT {_STARTED} FROM pg_catalog.pg_stat_get_activity(pg_backend_pid())),
       (SELECT count(set_config(s.name, l.value, false))
        FROM pg_catalog.pg_settings AS s
        JOIN (VALUES {pairs}) AS l (name, value) ON l.name = s.name
        WHERE s.source = 'default' AND inet_client_addr() IS NOT NULL),
       {calls}"""


def find_operators(target: TableName, /) -> str:
    """Return the statement by which a session finds the operators of a table's types.

    Those of an extension lie where it was installed. Out of the search path they are
    not found, or, where the type can be taken for text, those of text are: a key would
    be looked for by letters that its index holds equal. The path is made longer at its
    end, so that no name means anything else than before.
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
    """Return the statements that prepare a session for the staged path."""
    made = [find_operators(shape.table), create_stage(shape)]
    if shape.counts_by == "sequence":
        made.append(merging.create_counter(merging.UPDATES))
    if shape.merges and tells_stale(shape):
        made.append(merging.create_counter(merging.STALES))
    if shape.merges and shape.key:
        made.append(merging.create_match(shape))
    return (TEMP_BUFFERS, *PROBE_ONLY, *made)
