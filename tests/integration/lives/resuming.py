"""Rules for runs that end early, and for resuming or recovering them."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.faults.server import wait_until
from tests.integration.lives.failing_commits import failing_commits
from tests.integration.lives.life import (
    Life,
    UnfinishedRun,
    no_unfinished_run,
    requires,
    ways,
    workers,
)
from tests.integration.lives.source_rows import source_rows
from tests.integration.lives.table_model import NotReplacedError
from tests.integration.reading import query, run_sql

REREADABLE = ("csv", "frame", "ndjson", "parquet")
COMMITTED = "SELECT max(through_row) FROM propload.ledger WHERE run_id = $1"


class Resumptions(Life):
    """A table whose loads end early and are resumed or recovered."""

    @requires(lambda self: self.aborted is None)
    @rule(inputs=source_rows(REREADABLE), way=ways, workers=workers)
    def stop_at_a_bad_row_and_resume(self, inputs, way, workers):
        def stop_at_first_reject(act):
            # a limit for rejected rows would apply to rows recovered first as well
            return act(max_rejects=0)

        self._interrupt_and_continue(inputs, way, stop_at_first_reject, workers=workers)

    @requires(lambda self: self.aborted is None)
    @rule(
        inputs=source_rows((*REREADABLE, "generator")),
        way=ways,
        workers=workers,
        committed=st.booleans(),
        turn=st.integers(0, 4),
    )
    def end_at_a_commit_and_go_on(self, inputs, way, workers, committed, turn):
        def fail_at_commit(act):
            with failing_commits({turn}, committed=committed, for_good=True):
                return act()

        if inputs.form != "generator" or way.mode != "replace":
            self._interrupt_and_continue(inputs, way, fail_at_commit, workers=workers)

    def _interrupt_and_continue(self, inputs, way, attempt, **more):
        """Load rows by a run that may end early, and in that case continue it."""
        way = self.fitting(way, inputs.incoming)
        before, self.touched = self.places(), set()
        source, settings = self.make(inputs), self.settings_for(way, **more)
        columns = self.columns_of(inputs, way)
        outcome = self._expected_outcome(inputs, columns, way)
        if outcome is None:
            return
        try:
            report = attempt(lambda **also: propload.ingest(source, **settings, **also))
        except propload.LoadError as error:
            report = self._continue(inputs, source, settings, error.report)
        self.model.load(inputs.numbered, columns, way)
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, inputs, way)

    def _expected_outcome(self, inputs, columns, way):
        """Return the expected outcome of a load, or None if it is refused."""
        if columns is None:
            return None
        try:
            return deepcopy(self.model).load(inputs.numbered, columns, way)
        except NotReplacedError:
            return None

    def _continue(self, inputs, source, settings, ended):
        ended.counts.verify()
        if inputs.form == "generator":
            [report] = propload.recover(to=self.database, **self.state)
        else:
            report = propload.ingest(source, resume=True, **settings)
        assert report.run_id == ended.run_id
        return report

    # runs that wait to be resumed while others load

    @no_unfinished_run
    @rule(inputs=source_rows(REREADABLE), way=ways)
    def stop(self, inputs, way):
        way = self.fitting(way, inputs.incoming)
        columns = self.columns_of(inputs, way)
        expected = self._expected_outcome(inputs, columns, way)
        if expected is None or not expected.rejected:
            return
        before, self.touched = self.places(), set()
        source, settings = self.make(inputs), self.settings_for(way, workers=1)
        with pytest.raises(propload.RejectLimitError) as caught:
            propload.ingest(source, max_rejects=0, **settings)
        report = caught.value.report
        report.counts.verify()
        [(through,)] = query(self.database, COMMITTED, report.run_id)
        shadow = self.model.shadow() if way.mode == "replace" else None
        done = self.model.load(inputs.numbered[: through or 0], columns, way, shadow)
        self.compare_places(before, done if shadow is None else None)
        rest = inputs.subset(dict(inputs.numbered[through or 0 :]))
        self.unfinished = UnfinishedRun(
            report.run_id, source, settings, rest, way, done, shadow=shadow
        )

    @no_unfinished_run
    @requires(lambda self: "rooms" not in self.model.columns)
    @rule(
        first=source_rows(("csv", "ndjson")),
        second=source_rows(("csv", "ndjson"), extra=True),
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
        settings = self.settings_for(way, workers=workers)
        with pytest.raises(propload.SchemaMismatchError) as caught:
            propload.ingest(source, **settings)
        report = caught.value.report
        report.counts.verify()
        done = self.model.load(first.numbered, columns, way)
        assert report.counts.stored == done.counts.stored
        self.compare_places(before, done)
        self.unfinished = UnfinishedRun(
            report.run_id, source, settings, second, way, done
        )

    @requires(lambda self: self.unfinished)
    @rule()
    def resume(self):
        unfinished, self.unfinished = self.unfinished, None
        if (
            "rooms" in unfinished.remaining.columns
            and "rooms" not in self.model.columns
        ):
            run_sql(self.database, "ALTER TABLE homes ADD rooms bigint")
            self.model.columns.append("rooms")
        before = self.places()
        with self.recovering():
            columns = self.columns_of(unfinished.remaining, unfinished.way)
            if columns is None:
                return
            rest = self.model.load(
                unfinished.remaining.numbered,
                columns,
                unfinished.way,
                unfinished.shadow,
            )
            if unfinished.shadow is not None:
                self.model.rows, self.model.made = (
                    unfinished.shadow.rows,
                    unfinished.shadow.made,
                )
                rest.touched |= before.keys()
            report = propload.ingest(
                unfinished.source, resume=True, **unfinished.settings
            )
            assert report.run_id == unfinished.run_id
            assert report.counts == unfinished.done.counts + rest.counts
            assert report.rejects.height == report.counts.rejected
            self.compare_places(before, rest)
        if report.counts.rejected:
            propload.drop_rejects(report.run_id, **self.state)

    # pushed rows

    @rule(
        inputs=source_rows(("dicts",)), way=ways, workers=workers, leave=st.booleans()
    )
    def push(self, inputs, way, workers, leave):
        way = self.fitting(way, inputs.incoming)
        if way.mode == "replace" or self.columns_of(inputs, way) is None:
            return
        before = self.places()
        through = len(inputs.rows) // way.batch_rows * way.batch_rows
        with self.recovering():
            loader = self._loader_with(inputs, way, workers=workers)
            done = self.model.load(inputs.numbered[:through], inputs.columns, way)
            if leave and through < len(inputs.rows):
                self._leave(loader, through)
            else:
                rest = inputs.numbered[through:]
                done.add(self.model.load(rest, inputs.columns, way))
                report = loader.close()
                self.compare(report, done, before, way)
                self.note_rejects(report, done, inputs, way)
                return
        [leftover] = propload.leftovers(**self.state)
        rest = inputs.subset(dict(inputs.numbered[through:]))
        self.aborted = UnfinishedRun(leftover.run_id, None, {}, rest, way, done, inputs)

    def _loader_with(self, inputs, way, **more):
        """Return a loader with the rows pushed, one batch at a time."""
        loader = propload.Loader(**self.settings_for(way, **more))
        rows = inputs.dicts()
        for start in range(0, len(rows), way.batch_rows):
            loader.put(rows[start : start + way.batch_rows])
        return loader

    def _leave(self, loader, through):
        """Abort a loader once its complete batches are committed."""

        def is_through():
            return loader.metrics.snapshot().counts.accounted == through

        wait_until(is_through)
        loader.abort(KeyboardInterrupt())

    @requires(lambda self: self.aborted)
    @rule()
    def recover(self):
        run_id, before = self.aborted.run_id, self.places()
        with self.recovering():
            reports = propload.recover(to=self.database, **self.state)
            assert [one.run_id for one in reports] == [run_id]
        self.compare_places(before)
