"""Fixture: create pipelines into a table in memory."""

import pytest

from propload.monitoring.metrics import Metrics
from propload.options import RejectLimit
from propload.pipeline.pipeline import Pipeline, PipelineOptions
from propload.pipeline.reading import Reader
from propload.rejecting import RejectWriter
from propload.retrying import RetryOptions
from tests.unit.pipeline.doubles import MemoryTable
from tests.unit.pipeline.running import Fitted


@pytest.fixture
def make_pipeline(tmp_path, monkeypatch):
    """Return a function that creates a pipeline and its table."""
    # retries need not wait: the table in memory is always available
    monkeypatch.setattr("propload.retrying.FIRST_WAIT", 0.001)
    opened = []

    def make_pipeline(
        source,
        *,
        lanes=2,
        failures=None,
        committed=None,
        writing=None,
        **options,
    ):
        table = MemoryTable(("id",))
        name = f"run{len(opened)}"
        rejects = RejectWriter(tmp_path / "rejects" / f"{name}.ndjson", name)
        opened.append(rejects)
        fitted = Fitted(table, lanes, failures or {}, writing)
        settings = {
            "batch_rows": lambda: 7,
            "batch_seconds": 0.01,
            "lanes": lanes,
            "lane_bytes": 10_000,
            "retries": RetryOptions(3, 5.0),
            "max_rejects": RejectLimit(),
        } | options
        pipeline = Pipeline(
            Reader(source, max_bytes=10_000),
            lambda _joined: fitted,
            rejects,
            PipelineOptions(**settings),
            metrics=Metrics(),
            on_committed=committed or (lambda _below: None),
        )
        return pipeline, table

    yield make_pipeline
    for rejects in opened:
        rejects.close()
