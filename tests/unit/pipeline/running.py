"""Good and bad rows, a double that prepares them, and checks after a run."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from propload.batch import (
    Deduped,
    join_reasons,
    no_reasons,
    reason_lines,
)
from propload.pipeline.stages import Routing
from propload.prepare.preparing import Prepared
from tests.unit.pipeline.doubles import MemoryTable, MemoryWriter


@dataclass
class Fitted:
    """A double of a fitted table: rejects rows with a true `bad`; lane: id % lanes."""

    table: MemoryTable
    lanes: int
    failures: dict = field(default_factory=dict)
    writing: Callable | None = None
    routing: Routing = field(default_factory=Routing)

    def prepare(self, joined, *, together=None):
        raw = joined.raw()
        bad = raw.filter(pl.col("bad"))
        reasons = reason_lines(
            bad,
            stage="check",
            column="bad",
            check="is_good",
            value=pl.col("bad").cast(pl.String),
            message=pl.lit("the row is bad"),
        )
        good = raw.filter(~pl.col("bad"))
        lanes = [
            Deduped((good.filter(pl.col("id") % self.lanes == lane),))
            for lane in range(self.lanes)
        ]
        return Prepared(lanes, join_reasons([no_reasons(), reasons]))

    def open_writer(self, lane, on_rejected):
        writer = MemoryWriter(self.table, lane, self.failures.pop(lane, []))
        return self.writing(writer, on_rejected) if self.writing else writer


def rows(count, bad=()):
    return [{"id": n, "bad": n in bad} for n in range(count)]


def counts(pipeline, *, all_read=False):
    """Verify that the counts of a run add up, and return them."""
    pipeline.tally.verify(all_read=all_read)
    assert pipeline.metrics.snapshot().counts == pipeline.tally.counts
    return pipeline.tally.counts


def threads_left():
    return [t.name for t in threading.enumerate() if t.name.startswith("propload")]
