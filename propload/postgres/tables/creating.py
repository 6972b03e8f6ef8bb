"""Create a missing table, or check an existing one and add columns to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ROW
from propload.errors import (
    ConcurrentCreateError,
    ConfigError,
    SchemaMismatchError,
    WriteError,
)
from propload.messages.wording import listed_names
from propload.names.look_alikes import look_alikes
from propload.names.type_names import create_type
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.failures import MISSING_RIGHT
from propload.postgres.sql import quoting
from propload.postgres.sql.sessions import TEMP_BUFFERS
from propload.postgres.sql.tables import (
    ATTRIBUTES_QUERY,
    LOCK_NAME_QUERY,
    OWN_TEMPORARY,
    TEMPORARY,
    add_columns_statement,
    create_table_statement,
)
from propload.postgres.tables.catalog import describe
from propload.postgres.tables.modes import require_mode
from propload.postgres.tables.rights import require_rights
from propload.postgres.tables.row_plan import look_alike_message, plan_rows
from propload.target import TableName

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import polars as pl

    from propload.postgres.session.connection import Connection
    from propload.postgres.tables.facts import TableFacts
    from propload.target import Target

#: The longest name in bytes; PostgreSQL truncates longer ones without an error.
MAX_NAME_BYTES = 63
#: How many characters of a longer name a message shows.
SHOWN_NAME_LENGTH = 80
#: The most columns that a table can have.
MAX_COLUMNS = 1_600

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def ensure_table(
    session: Connection,
    target: Target,
    frame_schema: Mapping[str, pl.DataType],
    facts: TableFacts | None,
    pg_types: Mapping[str, str],
    /,
) -> TableFacts:
    """Create the table, or check it and add new columns; return its facts.

    Args:
        session: A session without an open transaction.
        target: The table and its rules.
        frame_schema: The names and types of the rows' columns.
        facts: The facts of the table, or None if it does not exist.
        pg_types: PostgreSQL types for columns that are created.

    Raises:
        SchemaMismatchError: The rows do not fit the table.
        WriteError: The table lacks the key, or a right is missing.
    """
    if facts is None:
        return create_table(
            session, target.table, frame_schema, key=target.key, pg_types=pg_types
        )
    require_mode(session, facts, target)
    plan = plan_rows(frame_schema, facts, target)
    plan.require_fit()
    require_rights(session, facts, target, plan)
    if plan.new and target.on_new_columns == "add":
        return add_columns(session, target.table, plan.new, pg_types=pg_types)
    return facts


def create_table(
    connection: Connection,
    table: TableName,
    frame_schema: Mapping[str, pl.DataType],
    /,
    *,
    key: Sequence[str] = (),
    pg_types: Mapping[str, str] | None = None,
) -> TableFacts:
    """Create a table, commit, and return its facts.

    Args:
        connection: A connection without an open transaction.
        table: The name of the table.
        frame_schema: The names and types of its columns; `propload_row` is left out.
        key: The primary key's columns. Those of text are ordered by bytes, like the
            incoming rows, which makes the index faster to fill.
        pg_types: PostgreSQL types that override those derived from `frame_schema`.

    Raises:
        ConcurrentCreateError: A table of that name exists, and may be different.
        SchemaMismatchError: A name or type cannot be a column's.
        WriteError: The namespace is missing, or this user may not create there.
    """
    statement = _creation_statement(table, frame_schema, key, pg_types or {})
    _run_ddl(connection, table, statement)
    return _read_facts(connection, table)


def dry_run_create(
    connection: Connection,
    table: TableName,
    frame_schema: Mapping[str, pl.DataType],
    /,
    *,
    key: Sequence[str],
    pg_types: Mapping[str, str],
) -> None:
    """Raise what `create_table` would raise for these arguments; create nothing."""
    statement = _creation_statement(
        table, frame_schema, key, pg_types, if_not_exists=True
    )
    _run_ddl(connection, table, statement, keep=False)


def create_temporary_table(
    connection: Connection,
    table: TableName,
    frame_schema: Mapping[str, pl.DataType],
    /,
    *,
    key: Sequence[str],
    pg_types: Mapping[str, str],
) -> TableFacts:
    """Create a temporary table like one that a load would create; return its facts.

    It commits. The connection must be a session of its own; the other arguments are
    those of `create_table`.

    Raises:
        WriteError: This user may not create temporary tables.
    """
    temporary = TableName(TEMPORARY, table.table)
    # set first, as it cannot be changed once a temporary table has used buffers
    connection.execute(TEMP_BUFFERS)
    statement = _creation_statement(
        temporary, frame_schema, key, pg_types, if_not_exists=True
    )
    _run_ddl(connection, temporary, statement)
    namespace = str(connection.value(OWN_TEMPORARY))
    return _read_facts(connection, TableName(namespace, table.table))


def add_columns(
    connection: Connection,
    table: TableName,
    frame_schema: Mapping[str, pl.DataType],
    /,
    *,
    pg_types: Mapping[str, str] | None = None,
) -> TableFacts:
    """Add columns to a table, commit, and return its facts.

    Args:
        connection: A connection without an open transaction.
        table: An existing table.
        frame_schema: The names and types of the new columns, which are nullable.
        pg_types: PostgreSQL types that override those derived from `frame_schema`.

    Raises:
        SchemaMismatchError: A name or type cannot be a column's, or the table has
            no room for them.
        WriteError: This user may not alter the table.
    """
    types = _column_types(frame_schema, pg_types or {})
    check_new_columns(connection, table, types)
    _run_ddl(connection, table, add_columns_statement(table, types))
    return _read_facts(connection, table)


def check_new_columns(
    connection: Connection, table: TableName, names: Collection[str], /
) -> None:
    """Raise if columns cannot be added to a table.

    Raises:
        SchemaMismatchError: A name cannot be a column's, or the table would have too
            many columns.
    """
    _check_names(table, names)
    _check_room(connection, table, names)


def _creation_statement(
    table: TableName,
    frame_schema: Mapping[str, pl.DataType],
    key: Sequence[str],
    pg_types: Mapping[str, str],
    *,
    if_not_exists: bool = False,
) -> str:
    types = _column_types(frame_schema, pg_types)
    if len(types) > MAX_COLUMNS:
        msg = (
            f"table {table} cannot be created: {len(types):,} columns are more than "
            f"the {MAX_COLUMNS:,} that a PostgreSQL table can have. Choose those "
            "that you need with a mapping (--mapping)"
        )
        raise SchemaMismatchError(msg)
    _check_names(table, types)
    if alike := look_alikes(types):
        raise SchemaMismatchError(look_alike_message(alike, table))
    unknown = [name for name in key if name not in types]
    if unknown:
        msg = (
            f"key column {listed_names(unknown)} is not in the input, whose columns "
            f"are {listed_names([*types])}"
        )
        raise ConfigError(msg)
    return create_table_statement(table, types, key=key, if_not_exists=if_not_exists)


def _column_types(
    frame_schema: Mapping[str, pl.DataType], pg_types: Mapping[str, str]
) -> dict[str, str]:
    types = {}
    for name, dtype in frame_schema.items():
        if name == ROW:
            continue
        try:
            types[name] = pg_types.get(name) or create_type(dtype)
        except SchemaMismatchError as error:
            msg = f"column {name}: {error}"
            raise SchemaMismatchError(msg) from error
    return types


def _check_names(table: TableName, names: Collection[str]) -> None:
    for name in (table.namespace, table.table):
        if problem := _name_problem(name):
            msg = f"table {problem}. Use another name (--table)"
            raise ConfigError(msg)
    for name in names:
        if problem := _name_problem(name):
            msg = (
                f"column {problem}. Give it another name in the source or with a "
                "mapping (--mapping)"
            )
            raise SchemaMismatchError(msg)
    reserved = _SYSTEM_COLUMNS.intersection(names)
    if reserved:
        msg = (
            f"column {', '.join(sorted(reserved))} of table {table} has a name that "
            "the server reserves: give it another name in the source or with a mapping "
            "(--mapping)"
        )
        raise SchemaMismatchError(msg)


def _name_problem(name: str) -> str:
    """Return why PostgreSQL does not accept a name, or an empty string if it does."""
    size = len(name.encode())
    problem = (
        f"has {size} bytes, at most {MAX_NAME_BYTES}" if size > MAX_NAME_BYTES else ""
    )
    if not name or "\0" in name:
        problem = "holds a NUL" if name else "is empty"
    shown = (
        name if len(name) <= SHOWN_NAME_LENGTH else f"{name[: SHOWN_NAME_LENGTH - 1]}…"
    )
    return f"{shown!r} cannot be created: its name {problem}" if problem else ""


def _check_room(
    connection: Connection, table: TableName, names: Collection[str]
) -> None:
    existing = connection.ask(ATTRIBUTES_QUERY, (table.namespace, table.table))
    new = set(names).difference(name for (name,) in existing)
    if new and len(existing) + len(new) > MAX_COLUMNS:
        msg = (
            f"{len(new):,} columns cannot be added to table {table}: with its own "
            f"{len(existing):,}, dropped ones included, they are more than the "
            f"{MAX_COLUMNS:,} that a PostgreSQL table can have. Choose those that "
            "you need with a mapping (--mapping), or leave all new ones out with "
            "--on-new-columns ignore"
        )
        raise SchemaMismatchError(msg)


def _run_ddl(
    connection: Connection, table: TableName, statement: str, *, keep: bool = True
) -> None:
    try:
        # two runs that create the same table concurrently would fail on its name
        lock = quoting.with_values(LOCK_NAME_QUERY, (str(table),))
        connection.execute(f"{lock};{statement}")
        if keep:
            connection.commit()
        else:
            connection.rollback()
    except ServerError as error:
        connection.rollback()
        raise _explain(error, table) from error


def _read_facts(connection: Connection, table: TableName) -> TableFacts:
    """Return the facts of a table that was just made or changed.

    Raises:
        WriteError: Somebody has dropped it since.
    """
    facts = describe(connection, table)
    if facts is None:
        msg = (
            f"table {table} was dropped while it was being created or changed: try "
            "again"
        )
        raise WriteError(msg, table=str(table))
    return facts


def _explain(error: ServerError, table: TableName) -> WriteError:
    if error.sqlstate == "42P07":
        msg = f"table {table} was just created by somebody else: try again"
        return ConcurrentCreateError(msg, table=str(table), sqlstate=error.sqlstate)
    if error.sqlstate == MISSING_RIGHT:
        advice = "ask the owner for the right, or load into an existing table"
    elif error.sqlstate == "3F000":
        schema = quoting.name(table.namespace)
        advice = f"create the namespace: CREATE SCHEMA {schema}"
    else:
        return error
    msg = f"table {table} cannot be created or changed: {error.primary}; {advice}"
    return WriteError(msg, table=str(table), sqlstate=error.sqlstate)
