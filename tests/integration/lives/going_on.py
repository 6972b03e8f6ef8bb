"""Rules for runs that end early, and for resuming or recovering them."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.faults.server import wait_until
from tests.integration.lives.failing_commits import failing_commits
from tests.integration.lives.given_rows import given_rows
from tests.integration.lives.life import Early, Life, ways, where, whole, workers
from tests.integration.lives.table_model import NotReplacedError
from tests.integration.reading import query, run_sql

KNOWN_AGAIN = ("csv", "frame", "ndjson", "parquet")
COMMITTED = "SELECT max(through_row) FROM propload.ledger WHERE run_id = $1"


class GoingOn(Life):
    """A table whose loads end early and are resumed or recovered."""

    @where(lambda self: self.left is None)
    @rule(given=given_rows(KNOWN_AGAIN), way=ways, workers=workers)
    def stop_at_a_bad_row_and_resume(self, given, way, workers):
        def stopped(act):
            # a limit for rejected rows would apply to rows recovered first as well
            return act(max_rejects=0)

        self._break_and_go_on(given, way, stopped, workers=workers)

    @where(lambda self: self.left is None)
    @rule(
        given=given_rows((*KNOWN_AGAIN, "generator")),
        way=ways,
        workers=workers,
        committed=st.booleans(),
        turn=st.integers(0, 4),
    )
    def end_at_a_commit_and_go_on(self, given, way, workers, committed, turn):
        def broken(act):
            with failing_commits({turn}, committed=committed, for_good=True):
                return act()

        if given.form != "generator" or way.mode != "replace":
            self._break_and_go_on(given, way, broken, workers=workers)

    def _break_and_go_on(self, given, way, attempt, **more):
        """Load rows by a run that may end early, and in that case continue it."""
        way = self.fitting(way, given.incoming)
        before, self.touched = self.places(), set()
        source, told = self.make(given), self.told(way, **more)
        columns = self.columns_of(given, way)
        outcome = self._foreseen(given, columns, way)
        if outcome is None:
            return
        try:
            report = attempt(lambda **also: propload.ingest(source, **told, **also))
        except propload.LoadError as error:
            report = self._go_on(given, source, told, error.report)
        self.model.load(given.numbered, columns, way)
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, given, way)

    def _foreseen(self, given, columns, way):
        """Return the expected outcome of a load, or None if it is refused."""
        if columns is None:
            return None
        try:
            return deepcopy(self.model).load(given.numbered, columns, way)
        except NotReplacedError:
            return None

    def _go_on(self, given, source, told, ended):
        ended.counts.verify()
        if given.form == "generator":
            [report] = propload.recover(to=self.database, **self.state)
        else:
            report = propload.ingest(source, resume=True, **told)
        assert report.run_id == ended.run_id
        return report

    # runs that wait to be resumed while others load

    @whole
    @rule(given=given_rows(KNOWN_AGAIN), way=ways)
    def stop(self, given, way):
        way = self.fitting(way, given.incoming)
        columns = self.columns_of(given, way)
        foreseen = self._foreseen(given, columns, way)
        if foreseen is None or not foreseen.rejected:
            return
        before, self.touched = self.places(), set()
        source, told = self.make(given), self.told(way, workers=1)
        with pytest.raises(propload.RejectLimitError) as caught:
            propload.ingest(source, max_rejects=0, **told)
        report = caught.value.report
        report.counts.verify()
        [(through,)] = query(self.database, COMMITTED, report.run_id)
        shadow = self.model.shadow() if way.mode == "replace" else None
        done = self.model.load(given.numbered[: through or 0], columns, way, shadow)
        self.compare_places(before, done if shadow is None else None)
        rest = given.some(dict(given.numbered[through or 0 :]))
        self.cut = Early(report.run_id, source, told, rest, way, done, shadow=shadow)

    @whole
    @where(lambda self: "rooms" not in self.model.columns)
    @rule(
        first=given_rows(("csv", "ndjson")),
        second=given_rows(("csv", "ndjson"), extra=True),
        way=ways,
        workers=workers,
    )
    def load_two_files_of_which_one_does_not_fit(self, first, second, way, workers):
        way = self.fitting(way, {*first.columns} & {*second.columns})
        columns = self.columns_of(first, way)
        if way.mode == "replace" or columns is None:
            return
        before, self.touched = self.places(), set()
        source = [str(self.make(first)), str(self.make(second))]
        told = self.told(way, workers=workers)
        with pytest.raises(propload.SchemaMismatchError) as caught:
            propload.ingest(source, **told)
        report = caught.value.report
        report.counts.verify()
        done = self.model.load(first.numbered, columns, way)
        assert report.counts.stored == done.counts.stored
        self.compare_places(before, done)
        self.cut = Early(report.run_id, source, told, second, way, done)

    @where(lambda self: self.cut)
    @rule()
    def resume(self):
        cut, self.cut = self.cut, None
        if "rooms" in cut.given.columns and "rooms" not in self.model.columns:
            run_sql(self.database, "ALTER TABLE homes ADD rooms bigint")
            self.model.columns.append("rooms")
        before = self.places()
        with self.recovering():
            columns = self.columns_of(cut.given, cut.way)
            if columns is None:
                return
            rest = self.model.load(cut.given.numbered, columns, cut.way, cut.shadow)
            if cut.shadow is not None:
                self.model.rows, self.model.made = cut.shadow.rows, cut.shadow.made
                rest.touched |= before.keys()
            report = propload.ingest(cut.source, resume=True, **cut.told)
            assert report.run_id == cut.run_id
            assert report.counts == cut.done.counts + rest.counts
            assert report.rejects.height == report.counts.rejected
            self.compare_places(before, rest)
        if report.counts.rejected:
            propload.drop_rejects(report.run_id, **self.state)

    # pushed rows

    @rule(given=given_rows(("dicts",)), way=ways, workers=workers, leave=st.booleans())
    def push(self, given, way, workers, leave):
        way = self.fitting(way, given.incoming)
        if way.mode == "replace" or self.columns_of(given, way) is None:
            return
        before = self.places()
        through = len(given.rows) // way.batch_rows * way.batch_rows
        with self.recovering():
            loader = self._loader_with(given, way, workers=workers)
            done = self.model.load(given.numbered[:through], given.columns, way)
            if leave and through < len(given.rows):
                self._leave(loader, through)
            else:
                rest = given.numbered[through:]
                done.add(self.model.load(rest, given.columns, way))
                report = loader.close()
                self.compare(report, done, before, way)
                self.note_rejects(report, done, given, way)
                return
        [found] = propload.leftovers(**self.state)
        rest = given.some(dict(given.numbered[through:]))
        self.left = Early(found.run_id, None, {}, rest, way, done, given)

    def _loader_with(self, given, way, **more):
        """Return a loader with the rows pushed, one batch at a time."""
        loader = propload.Loader(**self.told(way, **more))
        rows = given.dicts()
        for start in range(0, len(rows), way.batch_rows):
            loader.put(rows[start : start + way.batch_rows])
        return loader

    def _leave(self, loader, through):
        """Abort a loader once its complete batches are committed."""

        def is_through():
            return loader.metrics.snapshot().counts.accounted == through

        wait_until(is_through)
        loader.abort(KeyboardInterrupt())

    @where(lambda self: self.left)
    @rule()
    def recover(self):
        run_id, before = self.left.run_id, self.places()
        with self.recovering():
            reports = propload.recover(to=self.database, **self.state)
            assert [one.run_id for one in reports] == [run_id]
        self.compare_places(before)
