"""Rules for rejected rows: corrected, replayed, loaded as new rows, dropped."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.integration.lives.life import Life, requires, workers
from tests.integration.lives.source_rows import MENDED, mended


def fix_prices(frame):
    """Return a frame with all prices corrected, as `mended` does for a row."""
    if "price" not in frame.columns:
        return frame
    price = pl.col("price").cast(pl.String)
    number = price.cast(pl.Int64, strict=False)
    good = price.is_null() | number.is_between(0, 9).fill_null(value=False)
    return frame.with_columns(price=pl.when(good).then(price).otherwise(pl.lit(MENDED)))


def mend_file(path):
    """Correct rejected rows in their file, as with an editor."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        line["values"] = mended(line["values"])
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


class Replays(Life):
    """A table whose rejected rows are replayed."""

    @requires(lambda self: self.pending)
    @rule(
        data=st.data(),
        mend=st.sampled_from(["not", "by a function", "in the file"]),
        workers=workers,
    )
    def replay(self, data, mend, workers):
        run_id, pending = self._some_run(data)
        settings = self._replay_settings(workers=workers)
        if mend == "by a function":
            settings["fix"] = fix_prices
        if mend == "in the file":
            mend_file(self.folder / "rejects" / f"{run_id}.ndjson")
        if mend != "not":
            rows = [mended(row) for row in pending.inputs.rows]
            inputs = replace(pending.inputs, rows=rows)
            pending = replace(pending, inputs=inputs)
        before, self.touched = self.places(), set()
        expected = self._expected_replay(pending)
        if expected is None:
            self.expect_refusal(lambda: propload.replay(run_id, **settings))
            if mend != "in the file":
                return
            self.pending[run_id] = pending
            return
        report = propload.replay(run_id, **settings)
        way, outcome = expected
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, pending.inputs, way, **pending.more)
        self._see_replayed(run_id)

    @requires(lambda self: self.pending)
    @rule(data=st.data(), workers=workers)
    def replay_in_parts(self, data, workers):
        run_id, pending = self._some_run(data)
        settings = self._replay_settings(workers=workers)
        expected = self._expected_replay(pending)
        if expected is None:
            self.expect_refusal(lambda: propload.replay(run_id, **settings))
            return
        way, outcome = expected
        if outcome.rejected:
            with pytest.raises(propload.RejectLimitError):
                propload.replay(run_id, max_rejects=0, **settings)
        report = propload.replay(run_id, **settings)
        if way.mode == "append" or not outcome.rejected:
            assert report.counts == outcome.counts
        if report.counts.rejected:
            propload.drop_rejects(report.run_id, **self.state)
        self._see_replayed(run_id)

    @requires(lambda self: self.pending)
    @rule(data=st.data())
    def load_mended(self, data):
        run_id, pending = self._some_run(data)
        frame = propload.rejects(run_id, **self.state).sort("propload_row")
        rows = frame.select(pending.inputs.columns).rows(named=True)
        self._drop(run_id)
        inputs = replace(pending.inputs, rows=[*map(mended, rows)], numbers=())
        way = self.fitting(pending.way, inputs.columns)
        with self.recovering():
            self.load_and_compare(inputs, inputs.dicts(), way, **pending.more)

    @requires(lambda self: self.pending)
    @rule(data=st.data())
    def drop_rejects(self, data):
        run_id, _ = self._some_run(data)
        self._drop(run_id)

    @requires(lambda self: self.pending or self.unfinished)
    @rule()
    def drop_runs(self):
        propload.drop_runs(0, to=self.database, **self.state)
        reports = {one.run_id for one in propload.runs(0, **self.state)}
        assert reports >= self.pending.keys()

    def _some_run(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.pending)))
        return run_id, self.pending[run_id]

    def _replay_settings(self, **more):
        # of rows that exclude each other, the order decides which is stored
        alone = {"batch_rows": 1} if self.model.single else {}
        return {"to": self.database, **self.state, **alone, **more}

    def _expected_replay(self, pending):
        """Replay rows in the model; return way and outcome, or None if refused."""
        way = pending.way
        if way.mode == "replace":
            # they are added to the rows that replaced the table
            way = replace(way, mode="upsert" if self.model.keyed else "append")
        if self.model.single:
            way = replace(way, batch_rows=1)
        columns = self.columns_of(pending.inputs, way, **pending.more)
        if columns is None:
            return None
        return way, self.model.load(pending.inputs.numbered, columns, way)

    def _see_replayed(self, run_id):
        """Check that no row of a run is left to replay."""
        del self.pending[run_id]
        assert propload.rejects(run_id, **self.state).is_empty()
        with pytest.raises(propload.ConfigError, match="replayed"):
            propload.replay(run_id, to=self.database, **self.state)

    def _drop(self, run_id):
        dropped = propload.drop_rejects(run_id, **self.state)
        assert dropped == len(self.pending.pop(run_id).inputs.rows)
        with pytest.raises(propload.ConfigError, match="dropped"):
            propload.rejects(run_id, **self.state)
