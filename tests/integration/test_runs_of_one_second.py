"""Runs in quick succession keep their order, by which the newest one is known.

If their names did not show it, all would be in order by chance once in 720 times.
"""

import pytest

import propload
from propload.postgres.ledger.history import runs_of
from propload.postgres.session.connection import connect

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

RUNS = 6


def test_reports_rejects_and_ledger_agree_on_the_order_of_runs(database, state_dir):
    settings = {"to": database, "table": "homes", "key": "id"}
    propload.ingest([{"id": 0}], **settings)
    reports = [
        propload.ingest([{"id": run}, {"id": f"no {run}"}], **settings)
        for run in range(RUNS)
    ]
    run_ids = [report.run_id for report in reports]
    assert [report.run_id for report in propload.runs(RUNS)] == run_ids[::-1]
    assert propload.rejects()["id"].to_list() == [f"no {RUNS - 1}"]
    with connect(database) as session:
        entries = runs_of(session, state_dir, reports[0].source, "public.homes")
    ledger_ids = [run.run_id for run in entries]
    assert ledger_ids[:RUNS] == run_ids[::-1]
