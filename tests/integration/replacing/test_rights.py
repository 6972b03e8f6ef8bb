"""A user who may not create the shadow of a replace is told what to grant."""

import pytest

import propload
from propload.errors import LoadError
from tests.integration.reading import run_sql
from tests.integration.replacing.homes import OLD, rows, stored
from tests.integration.users import new_user

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

NAME = "propload_keeper"
OWNS = f"ALTER TABLE homes OWNER TO {NAME}"


def require_grant_named(settings, database, namespace):
    """Replace without a privilege, which the error must name, and then with it."""
    before = stored(database)
    grant = f'homes is .*GRANT CREATE ON SCHEMA "{namespace}" to it.*keeps its old'
    with pytest.raises(LoadError, match=grant):
        propload.ingest(rows(2), **settings)
    assert stored(database) == before
    run_sql(database, f'GRANT CREATE ON SCHEMA "{namespace}" TO {NAME}')
    assert propload.ingest(rows(3), **settings).status == "loaded"
    assert stored(database) == {(number, 3) for number in range(300)}


def test_grant_is_on_the_schema_of_the_table_if_the_ledger_is_a_file(
    replace_settings, database
):
    with new_user(database, NAME, OWNS) as user:
        require_grant_named({**replace_settings, "to": user}, database, "public")


def test_grant_is_on_schema_propload_if_the_ledger_is_in_the_database(
    replace_settings, database
):
    grants = "CREATE SCHEMA propload", f"GRANT ALL ON SCHEMA propload TO {NAME}"
    with new_user(database, NAME, OWNS, *grants) as user:
        settings = {**replace_settings, "to": user}
        propload.ingest(rows(1), **{**settings, "mode": "upsert"})
        run_sql(database, f"REVOKE CREATE ON SCHEMA propload FROM {NAME}")
        assert stored(database) != OLD
        require_grant_named(settings, database, "propload")
