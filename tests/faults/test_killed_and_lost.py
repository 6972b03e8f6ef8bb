"""A killed load that has since been removed from the ledger."""

from __future__ import annotations

import pytest

import propload
from tests.faults import loading
from tests.faults.server import HALTING_LEDGER, ask, kill_halted
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

COUNT_ROWS = "SELECT count(*), count(DISTINCT id) FROM homes"


@pytest.fixture
def killed_command(dsn, state_dir, tmp_path):
    """Kill a load after three commits; return the arguments of its command."""
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(5_000)))
    run_sql(dsn, "CREATE TABLE homes (id bigint)")
    # creates the ledger
    propload.ingest([{"id": -1}], to=dsn, table="homes", mode="append")
    run_sql(dsn, *HALTING_LEDGER)
    arguments = ("ingest", path, *loading.arguments(dsn, mode="append"))
    kill_halted(loading.start(*arguments), dsn)
    return arguments


def test_killed_load_that_the_ledger_lost_cannot_be_resumed(dsn, killed_command):
    before = ask(dsn, COUNT_ROWS)
    run_sql(dsn, "DELETE FROM propload.ledger", "DELETE FROM propload.runs")
    with loading.start(*killed_command, "--resume", "true") as again:
        assert again.wait() == 2
    assert "was killed while it wrote into public.homes" in again.log
    assert "no longer knows it" in again.log
    assert ask(dsn, COUNT_ROWS) == before


def test_killed_load_that_the_ledger_knows_is_resumed(dsn, killed_command):
    with loading.start(*killed_command, "--resume", "true") as again:
        assert again.wait() == 0
    assert ask(dsn, COUNT_ROWS) == [(5_001, 5_001)]
