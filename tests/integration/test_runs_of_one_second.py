"""Runs that follow one another at once keep their order, by which the newest is known.

By chance all would come in order once in 720 times if their names did not tell it.
"""

import pytest

import propload
from propload.postgres.ledger.history import runs_of
from propload.postgres.session.connection import connect

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

RUNS = 6


def test_reports_rejected_rows_and_the_ledger_know_the_newest(database, state_dir):
    told = {"to": database, "table": "homes", "key": "id"}
    propload.ingest([{"id": 0}], **told)
    reports = [
        propload.ingest([{"id": run}, {"id": f"no {run}"}], **told)
        for run in range(RUNS)
    ]
    made = [report.run_id for report in reports]
    assert [report.run_id for report in propload.runs(RUNS)] == made[::-1]
    assert propload.rejects()["id"].to_list() == [f"no {RUNS - 1}"]
    with connect(database) as session:
        found = runs_of(session, state_dir, reports[0].source, "public.homes")
    known = [run.run_id for run in found]
    assert known[:RUNS] == made[::-1]
