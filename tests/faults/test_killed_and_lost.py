"""A load that was killed, and that somebody has removed from the ledger since."""

from __future__ import annotations

import pytest

import propload
from tests.faults import loading
from tests.faults.server import HALTING_LEDGER, ask, kill_halted
from tests.integration.reading import run_sql

pytestmark = pytest.mark.timeout(60)

COUNTED = "SELECT count(*), count(DISTINCT id) FROM homes"


@pytest.fixture
def killed(dsn, state_dir, tmp_path):
    """Kill a load after three commits. Value: the words of its command."""
    path = tmp_path / "homes.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(5_000)))
    run_sql(dsn, "CREATE TABLE homes (id bigint)")
    # makes the ledger
    propload.ingest([{"id": -1}], to=dsn, table="homes", mode="append")
    run_sql(dsn, *HALTING_LEDGER)
    words = ("ingest", path, *loading.words(dsn, mode="append"))
    kill_halted(loading.start(*words), dsn)
    return words


def test_a_killed_load_that_the_ledger_has_lost_adds_nothing_again(dsn, killed):
    before = ask(dsn, COUNTED)
    run_sql(dsn, "DELETE FROM propload.ledger", "DELETE FROM propload.runs")
    with loading.start(*killed, "--resume", "true") as again:
        assert again.wait() == 2
    assert "was killed while it wrote into public.homes" in again.log
    assert "no longer knows it" in again.log
    assert ask(dsn, COUNTED) == before


def test_a_killed_load_that_the_ledger_knows_goes_on(dsn, killed):
    with loading.start(*killed, "--resume", "true") as again:
        assert again.wait() == 0
    assert ask(dsn, COUNTED) == [(5_001, 5_001)]
