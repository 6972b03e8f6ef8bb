"""Objects that may mean different things have different marks, in any process."""

import pickle
import sys
import threading
from types import ModuleType, SimpleNamespace

import pandera.polars as pa
import polars as pl
import pytest

from propload.prepare.mapping import make_mapping
from propload.running.resuming import object_fingerprints
from propload.running.resuming.object_fingerprints import object_fingerprint
from propload.schemas import RowSchema
from tests.own_objects import PROGRAMS, marked


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_may_mean_something_else_has_another_mark(kind):
    program = PROGRAMS[kind]
    assert marked(program.format(1)) == marked(program.format(1))
    assert marked(program.format(1)) != marked(program.format(7))


def test_a_mark_stays_when_rows_were_checked():
    given = {"id": pa.Column(pl.Int64, pa.Check.gt(3))}
    schema = RowSchema("homes", pa.DataFrameSchema(given))
    before = object_fingerprint(schema)
    schema.model.validate(pl.DataFrame({"id": [4]}))
    assert before is not None
    assert object_fingerprint(schema) == before


def test_what_refers_to_itself_has_a_mark():
    def again(number):
        return again(number - 1) if number else 0

    ring = [again]
    ring.append(ring)
    assert object_fingerprint(ring) is not None


def test_the_order_of_columns_says_nothing():
    one, other = ({"a": "x", "b": "y"}, {"b": "y", "a": "x"})
    assert object_fingerprint(make_mapping(one)) == object_fingerprint(
        make_mapping(other)
    )


def named_only():
    """Return an object that tells its name when it is asked for its state."""

    class Named:
        def __reduce__(self):
            return "named"

    return Named()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "made",
    [
        pl.col("id").map_elements(abs, return_dtype=pl.Int64),
        pl.fold(0, max, [pl.col("id")]),
        threading.Lock(),
        (one for one in [1]),
        named_only(),
    ],
    ids=["function of an expression", "fold", "lock", "generator", "name"],
)
def test_what_nobody_can_look_into_has_no_mark(made):
    assert object_fingerprint({"id": made}) is None


def test_a_function_in_an_expression_has_no_mark_where_it_can_be_written(monkeypatch):
    # Polars writes the name of a function alone where another package is at hand
    monkeypatch.setitem(sys.modules, "cloudpickle", SimpleNamespace(dumps=pickle.dumps))
    made = pl.col("id").map_batches(abs)
    assert object_fingerprint(made) is None


def test_what_holds_much_has_no_mark(monkeypatch):
    monkeypatch.setattr(object_fingerprints, "MOST_VALUES", 100)
    monkeypatch.setattr(object_fingerprints, "MOST_BYTES", 100)
    assert object_fingerprint(list(range(50))) is not None
    assert object_fingerprint(list(range(100))) is None
    assert object_fingerprint(pl.DataFrame({"id": list(range(50))})) is None


def test_installed_functions_are_known_by_the_files_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(object_fingerprints, "_INSTALLED", {tmp_path})
    marks = []
    for number, by in enumerate([1, 1, 2]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "beside.py").write_text(f"BY = {by}")
        module = ModuleType("installed")
        module.__file__ = str(folder / "installed.py")
        monkeypatch.setitem(sys.modules, "installed", module)
        exec("def add(one):\n    return one", vars(module))  # noqa: S102 - a module as users have them
        marks.append(object_fingerprint(module.add))
    assert marks[0] == marks[1] != marks[2]
    assert None not in marks
