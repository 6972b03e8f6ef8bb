"""Partial batches are written again if mapping or schema may have changed."""

import pytest

from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands
from propload.postgres.ledger.entry import LedgerEntry
from propload.postgres.ledger.history import make_point
from propload.postgres.ledger.run_record import Meaning, RunRecord
from propload.report import Counts
from propload.running.resuming.rewriting import rewrite_partial_batches

#: The piece that the second of two lanes has committed.
PIECE = LedgerEntry(0, 1, 0, 4, Counts(inserted=2))
NOW = "propload 2, polars 2"


def record_of(meaning, *, shaping="m", mode="upsert"):
    run = RunRecord("run", "a.csv", "public.t", mode)
    return run.with_shaping(shaping, meaning, lanes=2, is_journaled=False)


def older_run(mode="upsert"):
    """Return a run of an older version, which recorded only its settings."""
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
def test_runs_are_compared_by_settings_meaning_and_versions(then, now, expected):
    assert record_of(now).compare_shaping(record_of(then)) == expected
    # if the settings differ, nothing else is compared
    assert record_of(now).compare_shaping(record_of(then, shaping="n")) == "other"


def test_meaning_that_an_older_version_did_not_record_is_ignored():
    point = make_point(older_run("append"), [PIECE])
    now = record_of(Meaning(None, NOW), mode="append")
    assert now.compare_shaping(older_run()) == "same"
    assert rewrite_partial_batches(point, now, None, commands=Commands()) is point


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (Meaning("b", NOW), "have changed since"),
        (Meaning("a", "propload 1"), "with the current versions"),
        (Meaning(None, NOW), "cannot be seen in their Python objects"),
    ],
)
def test_upsert_rewrites_partial_batches_that_may_have_changed(then, message, caplog):
    point = make_point(record_of(then), [PIECE])
    again = rewrite_partial_batches(
        point, record_of(Meaning("a", NOW)), None, commands=Commands()
    )
    assert (again.start.partial_batches, again.committed) == ((), frozenset())
    assert message in caplog.text


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
def test_append_refuses_partial_batches_that_may_have_changed(then, advice):
    point = make_point(record_of(then, mode="append"), [PIECE])
    now = record_of(Meaning("a", NOW), mode="append")
    with pytest.raises(ConfigError, match=advice):
        rewrite_partial_batches(point, now, None, commands=Commands())


def test_complete_batch_is_not_rewritten():
    first = LedgerEntry(0, 0, 0, 4, Counts(read=4, inserted=2))
    point = make_point(record_of(Meaning(None, NOW), mode="append"), [first, PIECE])
    now = record_of(Meaning(None, NOW), mode="append")
    assert rewrite_partial_batches(point, now, None, commands=Commands()) is point
