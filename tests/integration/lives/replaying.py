"""Rules for rejected rows: corrected, replayed, loaded as new rows, dropped."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.integration.lives.given_rows import MENDED, mended
from tests.integration.lives.life import Life, where, workers


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

    @where(lambda self: self.waiting)
    @rule(
        data=st.data(),
        mend=st.sampled_from(["not", "by a function", "in the file"]),
        workers=workers,
    )
    def replay(self, data, mend, workers):
        run_id, waiting = self._some_run(data)
        told = self._told(workers=workers)
        if mend == "by a function":
            told["fix"] = fix_prices
        if mend == "in the file":
            mend_file(self.folder / "rejects" / f"{run_id}.ndjson")
        if mend != "not":
            rows = [mended(row) for row in waiting.given.rows]
            given = replace(waiting.given, rows=rows)
            waiting = replace(waiting, given=given)
        before, self.touched = self.places(), set()
        foreseen = self._foreseen_replay(waiting)
        if foreseen is None:
            self.refused(lambda: propload.replay(run_id, **told))
            if mend != "in the file":
                return
            self.waiting[run_id] = waiting
            return
        report = propload.replay(run_id, **told)
        way, outcome = foreseen
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, waiting.given, way, **waiting.more)
        self._see_replayed(run_id)

    @where(lambda self: self.waiting)
    @rule(data=st.data(), workers=workers)
    def replay_in_parts(self, data, workers):
        run_id, waiting = self._some_run(data)
        told = self._told(workers=workers)
        foreseen = self._foreseen_replay(waiting)
        if foreseen is None:
            self.refused(lambda: propload.replay(run_id, **told))
            return
        way, outcome = foreseen
        if outcome.rejected:
            with pytest.raises(propload.RejectLimitError):
                propload.replay(run_id, max_rejects=0, **told)
        report = propload.replay(run_id, **told)
        if way.mode == "append" or not outcome.rejected:
            assert report.counts == outcome.counts
        if report.counts.rejected:
            propload.drop_rejects(report.run_id, **self.state)
        self._see_replayed(run_id)

    @where(lambda self: self.waiting)
    @rule(data=st.data())
    def load_mended(self, data):
        run_id, waiting = self._some_run(data)
        frame = propload.rejects(run_id, **self.state).sort("propload_row")
        rows = frame.select(waiting.given.columns).rows(named=True)
        self._drop(run_id)
        given = replace(waiting.given, rows=[*map(mended, rows)], numbers=())
        way = self.fitting(waiting.way, given.columns)
        with self.recovering():
            self.load_as_told(given, given.dicts(), way, **waiting.more)

    @where(lambda self: self.waiting)
    @rule(data=st.data())
    def drop_rejects(self, data):
        run_id, _ = self._some_run(data)
        self._drop(run_id)

    @where(lambda self: self.waiting or self.cut)
    @rule()
    def drop_runs(self):
        propload.drop_runs(0, to=self.database, **self.state)
        reports = {one.run_id for one in propload.runs(0, **self.state)}
        assert reports >= self.waiting.keys()

    def _some_run(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.waiting)))
        return run_id, self.waiting[run_id]

    def _told(self, **more):
        # of rows that exclude each other, the order decides which is stored
        alone = {"batch_rows": 1} if self.model.single else {}
        return {"to": self.database, **self.state, **alone, **more}

    def _foreseen_replay(self, waiting):
        """Replay rows in the model; return way and outcome, or None if refused."""
        way = waiting.way
        if way.mode == "replace":
            # they are added to the rows that replaced the table
            way = replace(way, mode="upsert" if self.model.keyed else "append")
        if self.model.single:
            way = replace(way, batch_rows=1)
        columns = self.columns_of(waiting.given, way, **waiting.more)
        if columns is None:
            return None
        return way, self.model.load(waiting.given.numbered, columns, way)

    def _see_replayed(self, run_id):
        """Check that no row of a run is left to replay."""
        del self.waiting[run_id]
        assert propload.rejects(run_id, **self.state).is_empty()
        with pytest.raises(propload.ConfigError, match="replayed"):
            propload.replay(run_id, to=self.database, **self.state)

    def _drop(self, run_id):
        dropped = propload.drop_rejects(run_id, **self.state)
        assert dropped == len(self.waiting.pop(run_id).given.rows)
        with pytest.raises(propload.ConfigError, match="dropped"):
            propload.rejects(run_id, **self.state)
