"""Query tables from outside a load, with a separate connection."""

import polars as pl

from propload.postgres.session.connection import connect
from tests.sessions import short_session

END_RUNS = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE application_name = 'propload' AND pid <> pg_backend_pid()
  AND datname = current_database()"""


def await_stages(dsn):
    """Wait until no earlier load has a stage, which would depend on types and domains.

    The server drops a stage only some time after the client has closed the session.
    """
    query(dsn, END_RUNS)


def run_sql(dsn, *statements):
    """Run statements in one transaction."""
    with short_session(dsn) as session:
        for statement in statements:
            session.execute(statement)
        session.commit()


def query(dsn, sql, *values):
    """Return the rows of a query with these parameters."""
    with short_session(dsn) as session:
        return session.rows(sql, values)


def read_frame(session, sql):
    """Return the rows of a query as a frame, with the types that the driver returns."""
    with session._cursor() as cursor:
        cursor.execute(sql, None)
        return pl.DataFrame(pl.from_arrow(cursor.fetch_arrow_table()))


def read_table(dsn, table):
    """Return a table's rows as a frame, with timestamps in UTC."""
    with connect(dsn) as session:
        frame = read_frame(session, f'SELECT * FROM "{table}"')
        session.commit()
    times = [name for name, t in frame.schema.items() if isinstance(t, pl.Datetime)]
    return frame.with_columns(
        pl.col(name).dt.replace_time_zone("UTC")
        if frame.schema[name].time_zone is None
        else pl.col(name).dt.convert_time_zone("UTC")
        for name in times
    )


def writes_of(dsn, table):
    """Return ctid and xmin of each row, which any UPDATE of it would change."""
    with short_session(dsn) as session:
        rows = session.rows(f'SELECT ctid::text, xmin::text FROM "{table}" ORDER BY 1')
        session.commit()
    return rows
