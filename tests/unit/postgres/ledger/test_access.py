"""Whether a run is entered in the database, by what there is of a ledger."""

import pytest

from propload.postgres.ledger.access import LedgerAccess


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize("has_schema", [True, False])
def test_a_ledger_that_is_not_there_takes_runs_of_who_may_make_it(
    may_create, has_schema
):
    access = LedgerAccess(False, may_create, False, has_schema)
    assert access.accepts_runs is may_create


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize("is_usable", [True, False])
def test_one_that_is_there_takes_runs_of_who_may_use_it(may_create, is_usable):
    access = LedgerAccess(True, may_create, is_usable, has_schema=True)
    assert access.accepts_runs is is_usable
