"""Create database users with fewer privileges than the tests' own user."""

from contextlib import contextmanager

from propload.postgres.session.dsn import parse_dsn
from tests.integration.reading import run_sql


@contextmanager
def new_user(database, name, *rights):
    """Create a user, and yield their connection string.

    Args:
        database: The connection string of the user that creates them.
        name: The user's name; at the end they are dropped with all that they own.
        rights: Statements that grant the user's privileges.
    """
    run_sql(database, f"CREATE ROLE {name} LOGIN", *rights)
    try:
        parts = parse_dsn(database) | {"user": name}
        yield " ".join(f"{key}={value}" for key, value in parts.items())
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@contextmanager
def user_without_a_ledger(database, *tables):
    """Create a user who owns some tables, but cannot create a schema for a ledger."""
    name = "propload_poor"
    rights = [f"ALTER TABLE {table} OWNER TO {name}" for table in tables]
    rights.append(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    with new_user(database, name, *rights) as dsn:
        yield dsn


@contextmanager
def user_without_rights(database):
    """Create a user who may write to table `t`, but create only temporary tables."""
    name = "propload_limited"
    right = f"GRANT SELECT, INSERT ON t TO {name}"
    with new_user(database, name, right) as dsn:
        yield dsn
