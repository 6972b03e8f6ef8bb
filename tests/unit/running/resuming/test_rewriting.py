"""What of a run is written again depends on what is known of its mapping and schema."""

import pytest

from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.history import make_point
from propload.postgres.ledger.run_record import Meaning, RunRecord
from propload.report import Counts
from propload.running.resuming.rewriting import rewrite_partial_batches

#: Of a batch of two lanes, what the second one has committed.
PIECE = LedgerEntry(0, 1, 0, 4, Counts(inserted=2))
NOW = "propload 2, polars 2"


def record_of(meaning, *, mark="m", mode="upsert"):
    run = RunRecord("run", "a.csv", "public.t", mode)
    return run.with_shaping(mark, meaning, lanes=2, is_journaled=False)


def older(mode="upsert"):
    """Return a run of a version that told of its settings only."""
    settings = '{"workers": 2, "shaping": "m"}'
    return RunRecord("run", "a.csv", "public.t", mode, settings=settings)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (Meaning("", ""), Meaning("", ""), "same"),
        (Meaning("a", NOW), Meaning("a", NOW), "same"),
        (Meaning("a", NOW), Meaning("b", NOW), "other"),
        (Meaning("a", "propload 1"), Meaning("a", NOW), "versions"),
        (Meaning("a", "propload 1"), Meaning("b", NOW), "versions"),
        (Meaning(None, NOW), Meaning(None, NOW), "unknown"),
        (Meaning("a", NOW), Meaning(None, NOW), "unknown"),
    ],
)
def test_a_run_is_like_another_as_far_as_one_knows(then, now, expected):
    assert record_of(now).compare_shaping(record_of(then)) == expected
    # settings that are others need no more
    assert record_of(now).compare_shaping(record_of(then, mark="n")) == "other"


def test_what_an_older_version_did_not_tell_is_not_asked():
    point = make_point(older("append"), [PIECE])
    now = record_of(Meaning(None, NOW), mode="append")
    assert now.compare_shaping(older()) == "same"
    assert rewrite_partial_batches(point, now, None, commands=Commands()) is point


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (Meaning("b", NOW), "have changed since"),
        (Meaning("a", "propload 1"), "with the current versions"),
        (Meaning(None, NOW), "cannot be seen in their Python objects"),
    ],
)
def test_what_may_be_other_rows_is_written_again_by_key(then, told, caplog):
    point = make_point(record_of(then), [PIECE])
    again = rewrite_partial_batches(
        point, record_of(Meaning("a", NOW)), None, commands=Commands()
    )
    assert (again.start.partial_batches, again.committed) == ((), frozenset())
    assert told in caplog.text


@pytest.mark.parametrize(
    ("then", "advice"),
    [
        (Meaning("b", NOW), "the settings and columns of that time first, or load"),
        (
            Meaning("a", "propload 1"),
            r"those of that time first \(propload 1\), or load",
        ),
        (Meaning(None, NOW), "missing: load only what the table lacks"),
    ],
)
def test_what_may_be_other_rows_is_not_added(then, advice):
    point = make_point(record_of(then, mode="append"), [PIECE])
    now = record_of(Meaning("a", NOW), mode="append")
    with pytest.raises(ConfigError, match=advice):
        rewrite_partial_batches(point, now, None, commands=Commands())


def test_a_batch_that_is_whole_is_not_asked_for():
    first = LedgerEntry(0, 0, 0, 4, Counts(read=4, inserted=2))
    point = make_point(record_of(Meaning(None, NOW), mode="append"), [first, PIECE])
    now = record_of(Meaning(None, NOW), mode="append")
    assert rewrite_partial_batches(point, now, None, commands=Commands()) is point
