"""Fixture: the parts of runs that ended early, real ones, but without a server."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from propload.journal import Journal, JournalOptions, JournalSource
from propload.journal.ending import Outcome
from propload.options import Places, RunOptions, SourceOptions
from propload.pipeline.table_fitting import TableFit
from propload.postgres.ledger.run_record import RunRecord
from propload.prepare.preparing import Preparer
from propload.running.auto_sizing import BatchRows
from propload.running.journaling import Journaling
from propload.running.parts import Parts
from propload.running.planning import Plan
from propload.sources import open_source
from propload.target import TableName, Target
from tests.unit.journal.batches import batch


@pytest.fixture
def parts_of(tmp_path, monkeypatch, state_dir):
    """Return a function that creates the parts of a run of three rows.

    Its argument `left` is None if the source can be read again, "a journal" if a
    journal was written, and "its rows" if the rows of an earlier journal are loaded.
    """
    monkeypatch.chdir(tmp_path)
    Path("homes.csv").write_text("id\n1\n2\n3\n", encoding="utf-8")
    with ExitStack() as until_the_end:

        def journal_of(left):
            folder = state_dir / "journal" / "RUN"
            if left == "its rows":
                return JournalSource(folder)
            if left is None:
                return None
            journal = Journal(folder, JournalOptions("off", 1 << 20), {})
            until_the_end.callback(journal.close, loaded=False)
            journal.append(batch(0, 3))
            return journal

        def parts_of(left, mode="append", *, fingerprint="a1", replayed="", state=None):
            target = Target(TableName("public", "homes"), ("id",), mode=mode)
            record = RunRecord("RUN", "homes.csv", "public.homes", mode, fingerprint)
            fit = TableFit(None, target, Preparer(), record, {})
            fit.is_fitted = True
            return Parts(
                record=record,
                source=open_source("homes.csv", SourceOptions()),
                plan=Plan(
                    {}, RunOptions(), Places(state or state_dir), replayed=replayed
                ),
                # never used
                database=None,
                target=target,
                fit=fit,
                rejects=None,
                pipeline=None,
                sizes=BatchRows(100),
                journaling=Journaling(journal_of(left), None, Outcome()),
                continued=False,
                chosen=(),
            )

        yield parts_of
