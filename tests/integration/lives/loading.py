"""Rules for loads that finish, and for loads that are refused."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.integration.lives.failing_commits import failing_commits
from tests.integration.lives.life import Life, requires, ways, workers
from tests.integration.lives.source_rows import BASE, SourceRows, source_rows
from tests.integration.lives.table_model import NotReplacedError, Way
from tests.integration.reading import END_RUNS, query


class Loads(Life):
    """A table that is loaded, from any source and in any mode."""

    def __init__(self, database, folder):
        super().__init__(database, folder)
        self._last = None

    @rule(inputs=source_rows(), way=ways, workers=workers, is_checked=st.booleans())
    def load(self, inputs, way, workers, is_checked):
        self._load(inputs, way, is_checked=is_checked, workers=workers)

    @rule(
        inputs=source_rows(extra=True),
        way=ways,
        workers=workers,
        new=st.sampled_from(["add", "ignore", "refuse"]),
        is_checked=st.booleans(),
    )
    def load_more_columns(self, inputs, way, workers, new, is_checked):
        self._load(
            inputs, way, is_checked=is_checked, workers=workers, on_new_columns=new
        )

    @requires(lambda self: self._last)
    @rule(workers=workers)
    def load_again(self, workers):
        inputs, way, more = self._last
        self._load(inputs, way, **{**more, "workers": workers})

    @rule(inputs=source_rows(("generator",)), way=ways, workers=workers)
    def load_while_sessions_are_lost(self, inputs, way, workers):
        way = self.fitting(way, inputs.incoming)
        rows, half = inputs.dicts(), len(inputs.rows) // 2

        def source():
            yield from rows[:half]
            query(self.database, END_RUNS)
            yield from rows[half:]

        with self.recovering():
            self.load_and_compare(inputs, source(), way, workers=workers)

    @rule(inputs=source_rows(("generator",)), way=ways, workers=workers)
    def load_while_another_load_adds_a_row(self, inputs, way, workers):
        way = self.fitting(way, inputs.incoming)
        rows, half = inputs.dicts(), len(inputs.rows) // 2
        row = {"id": self.number(), "seen": 1, "price": 1}
        beside = SourceRows([{**row, "note": f"row {row['id']}"}], BASE, "frame")

        def source():
            yield from rows[:half]
            report = propload.ingest(beside.typed(), **self.settings_for(plain))
            assert report.counts.inserted == 1
            yield from rows[half:]

        plain = self.fitting(Way(), BASE)
        with self.recovering():
            if self.columns_of(inputs, way) is None:
                return
            self.touched |= self.model.load(beside.numbered, BASE, plain).touched
            self.load_and_compare(inputs, source(), way, workers=workers)

    @requires(lambda self: self.aborted is None)
    @rule(
        inputs=source_rows(),
        way=ways,
        workers=workers,
        committed=st.booleans(),
        turns=st.sets(st.integers(0, 4), min_size=1, max_size=3),
    )
    def load_while_answers_are_lost(self, inputs, way, workers, committed, turns):
        with failing_commits(turns, committed=committed):
            self._load(inputs, way, workers=workers)

    @rule(
        inputs=source_rows(("dicts",)),
        way=ways,
        workers=workers,
        lost=st.integers(0, 12),
    )
    def load_of_a_source_that_fails(self, inputs, way, workers, lost):
        way = self.fitting(way, inputs.incoming)
        kept = inputs.subset(dict(inputs.numbered[: max(0, len(inputs.rows) - lost)]))

        def source():
            yield from kept.dicts()
            raise OSError("the source is gone")

        with self.recovering():
            if way.mode == "replace" or not kept.rows:
                settings = self.settings_for(way, workers=workers)
                self.expect_refusal(lambda: propload.ingest(source(), **settings))
            else:
                self.load_and_compare(kept, source(), way, fails=True, workers=workers)

    def _load(self, inputs, way, *, is_checked=False, **more):
        way = self.fitting(way, inputs.incoming)
        source = self.make(inputs)
        checked = None
        if is_checked and inputs.form != "generator" and self.aborted is None:
            before = self.places()
            checked = propload.check(source, **self.settings_for(way, **more))
            assert self.places() == before
        with self.recovering():
            report = self.load_and_compare(inputs, source, way, **more)
        if checked is not None:
            self._compare_with_check(checked, report, inputs, way)
        self._last = (inputs, way, more)

    def load_and_compare(self, inputs, source, way, *, fails=False, **more):
        """Load rows and compare; return the report, or None if the load is refused."""
        before = self.places()

        def act():
            return propload.ingest(source, **self.settings_for(way, **more))

        columns = self.columns_of(inputs, way, **more)
        if columns is None:
            self.expect_refusal(act)
            return None
        try:
            outcome = self.model.load(inputs.numbered, columns, way)
        except NotReplacedError:
            self.expect_refusal(act)
            return None
        report = _report_of_failure(act) if fails else act()
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, inputs, way, **more)
        return report

    def _compare_with_check(self, checked, report, inputs, way):
        """Compare the report of a check with that of the load that followed.

        The check treats all rows as one batch, and does not know how rows affect each
        other in the table.
        """
        if report is None:
            assert checked.problems
            return
        assert not checked.problems
        assert checked.rows == report.counts.read
        if way.batch_rows < len(inputs.rows):
            return
        contend = self.model.single or (way.mode == "append" and self.model.keyed)
        if contend or way.on_null == "keep" or checked.expected is None:
            assert checked.rejected <= report.counts.rejected
        else:
            assert checked.expected == report.counts


def _report_of_failure(act):
    with pytest.raises(propload.SourceError) as caught:
        act()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.report.status == "failed"
    return caught.value.report
