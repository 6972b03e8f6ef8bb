"""The base of all lives: a table, its model, leftovers of runs, and comparisons."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
)

import propload
from propload.postgres.writing.stored import stored_rows
from tests.integration.lives.source_rows import BASE, SourceRows
from tests.integration.lives.table_model import Outcome, TableModel, Way
from tests.integration.reading import query, run_sql

CREATE = {
    True: "CREATE TABLE homes (id bigint PRIMARY KEY, {})",
    False: "CREATE TABLE homes (id bigint, {})",
}
COLUMNS = "seen int, price int CHECK (price >= 0), note text"
NAMES = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = 'homes'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
MODES = ["upsert", "upsert", "upsert", "insert-new", "append", "replace"]
ways = st.builds(
    Way,
    mode=st.sampled_from(MODES),
    newest=st.sampled_from([None, "seen"]),
    on_null=st.sampled_from(["overwrite", "keep"]),
    batch_rows=st.sampled_from([1, 2, 3, 5, 1_000]),
)
workers = st.sampled_from([1, 2])


def requires(holds):
    """Return a decorator for rules that need a table, and `holds` to be true of it."""
    return precondition(lambda self: self.model is not None and holds(self))


#: No rows wait in the shadow of a replace, which requires that the table keep its form.
no_shadow_rows = requires(
    lambda self: self.unfinished is None or self.unfinished.shadow is None
)
#: No run has ended early, which would otherwise be affected or be loaded first.
no_unfinished_run = requires(
    lambda self: self.aborted is None and self.unfinished is None
)


@dataclass
class PendingRejects:
    """The rejected rows of a run, which wait to be replayed.

    Attributes:
        inputs: The rows, with their numbers.
        way: How they are written.
        more: Other settings of their run.
    """

    inputs: SourceRows
    way: Way
    more: dict


@dataclass
class UnfinishedRun:
    """A run that ended early.

    Attributes:
        run_id: Its id.
        source: Its source.
        settings: Its settings.
        remaining: The rows that are left.
        way: How they are written.
        done: The outcome of the other rows.
        all_rows: All rows, for a loader that was aborted.
        shadow: The model of the shadow of a replace.
    """

    run_id: str
    source: object
    settings: dict
    remaining: SourceRows
    way: Way
    done: Outcome
    all_rows: SourceRows | None = None
    shadow: TableModel | None = None


class Life(RuleBasedStateMachine):
    """One life of a table.

    Args:
        database: The connection string of the database that it is in.
        folder: The state folder of its runs, also for their source files.

    Attributes:
        model: The model of what the table must hold; None before it exists.
        pending: Rejected rows, by run.
        aborted: A loader that was aborted, whose rows wait to be recovered.
        unfinished: A load that waits to be resumed.
        touched: The keys of rows that were written in addition to those of a load.
    """

    def __init__(self, database, folder):
        super().__init__()
        self.database = database
        self.folder = folder
        self.model = self.aborted = self.unfinished = None
        self.pending = {}
        self.touched = set()
        self._numbers = itertools.count(100)
        self._undo = contextlib.ExitStack()

    def teardown(self):
        self._undo.close()

    @initialize(
        keyed=st.sampled_from([True, True, False]),
        loaded=st.booleans(),
        compared=st.booleans(),
    )
    def begin(self, keyed, loaded, compared):
        """Create the table, as a user or by a load.

        Args:
            keyed: Whether it has a primary key.
            loaded: Whether it is created by a load.
            compared: Whether even few rows are compared with hashes of stored rows, as
                otherwise only many are.
        """
        if compared:
            patch = self._undo.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(stored_rows, "LEAST_ROWS", 1)
            patch.setattr(stored_rows, "LEAST_COLUMNS", 1)
        self.model = TableModel(keyed, list(BASE))
        run_sql(self.database, "DROP TABLE IF EXISTS homes")
        if loaded:
            self._make_by_load()
        else:
            run_sql(self.database, CREATE[keyed].format(COLUMNS))
            self.model.least["price"] = 0

    def _make_by_load(self):
        row = {"id": 1, "seen": 1, "price": 1, "note": "first"}
        way = self.fitting(Way(), BASE)
        report = propload.ingest(
            SourceRows([row], BASE, "frame").typed(), **self.settings_for(way)
        )
        outcome = self.model.load([(1, row)], BASE, way)
        assert report.counts == outcome.counts

    # settings and sources of loads

    @property
    def state(self):
        return {"state_dir": self.folder}

    def settings_for(self, way, **more):
        """Return the settings of a load."""
        if (
            way.mode == "replace"
            and self.unfinished is not None
            and self.unfinished.shadow
        ):
            # it drops the shadows of other runs whose source can be read again
            self.unfinished = None
        settings = {
            "to": self.database,
            "table": "homes",
            "mode": way.mode,
            "newest": way.newest,
            "on_null": way.on_null,
            "batch_rows": way.batch_rows,
            # so long that no batch is cut short
            "batch_seconds": 600,
            "progress": False,
        }
        if self.model.keyed:
            settings["key"] = "id"
        return {**settings, **self.state, **more}

    def fitting(self, way, columns):
        """Return the way, adapted to this table and these columns."""
        if not self.model.keyed:
            mode = "replace" if way.mode == "replace" else "append"
            way = replace(way, mode=mode, newest=None, on_null="overwrite")
        if self.model.single:
            # of two rows that exclude each other, the order decides which is stored
            way = replace(way, batch_rows=1)
        return way if way.newest in columns else replace(way, newest=None)

    def make(self, inputs):
        """Return rows as a source."""
        return inputs.make(self.folder / f"given{self.number()}")

    def number(self):
        """Return a number that is new, and that no drawn row has."""
        return next(self._numbers)

    def columns_of(self, inputs, way, on_new_columns="refuse", **_):
        """Return the columns that are stored, or None if the load is refused."""
        new = [name for name in inputs.incoming if name not in self.model.columns]
        if new and on_new_columns == "refuse":
            return None
        needed = self.model.needed.difference(inputs.incoming)
        if needed and not (way.mode == "upsert" and self.model.rows):
            return None
        if on_new_columns == "add":
            self.model.columns += new
        return tuple(name for name in inputs.incoming if name in self.model.columns)

    def expect_refusal(self, action):
        """Check that a load fails and accounts for its rows; drop what it leaves."""
        earlier = {leftover.run_id for leftover in propload.leftovers(**self.state)}
        with pytest.raises(propload.PropLoadError) as caught:
            action()
        report = getattr(caught.value, "report", None)
        if report is not None:
            report.counts.verify()
            if report.rejects.height:
                propload.drop_rejects(report.run_id, **self.state)
        for leftover in propload.leftovers(**self.state):
            if leftover.run_id not in earlier:
                propload.drop_leftover(leftover.run_id, to=self.database, **self.state)

    @contextlib.contextmanager
    def recovering(self):
        """Expect that the block first recovers the rows of an aborted loader."""
        aborted, self.aborted, self.touched = self.aborted, None, set()
        if aborted is None:
            yield
            return
        outcome = self.model.load(
            aborted.remaining.numbered, aborted.all_rows.columns, aborted.way
        )
        self.touched = set(outcome.touched)
        outcome.add(aborted.done)
        yield
        assert aborted.run_id not in {
            one.run_id for one in propload.leftovers(**self.state)
        }
        reports = propload.runs(0, **self.state)
        [report] = [one for one in reports if one.run_id == aborted.run_id]
        assert report.counts == outcome.counts
        self.note_rejects(report, outcome, aborted.all_rows, aborted.way)

    # comparisons

    def compare(self, report, outcome, before, way):
        """Compare a report, and which rows were written, with the model's outcome."""
        assert report.counts == outcome.counts
        reason_rows = sum(one.rows for one in report.reasons_counted)
        assert reason_rows >= report.counts.rejected
        if way.mode != "replace":
            self.compare_places(before, outcome)

    def compare_places(self, before, outcome=None):
        """Check that only the rows of an outcome were written."""
        after = self.places()
        touched = self.touched | (outcome or Outcome()).touched
        stayed = {key: place for key, place in before.items() if key not in touched}
        assert {key: after.get(key) for key in stayed} == stayed

    def note_rejects(self, report, outcome, inputs, way, on_new_columns="refuse", **_):
        """Compare the rejected rows of a run, and remember them."""
        rejects = report.rejects
        rows = dict(inputs.numbered)
        assert sorted(rejects["propload_row"] if rejects.height else []) == sorted(
            outcome.rejected
        )
        if not outcome.rejected:
            return
        for reject in rejects.iter_rows(named=True):
            number = reject["propload_row"]
            columns = {one["column"] for one in reject["propload_reason_list"]}
            assert columns
            assert columns <= outcome.rejected[number]
            for name in inputs.incoming:
                assert _same(reject[name], rows[number][name])
        kept = inputs.subset(
            {number: rows[number] for number in sorted(outcome.rejected)}
        )
        more = {"on_new_columns": on_new_columns}
        self.pending[report.run_id] = PendingRejects(kept, way, more)

    def places(self):
        """Return the ctid and xmin of each row, by its key if there is one."""
        rows = query(self.database, "SELECT id, ctid::text, xmin::text FROM homes")
        if self.model.keyed:
            return {key: place for key, *place in rows}
        return {tuple(place): place for _, *place in rows}

    @invariant()
    def the_table_holds_what_the_model_says(self):
        if self.model is None:
            return
        names = [name for (name,) in query(self.database, NAMES)]
        assert names == self.model.columns
        stored = query(self.database, f"SELECT {', '.join(names)} FROM homes")
        assert sorted(map(tuple, stored), key=repr) == self.model.content()


def _same(kept, value):
    """Return whether a value was kept as given; from CSV, all values are texts."""
    return str(kept) == str(value) or not (kept or value)
