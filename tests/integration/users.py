"""Users who may do less than the one that tests connect as."""

from contextlib import contextmanager

from propload.postgres.session.dsn import parse_dsn
from tests.integration.reading import run_sql


@contextmanager
def new_user(database, name, *rights):
    """Make a user. Value: their connection string.

    Args:
        database: The connection string of who makes them.
        name: Of the user, who is gone at the end with all that is theirs.
        rights: Statements that give the user what they may do.
    """
    run_sql(database, f"CREATE ROLE {name} LOGIN", *rights)
    try:
        parts = parse_dsn(database) | {"user": name}
        yield " ".join(f"{key}={value}" for key, value in parts.items())
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@contextmanager
def user_without_a_ledger(database, *tables):
    """Make a user who owns some tables, and has no schema for a ledger."""
    name = "propload_poor"
    rights = [f"ALTER TABLE {table} OWNER TO {name}" for table in tables]
    rights.append(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    with new_user(database, name, *rights) as dsn:
        yield dsn


@contextmanager
def user_without_rights(database):
    """Make a user who may write the table `t` and create nothing but temporary."""
    name = "propload_limited"
    right = f"GRANT SELECT, INSERT ON t TO {name}"
    with new_user(database, name, right) as dsn:
        yield dsn
