"""Sizes that are chosen if nobody set them, and the reasons given."""

import os
from dataclasses import dataclass

import pytest

from propload.errors import ConfigError
from propload.options import BATCH_BYTES, BATCH_ROWS
from propload.postgres.session.server_capacity import ServerCapacity
from propload.running.auto_sizing import (
    FEW_ROWS,
    MOST_ROWS,
    OTHER_SESSIONS,
    SLOW_SECONDS,
    WARM_BATCHES,
    WINDOW,
    AutoBatchRows,
    BatchRows,
    choose_workers,
    with_workers,
)
from propload.running.planning import Plan


class Load:
    """A run at a made-up speed: the seconds of a batch, by its number of rows."""

    def __init__(self, seconds_a_batch):
        self.seconds_a_batch = seconds_a_batch
        self.now, self.committed = 0.0, 0
        self.sizes = AutoBatchRows(lambda: self.committed, lambda: self.now)

    def run(self, batches, fill=1.0, limit=None):
        requested = []
        for _ in range(batches):
            rows = self.sizes()
            requested.append(rows)
            if limit is not None and rows > limit:
                rows = limit
                self.sizes.note_byte_limited(rows, BATCH_BYTES)
            self.now += self.seconds_a_batch(rows)
            self.committed += int(rows * fill)
        return requested


def test_larger_batch_is_kept_if_it_is_faster():
    load = Load(lambda rows: 0.5 + rows / 1e6)
    assert load.run(40)[-1] == 2 * BATCH_ROWS
    assert "kept" in load.sizes.notes[0]


def test_larger_batch_is_tried_only_once_if_it_is_not_faster():
    load = Load(lambda rows: rows / 1e6)
    requested = load.run(60)
    assert set(requested) == {BATCH_ROWS, 2 * BATCH_ROWS}
    assert requested.count(2 * BATCH_ROWS) <= 2 * WINDOW + WARM_BATCHES
    assert requested[-1] == BATCH_ROWS
    assert "not worth its memory" in load.sizes.notes[0]


def test_slow_source_starts_no_trial():
    load = Load(lambda _: 0.1)
    assert set(load.run(60, fill=0.5)) == {BATCH_ROWS}


def test_slow_source_is_not_mistaken_for_slow_batches():
    load = Load(lambda _: 2 * SLOW_SECONDS)
    assert set(load.run(60, fill=0.01)) == {BATCH_ROWS}
    assert "halved" not in load.sizes.notes[0]


def test_slow_batches_shrink():
    load = Load(lambda rows: rows / BATCH_ROWS * 4 * SLOW_SECONDS)
    assert load.run(40)[-1] == BATCH_ROWS // 4
    assert "halved" in load.sizes.notes[0]


def test_note_gives_the_batch_size_that_wide_rows_allow():
    sizes = AutoBatchRows(lambda: 0)
    sizes.note_byte_limited(3_000, 3_000 * 10_000)
    assert sizes.reported_rows == BATCH_BYTES // 10_000
    (note,) = sizes.notes
    assert note.startswith(
        f"batch_rows auto: {sizes.reported_rows:,}; rows of 10,000 bytes"
    )


def test_note_gives_no_row_width_if_bytes_never_ended_a_batch():
    sizes = AutoBatchRows(lambda: 0)
    assert sizes.reported_rows == BATCH_ROWS
    assert sizes.notes == (f"batch_rows auto: {BATCH_ROWS:,}",)


def test_larger_batch_is_judged_by_the_rows_that_its_bytes_allow():
    load = Load(lambda rows: 0.5 + rows / 1e6)
    room = int(1.4 * BATCH_ROWS)
    load.run(60, limit=room)
    assert load.sizes.reported_rows == room
    assert "kept" in load.sizes.notes[0]


