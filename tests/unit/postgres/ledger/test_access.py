"""Whether a run can be entered in the database, given the state of its ledger."""

import pytest

from propload.postgres.ledger.access import LedgerAccess


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize("has_schema", [True, False])
def test_missing_ledger_accepts_runs_of_users_who_may_create_it(may_create, has_schema):
    access = LedgerAccess(False, may_create, False, has_schema)
    assert access.accepts_runs is may_create


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize("is_usable", [True, False])
def test_existing_ledger_accepts_runs_of_users_who_may_use_it(may_create, is_usable):
    access = LedgerAccess(True, may_create, is_usable, has_schema=True)
    assert access.accepts_runs is is_usable
