"""Users who may do less than the one that tests connect as."""

from contextlib import contextmanager

from propload.postgres.session.dsn import parse_dsn
from tests.integration.reading import run_sql


@contextmanager
def user_without_a_ledger(database, *tables):
    """Make a user who owns some tables, and has no schema for a ledger."""
    name = "propload_poor"
    run_sql(
        database,
        f"CREATE ROLE {name} LOGIN",
        *(f"ALTER TABLE {table} OWNER TO {name}" for table in tables),
        f"GRANT CREATE, USAGE ON SCHEMA public TO {name}",
    )
    try:
        parts = parse_dsn(database) | {"user": name}
        yield " ".join(f"{key}={value}" for key, value in parts.items())
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")
