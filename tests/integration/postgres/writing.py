"""Write frames as pieces, as lanes do, and check the counts."""

from __future__ import annotations

import itertools
from contextlib import closing, contextmanager
from dataclasses import replace

import polars as pl

from propload.batch import ROW, Deduped, Piece
from propload.postgres.database import Database
from propload.postgres.ledger.run_record import RunRecord
from propload.prepare.casting.row_casting import cast
from propload.target import TableName, Target

_run_numbers = itertools.count(1)


def target_with(table="t", *, key=("k",), **rules):
    return Target(TableName("public", table), tuple(key), **rules)


def make_piece(layers, number=0, *, lane=0, key=(), read=True):
    """Return a piece made of one or more frames, sorted by key as lanes get them."""
    layers = [layers] if isinstance(layers, pl.DataFrame) else layers
    numbered, first = [], 0
    for layer in layers:
        rows = pl.int_range(first, first + layer.height, dtype=pl.UInt32).alias(ROW)
        numbered.append(
            layer.with_columns(rows).sort(key) if key else layer.with_columns(rows)
        )
        first += layer.height
    rows = Deduped(tuple(numbered))
    return Piece(number, lane, rows, 0, first, read=first if read else 0)


def run_record(target):
    return RunRecord(
        f"run-{next(_run_numbers)}", "test", str(target.table), target.mode
    )


@contextmanager
def prepared(dsn, target, frame, state_dir, *, run=None):
    """Yield a target prepared for frames with the schema of this one."""
    with Database(dsn, state_dir=state_dir) as database:
        run = run or run_record(target)
        with database.connect() as session:
            assert database.hold(session, run.run_id, wait=10)
        yield database.prepare(
            target, frame.schema, database.facts(target.table), run=run
        )


def end(ready, status="loaded"):
    """End the run that a target was prepared for."""
    with ready.run._connect() as session:
        ready.run.end(status, session)


def write(dsn, target, state_dir, *frames, finish=True, exact=True):
    """Write frames one after the other as pieces of one run, on one lane.

    With `exact`, values are first cast as in `prepare`; otherwise they are sent as is.
    """
    with prepared(dsn, target, frames[0], state_dir) as ready:
        pieces = [make_piece(f, n, key=target.key) for n, f in enumerate(frames)]
        with closing(ready.open_writer(0)) as writer:
            if exact:
                pieces = [fit(piece, ready.plan) for piece in pieces]
            written = [write_one(writer, piece) for piece in pieces]
        if finish:
            end(ready)
    return written


def fit(piece, plan):
    """Return the piece with its values cast to the types of the plan."""
    layers = []
    for layer in piece.rows.layers:
        good, reasons = cast(layer, plan)
        assert not reasons.height
        layers.append(good)
    return replace(piece, rows=Deduped(tuple(layers)))


def write_one(writer, piece):
    """Write a piece, and check that its counts add up."""
    done = writer.write(piece)
    refused = done.reasons[ROW].n_unique()
    assert done.counts.stored + refused == piece.rows.height
    assert done.counts.possible
    return done


def counts(written):
    """Return (inserted, updated, unchanged, stale) of each piece."""
    counts_of_pieces = [done.counts for done in written]
    return [
        (one.inserted, one.updated, one.unchanged, one.stale)
        for one in counts_of_pieces
    ]