def test_note_says_that_wide_rows_made_batches_smaller_than_set():
    sizes = BatchRows(50_000)
    assert (sizes(), sizes.notes) == (50_000, ())
    sizes.note_byte_limited(3_000, 3_000 * 10_000)
    assert (sizes(), sizes.reported_rows) == (50_000, 50_000)
    less = BatchRows(50_000, most_bytes=BATCH_BYTES // 2)
    less.note_byte_limited(1_500, 1_500 * 10_000)
    assert less.notes[0].startswith("batches of 838 rows")
    (note,) = sizes.notes
    assert note.startswith("batches of 1,677 rows, not 50,000: rows of 10,000 bytes")


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
def test_workers_depend_on_processors_latency_and_connections(
    cpus, free, seconds, count
):
    chosen = choose_workers(ServerCapacity(97, free, seconds), cpus)
    assert chosen.count == count
    assert f"workers auto: {count}" in chosen.reason


def test_only_processors_that_the_process_may_use_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    chosen = choose_workers(ServerCapacity(97, 90, 0.0001))
    assert chosen.count == 2
    assert "1 processor" in chosen.reason


@pytest.mark.parametrize(
    ("rows", "count"), [(None, 2), (0, 1), (FEW_ROWS, 1), (FEW_ROWS + 1, 2)]
)
def test_few_rows_get_one_worker(rows, count):
    chosen = choose_workers(ServerCapacity(97, 90, 0.0001), 2, rows=rows)
    assert chosen.count == count


def test_reason_for_one_worker_gives_the_number_of_rows():
    chosen = choose_workers(ServerCapacity(97, 90, 0.03), 64, rows=1_200)
    assert chosen.reason == "workers auto: 1 (about 1,200 rows)"


@dataclass
class Server:
    """A database that knows how many connections its server has left."""

    connections: int
    label: str = "homes"

    def capacity(self):
        # the session that asks is one of them
        return ServerCapacity(self.connections, self.connections - 1, 0.0001)


def chosen_for(connections, tmp_path, *, replaces=False, **settings):
    plan = Plan.of({"table": "homes", "state_dir": tmp_path, **settings})
    found, _ = with_workers(plan, Server(connections), lambda: None, replaces=replaces)
    return found.options.workers


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({}, OTHER_SESSIONS + 1),
        ({"lock": True}, OTHER_SESSIONS + 2),
        ({"replaces": True}, OTHER_SESSIONS + 2),
        ({"replaces": True, "lock": True}, OTHER_SESSIONS + 3),
        ({"workers": 3}, OTHER_SESSIONS + 3),
    ],
)
def test_run_needs_a_connection_for_each_of_its_sessions(tmp_path, settings, needed):
    workers = settings.get("workers", 1)
    assert chosen_for(needed, tmp_path, **settings) == workers
    with pytest.raises(ConfigError, match=f"homes gives this user {needed - 1} in all"):
        chosen_for(needed - 1, tmp_path, **settings)


def test_error_about_too_few_connections_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="or use fewer --workers"):
        chosen_for(OTHER_SESSIONS + 1, tmp_path, workers=2)
    # if there are none, fewer workers would not help
    with pytest.raises(ConfigError, match=r"\(max_connections\)$"):
        chosen_for(OTHER_SESSIONS, tmp_path)


def test_no_batch_larger_than_the_maximum_is_tried():
    sizes = [BATCH_ROWS]
    while 2 * sizes[-1] <= MOST_ROWS:
        sizes.append(2 * sizes[-1])
    load = Load(lambda rows: 0.5 + rows / 1e6)
    load.sizes.rows = sizes[-1]
    assert set(load.run(60)) == {sizes[-1]}


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        (1, "1 worker needs one connection and the run 2 more"),
        (3, "3 workers need a connection each and the run 2 more"),
    ],
)
def test_error_about_connections_fits_one_worker_and_several(
    tmp_path, workers, message
):
    with pytest.raises(ConfigError, match=message):
        chosen_for(OTHER_SESSIONS, tmp_path, workers=workers)
