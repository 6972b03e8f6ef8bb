"""Rows from a source to a table in memory."""

import threading
from dataclasses import replace

import pytest

from propload.batch import (
    Deduped,
)
from propload.errors import (
    CountsError,
    QueueClosedError,
    RejectLimitError,
    SchemaMismatchError,
    SourceError,
)
from propload.options import RejectLimit
from propload.rejecting.reading import read_rejects
from propload.testing import MemorySource
from tests.unit.pipeline.doubles import MemoryWriter
from tests.unit.pipeline.running import Fitted, counts, rows, threads_left

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("lanes", [1, 2, 5])
@pytest.mark.parametrize("chunk_rows", [1, 3, 50])
def test_every_row_arrives(make, lanes, chunk_rows):
    pipeline, table = make(MemorySource(rows(40), chunk_rows), lanes=lanes)
    pipeline.run()
    assert sorted(table.rows) == [(n,) for n in range(40)]
    assert counts(pipeline, all_read=True).inserted == 40
    assert threads_left() == []


def test_bad_rows_are_refused_with_source_and_number(make, tmp_path):
    pipeline, table = make(MemorySource(rows(30, bad={4, 17})))
    pipeline.run()
    assert counts(pipeline).rejected == 2
    assert len(table.rows) == 28
    refused = read_rejects(tmp_path / "rejects" / "run0.ndjson")
    assert refused["propload_row"].to_list() == [5, 18]
    assert refused["propload_source"].unique().to_list() == ["memory"]
    assert refused["id"].to_list() == [4, 17]


def test_rows_before_a_source_error_are_loaded(make):
    broken = SourceError("the file ends in the middle", source="x.gz")
    pipeline, table = make(MemorySource(rows(25), error=broken))
    with pytest.raises(SourceError, match="ends in the middle"):
        pipeline.run()
    assert len(table.rows) == 25
    assert counts(pipeline).inserted == 25
    assert threads_left() == []


def test_a_queue_behind_the_source_that_closes_strands_nobody(make):
    closed = QueueClosedError("the producer failed")
    pipeline, table = make(MemorySource(rows(25), error=closed))
    with pytest.raises(QueueClosedError, match="the producer failed"):
        pipeline.run()
    assert len(table.rows) == 25


def test_rows_before_some_that_do_not_fit_are_loaded(make):
    refused = threading.Event()

    class Slow(MemoryWriter):
        def write(self, piece):
            assert refused.wait(20)
            return super().write(piece)

    class Source:
        def __iter__(self):
            yield from MemorySource(rows(14))
            yield from MemorySource([{"other": 1}], name="day2.csv")

    def writing(writer, _on_rejected):
        return Slow(writer.table, writer.lane)

    pipeline, table = make(Source(), lanes=1, writing=writing)
    fit = pipeline._fit

    def fit_or_refuse(joined):
        if joined.parts[0].source != "day2.csv":
            return fit(joined)
        refused.set()
        msg = "the table has no column other"
        raise SchemaMismatchError(msg)

    pipeline._fit = fit_or_refuse
    with pytest.raises(SchemaMismatchError, match="the table has no column other"):
        pipeline.run()
    assert len(table.rows) == 14
    assert threads_left() == []


def test_too_many_rejects_stop_the_run_and_what_is_committed_counts(make):
    limit = RejectLimit(rows=2)
    pipeline, table = make(
        MemorySource(rows(200, bad=set(range(10, 20)))), max_rejects=limit
    )
    with pytest.raises(RejectLimitError, match="were rejected"):
        pipeline.run()
    found = counts(pipeline)
    assert found.inserted == len(table.rows)
    assert 3 <= found.rejected <= 10


def test_a_share_of_rejects_is_judged_against_the_rows_read(make):
    bad = {n for n in range(500) if n % 20 == 0}
    given = {"batch_rows": lambda: 20}
    pipeline, _ = make(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.06), **given
    )
    pipeline.run()
    assert counts(pipeline).rejected == 25
    pipeline, _ = make(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.04), **given
    )
    with pytest.raises(RejectLimitError):
        pipeline.run()


def test_stop_commits_what_was_read(make):
    pipelines = []

    class Stopping:
        def __iter__(self):
            yield from MemorySource(rows(20))
            pipelines[0].stop()
            yield from MemorySource(rows(1000))

    pipeline, table = make(Stopping())
    pipelines.append(pipeline)
    pipeline.run()
    assert len(table.rows) == 20
    assert counts(pipeline).read == 20
    assert threads_left() == []


def test_the_committed_row_number_grows_to_the_end(make):
    heard = []
    pipeline, _ = make(MemorySource(rows(50)), lanes=3, committed=heard.append)
    pipeline.run()
    assert max(heard) == 50


@pytest.mark.parametrize(
    "change",
    [lambda layer: layer[1:], lambda layer: layer.vstack(layer[:1])],
    ids=["loses", "doubles"],
)
def test_rows_that_preparing_loses_or_doubles_are_seen(make, change, monkeypatch):
    prepare = Fitted.prepare

    def careless(self, joined, **told):
        prepared = prepare(self, joined, **told)
        first, *others = prepared.lanes
        return replace(prepared, lanes=[Deduped((change(first.layers[0]),)), *others])

    monkeypatch.setattr(Fitted, "prepare", careless)
    pipeline, table = make(MemorySource(rows(6)))
    with pytest.raises(CountsError, match="of 6 rows of batch 0"):
        pipeline.run()
    assert table.rows == {}
    assert counts(pipeline).read == 0


def test_no_rows_at_all(make):
    pipeline, table = make(MemorySource([]))
    pipeline.run()
    assert counts(pipeline).read == 0
    assert table.rows == {}
