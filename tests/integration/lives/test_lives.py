"""Whole lives of a table: any sequence of loads, and what users do between them.

A few lines of Python say what the table has to hold (`table_model`). After each step
the table, the report and the rejected rows are compared with that, and so are the rows
that were not to be written.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.lives.loading import Loads
from tests.integration.lives.replaying import Replays
from tests.integration.lives.resuming import Resumptions
from tests.integration.lives.users import Users

pytestmark = [pytest.mark.timeout(3_600), pytest.mark.one_server]


class Lives(Loads, Resumptions, Replays, Users):
    """A table to which all of it happens."""


@pytest.mark.parametrize(
    ("lives", "steps", "same"),
    [(12, 16, True), pytest.param(400, 20, False, marks=pytest.mark.long)],
)
def test_a_table_holds_what_its_life_has_brought(
    database, tmp_path, lives, steps, same
):
    folders = (tmp_path / f"{number}" for number in itertools.count())

    def begin():
        folder = next(folders)
        folder.mkdir()
        return Lives(database, folder)

    run_state_machine_as_test(
        begin,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            # what the model lacks, as long as it is, is for the long form to find:
            # whoever changes something else is not to meet it
            derandomize=same,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
