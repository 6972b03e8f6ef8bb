"""What is chosen where nobody set it, and why."""

import pyarrow as pa
import pytest

from propload.batch import Batch
from propload.options import BATCH_ROWS
from propload.postgres.loading import ServerRoom
from propload.running.adapting import (
    BATCH_BYTES,
    SLOW_SECONDS,
    WARM_BATCHES,
    WINDOW,
    BatchRows,
    choose_workers,
)


class Load:
    """A run at a made-up pace: seconds for each row, by the size of its batch."""

    def __init__(self, seconds_a_batch):
        self.seconds_a_batch = seconds_a_batch
        self.now, self.committed = 0.0, 0
        self.sizes = BatchRows(lambda: self.committed, lambda: self.now)

    def run(self, batches, fill=1.0):
        asked = []
        for _ in range(batches):
            rows = self.sizes()
            asked.append(rows)
            self.now += self.seconds_a_batch(rows)
            self.committed += int(rows * fill)
        return asked


def test_a_larger_batch_is_kept_where_it_is_faster():
    load = Load(lambda rows: 0.5 + rows / 1e6)
    assert load.run(40)[-1] == 2 * BATCH_ROWS
    assert "kept" in load.sizes.notes[0]


def test_a_larger_batch_is_tried_once_where_it_is_not():
    load = Load(lambda rows: rows / 1e6)
    asked = load.run(60)
    assert set(asked) == {BATCH_ROWS, 2 * BATCH_ROWS}
    assert asked.count(2 * BATCH_ROWS) <= 2 * WINDOW + WARM_BATCHES
    assert asked[-1] == BATCH_ROWS
    assert "not worth its memory" in load.sizes.notes[0]


def test_a_slow_source_starts_no_trial():
    load = Load(lambda _: 0.1)
    assert set(load.run(60, fill=0.5)) == {BATCH_ROWS}


def test_slow_batches_shrink():
    load = Load(lambda rows: rows / BATCH_ROWS * 4 * SLOW_SECONDS)
    assert load.run(40)[-1] == BATCH_ROWS // 4
    assert "halved" in load.sizes.notes[0]


def test_wide_rows_make_small_batches():
    load = Load(lambda _: 0.1)
    rows = pa.RecordBatch.from_pydict({"text": ["x" * 10_000] * 10})
    load.sizes.observe(Batch(rows, "pages", 1))
    asked = load.run(30)
    assert max(asked) * 10_000 <= BATCH_BYTES
    assert "bytes leave room for no more" in load.sizes.notes[0]


@pytest.mark.parametrize(
    ("cpus", "free", "seconds", "count"),
    [
        (1, 90, 0.0001, 2),
        (2, 90, 0.0001, 2),
        (8, 90, 0.0001, 4),
        (64, 90, 0.0001, 8),
        (2, 90, 0.030, 4),
        (64, 6, 0.0001, 3),
        (64, 0, 0.0001, 1),
    ],
)
def test_workers_follow_processors_distance_and_connections(cpus, free, seconds, count):
    chosen = choose_workers(ServerRoom(97, free, seconds), cpus)
    assert chosen.count == count
    assert f"workers auto: {count}" in chosen.reason
