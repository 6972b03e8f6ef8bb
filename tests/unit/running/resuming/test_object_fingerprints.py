"""Objects of different meaning have different fingerprints, in any process."""

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


@pytest.mark.parametrize("name", PROGRAMS)
def test_objects_of_different_meaning_have_different_fingerprints(name):
    program = PROGRAMS[name]
    assert marked(program.format(1)) == marked(program.format(1))
    assert marked(program.format(1)) != marked(program.format(7))


def test_fingerprint_of_a_schema_is_unchanged_by_validation():
    columns = {"id": pa.Column(pl.Int64, pa.Check.gt(3))}
    schema = RowSchema("homes", pa.DataFrameSchema(columns))
    before = object_fingerprint(schema)
    schema.model.validate(pl.DataFrame({"id": [4]}))
    assert before is not None
    assert object_fingerprint(schema) == before


def test_fingerprint_is_unchanged_if_somebody_asks_for_annotations():
    class Unannotated:
        word = "a"

    before = object_fingerprint(Unannotated())
    assert Unannotated.__annotations__ == {}
    assert before is not None
    assert object_fingerprint(Unannotated()) == before


def test_object_that_refers_to_itself_has_a_fingerprint():
    def again(number):
        return again(number - 1) if number else 0

    ring = [again]
    ring.append(ring)
    assert object_fingerprint(ring) is not None


def test_fingerprint_does_not_depend_on_the_order_of_columns():
    one, other = ({"a": "x", "b": "y"}, {"b": "y", "a": "x"})
    assert object_fingerprint(make_mapping(one)) == object_fingerprint(
        make_mapping(other)
    )


def named_only():
    """Return an object that gives only a name when it is pickled."""

    class Named:
        def __reduce__(self):
            return "named"

    return Named()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "opaque",
    [
        pl.col("id").map_elements(abs, return_dtype=pl.Int64),
        pl.fold(0, max, [pl.col("id")]),
        threading.Lock(),
        (one for one in [1]),
        named_only(),
    ],
    ids=["function of an expression", "fold", "lock", "generator", "name"],
)
def test_opaque_object_has_no_fingerprint(opaque):
    assert object_fingerprint({"id": opaque}) is None


def test_function_in_an_expression_has_no_fingerprint_with_cloudpickle(monkeypatch):
    # with this package at hand, Polars writes only the name of a function
    monkeypatch.setitem(sys.modules, "cloudpickle", SimpleNamespace(dumps=pickle.dumps))
    expression = pl.col("id").map_batches(abs)
    assert object_fingerprint(expression) is None


def test_very_large_object_has_no_fingerprint(monkeypatch):
    monkeypatch.setattr(object_fingerprints, "MOST_VALUES", 100)
    monkeypatch.setattr(object_fingerprints, "MOST_BYTES", 100)
    assert object_fingerprint(list(range(50))) is not None
    assert object_fingerprint(list(range(100))) is None
    assert object_fingerprint(pl.DataFrame({"id": list(range(50))})) is None


def test_fingerprint_of_an_installed_function_covers_files_beside_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(object_fingerprints, "_INSTALLED", {tmp_path})
    fingerprints = []
    for number, by in enumerate([1, 1, 2]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "beside.py").write_text(f"BY = {by}")
        module = ModuleType("installed")
        module.__file__ = str(folder / "installed.py")
        monkeypatch.setitem(sys.modules, "installed", module)
        exec("def add(one):\n    return one", vars(module))  # noqa: S102 - a module as users have them
        fingerprints.append(object_fingerprint(module.add))
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]
    assert None not in fingerprints
