"""Names of runs, which sort by time: the newest run is found by its name."""

import re
from datetime import UTC, datetime

import pytest

from propload.running.run_ids import moment_of, new_run_id


def next_name():
    """Return a name that was made at a later moment than any before."""
    before = datetime.now(UTC)
    while datetime.now(UTC) == before:
        pass
    return new_run_id()


def test_names_sort_by_time_even_within_a_second():
    names = [next_name() for _ in range(100)]
    assert names == sorted(names)
    assert len({*names}) == 100


def test_name_begins_with_its_date_and_time():
    first = datetime.now(UTC)
    second, _, rest = new_run_id().partition("-")
    last = datetime.now(UTC)
    assert f"{first:%Y%m%dT%H%M%S}" <= second <= f"{last:%Y%m%dT%H%M%S}"
    assert re.fullmatch("[0-9a-f]{8}", rest)


def test_moment_of_a_name_is_when_it_was_made():
    before = datetime.now(UTC)
    moment = moment_of(new_run_id())
    assert before <= moment <= datetime.now(UTC)


@pytest.mark.parametrize("name", ["", "mine", "20260701-aa", "20260701T120000-xyzxyz"])
def test_name_of_another_form_has_no_moment(name):
    assert moment_of(name) is None
