"""Rules for loads that finish, and for loads that are refused."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

import propload
from tests.integration.lives.failing_commits import failing_commits
from tests.integration.lives.given_rows import BASE, Given, given_rows
from tests.integration.lives.life import Life, ways, where, workers
from tests.integration.lives.table_model import NotReplacedError, Way
from tests.integration.reading import END_RUNS, query


class Loads(Life):
    """A table that is loaded, from any source and in any mode."""

    def __init__(self, database, folder):
        super().__init__(database, folder)
        self._last = None

    @rule(given=given_rows(), way=ways, workers=workers, look=st.booleans())
    def load(self, given, way, workers, look):
        self._load(given, way, look=look, workers=workers)

    @rule(
        given=given_rows(extra=True),
        way=ways,
        workers=workers,
        new=st.sampled_from(["add", "ignore", "refuse"]),
        look=st.booleans(),
    )
    def load_more_columns(self, given, way, workers, new, look):
        self._load(given, way, look=look, workers=workers, on_new_columns=new)

    @where(lambda self: self._last)
    @rule(workers=workers)
    def load_again(self, workers):
        given, way, more = self._last
        self._load(given, way, **{**more, "workers": workers})

    @rule(given=given_rows(("generator",)), way=ways, workers=workers)
    def load_while_sessions_are_lost(self, given, way, workers):
        way = self.fitting(way, given.incoming)
        rows, half = given.dicts(), len(given.rows) // 2

        def source():
            yield from rows[:half]
            query(self.database, END_RUNS)
            yield from rows[half:]

        with self.recovering():
            self.load_as_told(given, source(), way, workers=workers)

    @rule(given=given_rows(("generator",)), way=ways, workers=workers)
    def load_while_another_load_adds_a_row(self, given, way, workers):
        way = self.fitting(way, given.incoming)
        rows, half = given.dicts(), len(given.rows) // 2
        row = {"id": self.number(), "seen": 1, "price": 1}
        beside = Given([{**row, "note": f"row {row['id']}"}], BASE, "frame")

        def source():
            yield from rows[:half]
            report = propload.ingest(beside.typed(), **self.told(plain))
            assert report.counts.inserted == 1
            yield from rows[half:]

        plain = self.fitting(Way(), BASE)
        with self.recovering():
            if self.columns_of(given, way) is None:
                return
            self.touched |= self.model.load(beside.numbered, BASE, plain).touched
            self.load_as_told(given, source(), way, workers=workers)

    @where(lambda self: self.left is None)
    @rule(
        given=given_rows(),
        way=ways,
        workers=workers,
        committed=st.booleans(),
        turns=st.sets(st.integers(0, 4), min_size=1, max_size=3),
    )
    def load_while_answers_are_lost(self, given, way, workers, committed, turns):
        with failing_commits(turns, committed=committed):
            self._load(given, way, workers=workers)

    @rule(
        given=given_rows(("dicts",)),
        way=ways,
        workers=workers,
        lost=st.integers(0, 12),
    )
    def load_of_a_source_that_fails(self, given, way, workers, lost):
        way = self.fitting(way, given.incoming)
        kept = given.some(dict(given.numbered[: max(0, len(given.rows) - lost)]))

        def source():
            yield from kept.dicts()
            raise OSError("the source is gone")

        with self.recovering():
            if way.mode == "replace" or not kept.rows:
                told = self.told(way, workers=workers)
                self.refused(lambda: propload.ingest(source(), **told))
            else:
                self.load_as_told(kept, source(), way, fails=True, workers=workers)

    def _load(self, given, way, *, look=False, **more):
        way = self.fitting(way, given.incoming)
        source = self.make(given)
        foretold = None
        if look and given.form != "generator" and self.left is None:
            before = self.places()
            foretold = propload.check(source, **self.told(way, **more))
            assert self.places() == before
        with self.recovering():
            report = self.load_as_told(given, source, way, **more)
        if foretold is not None:
            self._compare_foretold(foretold, report, given, way)
        self._last = (given, way, more)

    def load_as_told(self, given, source, way, *, fails=False, **more):
        """Load rows and compare; return the report, or None if the load is refused."""
        before = self.places()

        def act():
            return propload.ingest(source, **self.told(way, **more))

        columns = self.columns_of(given, way, **more)
        if columns is None:
            self.refused(act)
            return None
        try:
            outcome = self.model.load(given.numbered, columns, way)
        except NotReplacedError:
            self.refused(act)
            return None
        report = _report_of_failure(act) if fails else act()
        self.compare(report, outcome, before, way)
        self.note_rejects(report, outcome, given, way, **more)
        return report

    def _compare_foretold(self, foretold, report, given, way):
        """Compare the report of a check with that of the load that followed.

        The check treats all rows as one batch, and does not know how rows affect each
        other in the table.
        """
        if report is None:
            assert foretold.problems
            return
        assert not foretold.problems
        assert foretold.rows == report.counts.read
        if way.batch_rows < len(given.rows):
            return
        contend = self.model.single or (way.mode == "append" and self.model.keyed)
        if contend or way.on_null == "keep" or foretold.expected is None:
            assert foretold.rejected <= report.counts.rejected
        else:
            assert foretold.expected == report.counts


def _report_of_failure(act):
    with pytest.raises(propload.SourceError) as caught:
        act()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.report.status == "failed"
    return caught.value.report
