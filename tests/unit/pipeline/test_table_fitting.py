"""Types that are guessed from the first rows apply to all rows of a run."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pytest

from propload.batch import Batch
from propload.errors import TransientWriteError
from propload.names.type_names import create_type
from propload.pipeline.table_fitting import TableFit
from propload.postgres.ledger.run_record import RunRecord
from propload.postgres.tables.facts import TableColumn, TableFacts
from propload.postgres.tables.row_plan import plan_rows
from propload.prepare.joining import Joined
from propload.prepare.preparing import Preparer
from propload.target import TableName, Target

HOMES = Target(TableName("public", "homes"), ("id",), on_new_columns="add")
RUN = RunRecord("run-1", "homes.csv", "public.homes", "upsert")
BASES = {"bigint": "int8", "text": "text"}
FIRST = {"id": ["1", "2"], "rooms": ["3", "4"]}
#: A leading zero, and numbers that are written differently.
STRANGE = {"id": ["007", "7"], "rooms": ["03", "3.0"]}


class OneTable:
    """A database of one table, which it creates if needed; its answer can be lost."""

    def __init__(self, found=None, *, lost=0):
        self.found = found
        self.lost = lost
        self.entered = RUN

    def facts(self, _table):
        return self.found

    def prepare(self, target, schema, _found, *, run, **_keywords):
        known = self.found.columns if self.found else ()
        names = {one.name for one in known}
        new = {n: create_type(t) for n, t in schema.items() if n not in names}
        created = tuple(TableColumn(n, t, BASES[t]) for n, t in new.items())
        self.found = TableFacts(target.table, (*known, *created), oid=1)
        if self.lost:
            self.lost -= 1
            raise TransientWriteError("the answer was lost")
        self.entered = run.with_table(self.found)
        plan = plan_rows(schema, self.found, target).columns
        return SimpleNamespace(plan=plan, notes=(), single_lane=False)


def fit_of(database, run=RUN):
    return TableFit(database, HOMES, Preparer(key=("id",)), run, {})


def csv_rows(**columns):
    part = Batch(pa.record_batch(columns), "homes.csv", 1, untyped=True)
    return Joined(0, (part,), 0)


def stored(fit, **columns):
    """Return the ids and rooms of the rows that are written."""
    joined = csv_rows(**columns)
    [lane] = fit(joined).prepare(joined).lanes
    return [row[1:3] for layer in lane.layers for row in layer.rows()]


def test_guesses_apply_if_the_answer_to_creating_the_table_was_lost():
    database = OneTable(lost=1)
    fit = fit_of(database)
    with pytest.raises(TransientWriteError):
        fit(csv_rows(**FIRST))
    fitted = fit(csv_rows(**FIRST))
    assert fitted.prepare(csv_rows(**STRANGE)).height == 0
    assert fitted.prepare(csv_rows(**FIRST)).height == 2
    assert database.entered.guessed == {"id": "bigint", "rooms": "bigint"}


def test_guesses_apply_to_rows_with_other_columns():
    fit = fit_of(OneTable())
    assert stored(fit, **FIRST) == [(1, 3), (2, 4)]
    assert stored(fit, **STRANGE, floor=["1", "2"]) == []
    # and the guess about an added column applies as well
    added = {"floor": ["01"], "city": ["Delft"]}
    assert stored(fit, id=["8"], rooms=["3"], **added) == []
    assert stored(fit, id=["8"], rooms=["3"], floor=["1"]) == [(8, 3)]


def test_guesses_apply_in_later_processes_of_the_run():
    database = OneTable()
    stored(fit_of(database), **FIRST)
    assert stored(fit_of(database, database.entered), **STRANGE) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_other_runs_use_the_types_of_the_table(is_new):
    """A new run into an existing table, and one whose record has no guesses."""
    database = OneTable()
    stored(fit_of(database), **FIRST)
    run = RUN if is_new else RUN.with_table(database.found)
    assert stored(fit_of(database, run), **STRANGE) == [(7, 3)]


def test_guesses_do_not_apply_to_a_table_altered_or_replaced_since():
    database = OneTable()
    stored(fit_of(database), **FIRST)
    run = database.entered
    columns = database.found.columns
    text = (columns[0], replace(columns[1], pg_type="text", base="text"))
    database.found = replace(database.found, columns=text)
    assert stored(fit_of(database, run), id=["8"], rooms=["03"]) == [(8, "03")]
    # nor to a table of the same columns that took its place
    database.found = replace(database.found, columns=columns, oid=2)
    assert stored(fit_of(database, run), **STRANGE) == [(7, 3)]
    assert database.entered.guessed == {}
