"""Whole lives of a table: any sequence of loads, and what users do between them.

A model in plain Python (`table_model`) says what the table has to hold. After each step
the table, the report and the rejected rows are compared with it; rows that were not to
be written are compared with what they were.
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
    """A table to which all of this happens."""


@pytest.mark.parametrize(
    ("lives", "steps", "is_repeatable"),
    [(12, 16, True), pytest.param(400, 20, False, marks=pytest.mark.long)],
)
def test_table_holds_what_the_model_says_after_each_step(
    database, tmp_path, lives, steps, is_repeatable
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
            # the long form may find what the model still lacks; the short form repeats
            # the same lives, so that an unrelated change does not run into it
            derandomize=is_repeatable,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
