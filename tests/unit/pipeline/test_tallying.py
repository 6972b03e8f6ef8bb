"""The tally counts what became of each row, and detects counts that cannot be."""

import polars as pl
import pyarrow as pa
import pytest

from propload.batch import (
    REASONS,
    ROW,
    Batch,
    Deduped,
    Piece,
    Unread,
    no_reasons,
)
from propload.errors import CountsError, TransientWriteError
from propload.monitoring.metrics import Metrics
from propload.options import RejectLimit
from propload.pipeline.tallying import Tally
from propload.prepare.joining import Joined
from propload.prepare.preparing import Prepared
from propload.rejecting import RejectWriter
from propload.report import Counts
from propload.starting import Start
from propload.target import Written

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def rejects(tmp_path):
    writer = RejectWriter(tmp_path / "rejects" / "run.ndjson", "run")
    yield writer
    writer.close()


@pytest.fixture
def tally(rejects):
    return Tally(rejects, RejectLimit(), Metrics(), lambda _: None, Start())


def joined_of(rows, number=0, first_row=0, unread=()):
    batch = pa.RecordBatch.from_pydict({"id": list(range(rows))})
    parts = (Batch(batch, "homes.csv", 1, unread=unread),)
    return Joined(number, parts, first_row)


def reasons_of(*rows):
    records = [(row, "check", "id", "ge", str(row), "too low", None) for row in rows]
    return pl.DataFrame(records, schema=REASONS, orient="row")


def prepared_of(joined, refused=(), outdone=(), warnings=None):
    """Return a joined batch as it is prepared for one lane, without some rows."""
    frame = joined.raw().filter(~pl.col(ROW).is_in(refused))
    kept = frame.filter(~pl.col(ROW).is_in(outdone))
    versions = frame.tail(len(outdone) + 1) if outdone else None
    return Prepared([Deduped((kept,), versions)], reasons_of(*refused), warnings)


def piece_of(prepared, batch=0):
    return Piece(batch, 0, prepared.lanes[0], 0, prepared.height)


def test_counts_combine_reading_checking_deduping_and_writing(tally):
    joined = joined_of(9, unread=(Unread(10, "a,b", "columns", "too many"),))
    prepared = prepared_of(joined, refused=(0, 1), outdone=(7,))
    assert (prepared.height, prepared.duplicates) == (6, 1)
    assert tally.begin(joined, prepared, 1, done={}) == 3
    piece = piece_of(prepared)
    tally.on_rejected(piece, reasons_of(2))
    counts = Counts(
        inserted=1, updated=1, unchanged=2, stale=1, duplicates=1, rejected=1
    )
    tally.on_written(piece, Written(counts, reasons_of(2), {"id": 3}))
    expected = Counts(
        read=10,
        inserted=1,
        updated=1,
        unchanged=2,
        stale=1,
        duplicates=1,
        rejected=4,
    )
    assert tally.counts == expected
    assert tally.erased == {"id": 3}
    assert (tally.batches, tally.retries) == (1, 0)
    tally.verify(all_read=True)


@pytest.mark.parametrize("lost", [-1, 1])
def test_row_that_writing_loses_or_doubles_is_detected(tally, lost):
    joined = joined_of(3)
    prepared = prepared_of(joined)
    tally.begin(joined, prepared, 1, done={})
    tally.on_written(
        piece_of(prepared), Written(Counts(inserted=3 + lost), no_reasons())
    )
    with pytest.raises(CountsError, match=f"3 rows were read but {3 + lost} are"):
        tally.verify(all_read=False)


def test_unwritten_batch_is_detected_if_all_rows_were_read(tally):
    joined = joined_of(3)
    tally.begin(joined, prepared_of(joined), 1, done={})
    tally.verify(all_read=False)
    with pytest.raises(CountsError, match=r"3 rows came .* but 0 are accounted for"):
        tally.verify(all_read=True)


