"""Who may not make the table that a replace gathers in is told what to grant."""

import pytest

import propload
from propload.errors import LoadError
from tests.integration.reading import run_sql
from tests.integration.replacing.homes import OLD, rows, stored
from tests.integration.users import new_user

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

NAME = "propload_keeper"
OWNS = f"ALTER TABLE homes OWNER TO {NAME}"


def require_told(told, database, namespace):
    """Replace without a right, which the message names, and with it."""
    before = stored(database)
    grant = f'homes is .*GRANT CREATE ON SCHEMA "{namespace}" to it.*keeps its old'
    with pytest.raises(LoadError, match=grant):
        propload.ingest(rows(2), **told)
    assert stored(database) == before
    run_sql(database, f'GRANT CREATE ON SCHEMA "{namespace}" TO {NAME}')
    assert propload.ingest(rows(3), **told).status == "loaded"
    assert stored(database) == {(number, 3) for number in range(300)}


def test_where_the_ledger_is_a_file_it_is_the_namespace_of_the_table(goal, database):
    with new_user(database, NAME, OWNS) as user:
        require_told({**goal, "to": user}, database, "public")


def test_where_the_ledger_is_in_the_database_it_is_the_schema_propload(goal, database):
    rights = "CREATE SCHEMA propload", f"GRANT ALL ON SCHEMA propload TO {NAME}"
    with new_user(database, NAME, OWNS, *rights) as user:
        told = {**goal, "to": user}
        propload.ingest(rows(1), **{**told, "mode": "upsert"})
        run_sql(database, f"REVOKE CREATE ON SCHEMA propload FROM {NAME}")
        assert stored(database) != OLD
        require_told(told, database, "propload")
