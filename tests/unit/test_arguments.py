"""How public functions refuse arguments of a wrong type or out of range."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import propload
from propload import arguments
from propload.batch import Batch, Unread
from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.prepare.parsers import parse_money
from propload.pushing import PushedSource, require_batch
from propload.queueing import BatchQueue
from propload.sources import open_source
from propload.testing import MemorySource

ROWS = [{"id": 1}]
TEXT = pl.col("text")


def pushed_source():
    return PushedSource(SourceOptions())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: propload.tune(ROWS, rows="x"), "rows is 'x': give a whole number"),
        (lambda: propload.tune(ROWS, rows=0), "rows is 0: give a whole number, 1"),
        (lambda: propload.tune(ROWS, seconds="x"), "seconds: 'x' is not a number of"),
        (lambda: propload.tune(ROWS, seconds=0), "seconds is 0: give more than 0"),
        (lambda: propload.tune(ROWS, seconds=-1), "seconds is -1: give more than 0"),
        (lambda: propload.tune(ROWS, on_trial=5), "on_trial: an int cannot be called"),
        (lambda: propload.recover(on_report=5), "on_report: an int cannot be called"),
        (lambda: propload.replay(fix=5), "fix: an int cannot be called: pass a funct"),
        (lambda: propload.Loader(defaults=5), "defaults: an int has no names"),
        (lambda: propload.Loader(defaults=["a"]), "defaults: a list has no names"),
        (
            lambda: propload.Loader(defaults={"shema": "x"}),
            "defaults: 'shema' is neith",
        ),
        (lambda: propload.drop_leftover(""), "specify which run.s journal to delete"),
        (lambda: MemorySource(ROWS, 0), "chunk_rows is 0: give a whole number, 1"),
        (lambda: MemorySource(ROWS, -1), "chunk_rows is -1: give a whole number, 1"),
        (lambda: parse_money(TEXT, scale=19), "scale 19 is not a number of digits"),
        (lambda: parse_money(TEXT, scale=-1), "scale -1 is not a number of digits"),
        (
            lambda: pushed_source().put(ROWS, timeout="x"),
            "timeout: 'x' is not a number of",
        ),
        (lambda: BatchQueue(1, 1).on_room(5), "listener: an int cannot be called"),
    ],
)
@pytest.mark.timeout(30)
def test_bad_argument_is_named_before_a_state_folder_is_created(
    call, message, state_dir
):
    with pytest.raises(ConfigError, match=f"^{message}"):
        call()
    assert not state_dir.exists()


ARROW = pa.RecordBatch.from_pylist(ROWS)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (Batch(pl.DataFrame(ROWS), "s", 1), "the rows of a Batch are a DataFrame"),
        (Batch(pa.table({"id": [1]}), "s", 1), "the rows of a Batch are a Table: pass"),
        (Batch(ARROW, "s", "1"), "a row of a Batch has the number '1': give a whole"),
        (
            Batch(ARROW, "s", 1, (1, 2)),
            "row_numbers of a Batch has 2 numbers for 1 row",
        ),
        (Batch(ARROW, "s", 1, unread=("x",)), "unread of a Batch holds a str: pass"),
        (
            Batch(ARROW, "s", 1, unread=(Unread("a", "x", "ragged", "bad"),)),
            "a row of a Batch has the number 'a'",
        ),
    ],
)
@pytest.mark.parametrize(
    "take",
    [
        lambda batch: pushed_source().put(batch),
        require_batch,
        lambda batch: list(open_source(iter([batch]), SourceOptions())),
    ],
    ids=["put", "try_put", "generator"],
)
def test_a_batch_of_the_wrong_parts_is_refused_before_a_journal_has_it(
    take, batch, said, monkeypatch
):
    monkeypatch.setattr(PushedSource, "journal", lambda _: BatchQueue(1, 1))
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}"):
        take(batch)


@pytest.mark.parametrize("value", [0, -1, 1.5, float("inf"), np.float32(2)])
def test_any_number_is_accepted_as_seconds(value):
    arguments.require_seconds("timeout", value)


@pytest.mark.parametrize("value", [True, None, "1", float("nan"), 1j])
def test_seconds_that_are_not_a_real_number_are_refused(value):
    with pytest.raises(ConfigError, match=r"^timeout: .* is not a number of seconds$"):
        arguments.require_seconds("timeout", value)


@pytest.mark.parametrize("value", [1.0, Fraction(3, 2), True, -1, np.int64(0), None])
def test_count_must_be_a_whole_number_of_1_or_more(value):
    arguments.require_count("rows", np.int64(1))
    with pytest.raises(ConfigError, match=r"^rows is .*: give a whole number, 1 or"):
        arguments.require_count("rows", value)
