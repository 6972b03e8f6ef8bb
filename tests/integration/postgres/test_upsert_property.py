"""Any rows in any pieces produce the same table as a few lines of Python do."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from contextlib import closing, suppress
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from propload.batch import ROW
from propload.errors import ConcurrentCreateError
from propload.postgres.session.connection import connect
from propload.postgres.tables.creating import create_table
from propload.prepare.dedupe import dedupe
from tests.integration.postgres.writing import (
    end,
    make_piece,
    prepared,
    target_with,
    write_one,
)
from tests.integration.reading import read_frame

pytestmark = pytest.mark.timeout(120)

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SCHEMA = {
    "k": pl.Int64,
    "g": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "t": pl.String,
    "n": pl.Float64,
    "d": pl.Decimal(12, 2),
    "b": pl.Boolean,
}
VALUES = {
    "at": st.none() | st.integers(0, 3).map(lambda n: DAY + dt.timedelta(days=n)),
    "t": st.none()
    | st.sampled_from(["", " ", "a", "B", "é", "\\N", '"x", (y)', "a\nb"]),
    "n": st.none() | st.sampled_from([0.1, -1.5, math.nan, math.inf, 1e308]),
    "d": st.none() | st.integers(-300, 300).map(lambda n: Decimal(n) / 100),
    "b": st.none() | st.booleans(),
}
rows = st.lists(
    st.fixed_dictionaries(
        {"k": st.integers(1, 5), "g": st.sampled_from(["x", "Y"]), **VALUES}
    ),
    max_size=30,
)
PROPERTY = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_tables = itertools.count(1)


def load(dsn, state_dir, target, frames):
    """Write frames, deduplicated as prepare does; return table and outcomes."""
    create_if_missing(dsn, target)
    done, duplicates = [], 0
    with prepared(dsn, target, frames[0], state_dir) as ready:
        with closing(ready.open_writer(0)) as writer:
            for number, frame in enumerate(frames):
                raw = frame.with_row_index(ROW).with_columns(
                    pl.col(ROW).cast(pl.UInt32)
                )
                deduped = dedupe(
                    raw, key=target.key, newest=target.newest, on_null=target.on_null
                )
                duplicates += deduped.duplicates
                layers = [layer.drop(ROW) for layer in deduped.layers]
                piece = make_piece(layers, number, key=target.key)
                done.append(write_one(writer, piece))
        end(ready)
    height = sum(frame.height for frame in frames)
    assert duplicates + sum(w.counts.stored for w in done) == height
    with connect(dsn) as session:
        # the driver reads numeric as a type of its own
        columns = "k, g, at, t, n, d::text AS d, b"
        sql = f"SELECT {columns} FROM {target.table} ORDER BY k, g"
        stored = read_frame(session, sql)
    return stored.with_columns(pl.col("d").cast(SCHEMA["d"])), done


def create_if_missing(dsn, target):
    # a second load finds the table
    with connect(dsn) as session, suppress(ConcurrentCreateError):
        create_table(session, target.table, pl.Schema(SCHEMA), key=target.key)


def by_key(stored):
    return {(row["k"], row["g"]): row for row in stored.iter_rows(named=True)}


def equal_or_both_nan(one, other):
    both_nan = all(isinstance(v, float) and math.isnan(v) for v in (one, other))
    return both_nan or one == other


def pieces_of(drawn_rows, sizes):
    frame = pl.DataFrame(drawn_rows, schema=SCHEMA, orient="row")
    parts, first = [], 0
    for size in itertools.cycle(sizes):
        if first >= frame.height:
            break
        parts.append(frame.slice(first, size))
        first += size
    return parts or [frame]


@given(rows=rows, sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3))
@PROPERTY
def test_without_newest_the_last_row_of_a_key_is_kept(
    postgres_session, state_dir, rows, sizes
):
    target = target_with(f"t{next(_tables)}", key=("k", "g"))
    stored, _ = load(postgres_session, state_dir, target, pieces_of(rows, sizes))
    expected = {(row["k"], row["g"]): row for row in rows}
    found = by_key(stored)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert all(equal_or_both_nan(found[key][name], row[name]) for name in row)


@given(
    rows=rows,
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    seed=st.randoms(use_true_random=False),
)
@PROPERTY
def test_with_newest_neither_order_nor_repetition_matters(
    postgres_session, state_dir, rows, sizes, seed
):
    number = next(_tables)
    targets = [
        target_with(f"{letter}{number}", key=("k", "g"), newest="at") for letter in "vw"
    ]
    shuffled = [*rows, *rows[: len(rows) // 2]]
    seed.shuffle(shuffled)
    one, _ = load(postgres_session, state_dir, targets[0], pieces_of(rows, sizes))
    other, _ = load(postgres_session, state_dir, targets[1], pieces_of(shuffled, [7]))
    assert one.equals(other)
    expected = {}
    for row in rows:
        ages = expected.setdefault((row["k"], row["g"]), [])
        ages.append(row["at"])
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    for key, row in by_key(one).items():
        newest = max(expected[key], key=lambda at: at or oldest)
        assert row["at"] == newest
        assert any(
            all(equal_or_both_nan(row[name], candidate[name]) for name in row)
            for candidate in rows
            if (candidate["k"], candidate["g"]) == key
        )


@given(rows=rows, sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3))
@PROPERTY
def test_keep_without_newest_keeps_the_last_known_value_of_each_column(
    postgres_session, state_dir, rows, sizes
):
    target = target_with(f"t{next(_tables)}", key=("k", "g"), on_null="keep")
    stored, _ = load(postgres_session, state_dir, target, pieces_of(rows, sizes))
    expected = {}
    for row in rows:
        known = expected.setdefault((row["k"], row["g"]), dict.fromkeys(row))
        known.update({name: value for name, value in row.items() if value is not None})
    found = by_key(stored)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert all(equal_or_both_nan(found[key][name], row[name]) for name in row)


@given(rows=rows, sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3))
@PROPERTY
def test_second_load_of_the_same_rows_changes_nothing(
    postgres_session, state_dir, rows, sizes
):
    target = target_with(f"t{next(_tables)}", key=("k", "g"), newest="at")
    frames = pieces_of(rows, sizes)
    first, _ = load(postgres_session, state_dir, target, frames)
    again, done = load(postgres_session, state_dir, target, frames)
    assert first.equals(again)
    assert [(w.counts.inserted, w.counts.updated) for w in done] == [(0, 0)] * len(
        frames
    )


@pytest.fixture(scope="module")
def postgres_session(module_database):
    return module_database