@pytest.mark.parametrize(
    "change",
    [
        {"refused": (0,), "outdone": ()},
        {"refused": (), "outdone": (2,)},
        {"refused": (0,), "outdone": (2,)},
    ],
)
def test_each_row_is_prepared_rejected_or_outdone_exactly_once(tally, change):
    joined = joined_of(3)
    prepared = prepared_of(joined, **change)
    tally.begin(joined, prepared, 1, done={})
    lane = prepared.lanes[0]
    more = Prepared([lane, Deduped((joined.raw().head(1),))], prepared.reasons)
    less = Prepared([Deduped((lane.layers[0].head(0),))], prepared.reasons)
    for wrong in (more, less):
        with pytest.raises(CountsError, match=r"homes.csv: of 3 rows of batch 0"):
            tally.begin(joined, wrong, 1, done={})


def test_rejects_of_a_batch_that_is_already_done_are_not_counted_again(tally, rejects):
    joined = joined_of(3)
    prepared = prepared_of(joined, refused=(0,))
    assert tally.begin(joined, prepared, 1, done={0: 3}) == 0
    assert tally.counts == Counts()
    assert rejects.counted == ()


@pytest.mark.parametrize("before", [0, 3])
def test_live_counters_count_rows_in_flight_as_read(rejects, before):
    metrics = Metrics()
    start = Start(counts=Counts(inserted=before))
    tally = Tally(rejects, RejectLimit(), metrics, lambda _: None, start)
    joined = joined_of(9, unread=(Unread(10, "a,b", "columns", "too many"),))
    prepared = prepared_of(joined, refused=(0,))
    # an earlier process had committed the other lane's piece of the batch
    tally.begin(joined, prepared, 2, done={1: before})
    now = metrics.snapshot().counts
    assert (now.read, now.accounted) == (10, 2 + before)
    assert tally.counts.read == 2 + before
    tally.begin(joined_of(5, 1, 10), prepared_of(joined_of(5, 1, 10)), 1, done={})
    assert metrics.snapshot().counts.read == 15
    left = prepared.height - before
    tally.on_written(
        Piece(0, 0, Deduped((prepared.lanes[0].layers[0].head(left),)), 0, 9),
        Written(Counts(inserted=left), no_reasons()),
    )
    assert metrics.snapshot().counts.read == 15
    # the second batch was not written completely
    tally.end()
    assert metrics.snapshot().counts == tally.counts


def test_warnings_of_all_batches_are_added_up_most_frequent_first(tally):
    columns = ["column", "check", "message", "rows"]
    few = pl.DataFrame([("id", "odd", "looks odd", 1)], columns, orient="row")
    many = pl.DataFrame(
        [("id", "odd", "looks odd", 1), ("id", "low", "looks low", 5)],
        columns,
        orient="row",
    )
    for number, warnings in enumerate((few, many, None)):
        joined = joined_of(6, number, number * 6)
        prepared = prepared_of(joined, warnings=warnings)
        tally.begin(joined, prepared, 1, done={})
    assert [(one.check, one.rows) for one in tally.warnings] == [("low", 5), ("odd", 2)]


def test_retry_is_counted_and_shown_until_the_write_succeeds(rejects):
    metrics = Metrics()
    tally = Tally(rejects, RejectLimit(), metrics, lambda _: None, Start())
    joined = joined_of(1)
    prepared = prepared_of(joined)
    tally.begin(joined, prepared, 1, done={})
    tally.on_retry(TransientWriteError("the line broke"), 1.25)
    assert tally.retries == metrics.snapshot().retries == 1
    assert metrics.snapshot().activity == "next try within 1.2 s: the line broke"
    tally.on_written(piece_of(prepared), Written(Counts(inserted=1), no_reasons()))
    assert metrics.snapshot().activity == ""


def test_committed_row_number_stops_at_the_first_batch_in_flight(rejects):
    committed = []
    tally = Tally(rejects, RejectLimit(), Metrics(), committed.append, Start())
    batches = [joined_of(5, number, number * 5) for number in range(3)]
    for joined in batches:
        tally.begin(joined, prepared_of(joined), 2, done={})
    assert not tally.wait_idle(0)
    for number in (1, 0, 1, 0, 2, 2):
        tally.mark_piece_done(number)
    # a batch is done when both lanes have written it
    assert committed == [0, 10, 15]
    assert tally.wait_idle(0)
