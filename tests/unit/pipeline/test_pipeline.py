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
def test_every_row_arrives(make_pipeline, lanes, chunk_rows):
    pipeline, table = make_pipeline(MemorySource(rows(40), chunk_rows), lanes=lanes)
    pipeline.run()
    assert sorted(table.rows) == [(n,) for n in range(40)]
    assert counts(pipeline, all_read=True).inserted == 40
    assert threads_left() == []


def test_bad_rows_are_rejected_with_source_and_number(make_pipeline, tmp_path):
    pipeline, table = make_pipeline(MemorySource(rows(30, bad={4, 17})))
    pipeline.run()
    assert counts(pipeline).rejected == 2
    assert len(table.rows) == 28
    rejects = read_rejects(tmp_path / "rejects" / "run0.ndjson")
    assert rejects["propload_row"].to_list() == [5, 18]
    assert rejects["propload_source"].unique().to_list() == ["memory"]
    assert rejects["id"].to_list() == [4, 17]


def test_rows_before_a_source_error_are_loaded(make_pipeline):
    broken = SourceError("the file ends in the middle", source="x.gz")
    pipeline, table = make_pipeline(MemorySource(rows(25), error=broken))
    with pytest.raises(SourceError, match="ends in the middle"):
        pipeline.run()
    assert len(table.rows) == 25
    assert counts(pipeline).inserted == 25
    assert threads_left() == []


def test_rows_before_a_queue_closed_error_of_the_source_are_loaded(make_pipeline):
    closed = QueueClosedError("the producer failed")
    pipeline, table = make_pipeline(MemorySource(rows(25), error=closed))
    with pytest.raises(QueueClosedError, match="the producer failed"):
        pipeline.run()
    assert len(table.rows) == 25


def test_rows_before_a_schema_mismatch_are_loaded(make_pipeline):
    mismatch = threading.Event()

    class Slow(MemoryWriter):
        def write(self, piece):
            assert mismatch.wait(20)
            return super().write(piece)

    class Source:
        def __iter__(self):
            yield from MemorySource(rows(14))
            yield from MemorySource([{"other": 1}], name="day2.csv")

    def writing(writer, _on_rejected):
        return Slow(writer.table, writer.lane)

    pipeline, table = make_pipeline(Source(), lanes=1, writing=writing)
    fit = pipeline._fit

    def fit_or_refuse(joined):
        if joined.parts[0].source != "day2.csv":
            return fit(joined)
        mismatch.set()
        msg = "the table has no column other"
        raise SchemaMismatchError(msg)

    pipeline._fit = fit_or_refuse
    with pytest.raises(SchemaMismatchError, match="the table has no column other"):
        pipeline.run()
    assert len(table.rows) == 14
    assert threads_left() == []


def test_too_many_rejects_stop_the_run_and_committed_rows_count(make_pipeline):
    limit = RejectLimit(rows=2)
    pipeline, table = make_pipeline(
        MemorySource(rows(200, bad=set(range(10, 20)))), max_rejects=limit
    )
    with pytest.raises(RejectLimitError, match="were rejected"):
        pipeline.run()
    found = counts(pipeline)
    assert found.inserted == len(table.rows)
    assert 3 <= found.rejected <= 10


def test_share_of_rejects_is_judged_against_the_rows_read(make_pipeline):
    bad = {n for n in range(500) if n % 20 == 0}
    options = {"batch_rows": lambda: 20}
    pipeline, _ = make_pipeline(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.06), **options
    )
    pipeline.run()
    assert counts(pipeline).rejected == 25
    pipeline, _ = make_pipeline(
        MemorySource(rows(500, bad=bad)), max_rejects=RejectLimit(share=0.04), **options
    )
    with pytest.raises(RejectLimitError):
        pipeline.run()


def test_stop_commits_the_rows_read_before(make_pipeline):
    pipelines = []

    class Stopping:
        def __iter__(self):
            yield from MemorySource(rows(20))
            pipelines[0].stop()
            yield from MemorySource(rows(1000))

    pipeline, table = make_pipeline(Stopping())
    pipelines.append(pipeline)
    pipeline.run()
    assert len(table.rows) == 20
    assert counts(pipeline).read == 20
    assert threads_left() == []


def test_committed_row_number_reaches_the_last_row(make_pipeline):
    numbers = []
    pipeline, _ = make_pipeline(
        MemorySource(rows(50)), lanes=3, committed=numbers.append
    )
    pipeline.run()
    assert max(numbers) == 50


@pytest.mark.parametrize(
    "change",
    [lambda layer: layer[1:], lambda layer: layer.vstack(layer[:1])],
    ids=["loses", "doubles"],
)
def test_rows_that_preparing_loses_or_doubles_are_detected(
    make_pipeline, change, monkeypatch
):
    prepare = Fitted.prepare

    def careless(self, joined, **keywords):
        prepared = prepare(self, joined, **keywords)
        first, *others = prepared.lanes
        return replace(prepared, lanes=[Deduped((change(first.layers[0]),)), *others])

    monkeypatch.setattr(Fitted, "prepare", careless)
    pipeline, table = make_pipeline(MemorySource(rows(6)))
    with pytest.raises(CountsError, match="of 6 rows of batch 0"):
        pipeline.run()
    assert table.rows == {}
    assert counts(pipeline).read == 0


def test_source_without_rows_loads_nothing(make_pipeline):
    pipeline, table = make_pipeline(MemorySource([]))
    pipeline.run()
    assert counts(pipeline).read == 0
    assert table.rows == {}
