"""Fixtures: a table of old rows, and statements that run while they are replaced."""

import pytest

import propload
from propload.pipeline.table_fitting import TableFit
from propload.postgres.replacing.swap import Swap
from tests.faults.server import wait_until
from tests.integration.reading import run_sql


@pytest.fixture
def replace_settings(database):
    """Create a table of old rows; return the settings that replace them."""
    run_sql(
        database,
        "CREATE TABLE homes (id bigint PRIMARY KEY, day bigint)",
        "INSERT INTO homes SELECT n, 0 FROM generate_series(0, 499) AS n",
    )
    settings = {"to": database, "table": "homes", "key": "id"}
    return {**settings, "mode": "replace", "batch_rows": 100}


@pytest.fixture
def before_swap(monkeypatch, database):
    """Return a function that has a statement run just before the first swap."""

    def before_swap(statement):
        run, waiting = Swap.run, [statement]

        def altered(self, committed):
            while waiting:
                run_sql(database, waiting.pop())
            run(self, committed)

        monkeypatch.setattr(Swap, "run", altered)

    return before_swap


@pytest.fixture
def before_other_columns(monkeypatch, database):
    """Return a function that has statements run between two sets of columns.

    They run when 300 rows are accounted for and rows with other columns follow.
    """
    fit, metrics = TableFit.__call__, propload.Metrics()

    def before_other_columns(*statements):
        waiting = [statements]

        def fitted(self, joined):
            if self.is_fitted and waiting:
                wait_until(lambda: metrics.snapshot().counts.accounted == 300)
                run_sql(database, *waiting.pop())
            return fit(self, joined)

        monkeypatch.setattr(TableFit, "__call__", fitted)
        return metrics

    return before_other_columns
