"""A source that a program passed to a load is released when the load has ended.

A frame of gigabytes is a small object to Python's garbage collector, which seldom looks
for unreachable objects: frames that are loaded one after another would add up.
"""

import gc
import weakref

import polars as pl
import pytest

import propload

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


class Rows(list):
    """A list that a weak reference can follow."""


@pytest.fixture
def no_garbage_collection():
    """Keep Python from collecting objects in reference cycles."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def frame():
    return pl.DataFrame({"id": range(300), "price": ["1"] * 299 + ["much"]})


def rows():
    return Rows(frame().to_dicts())


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("make_source", [frame, rows, lambda: frame().to_arrow()])
@pytest.mark.parametrize("mode", ["upsert", "append", "replace"])
def test_source_is_released_when_its_load_has_ended(database, make_source, mode):
    key = {} if mode == "append" else {"key": "id"}
    mapping = {"id": "id", "price": {"from": "price", "parse": "number"}}
    settings = {"mode": mode, "mapping": mapping, "batch_rows": 100, "progress": False}
    source = make_source()
    reference = weakref.ref(source)
    report = propload.ingest(source, to=database, table="homes", **key, **settings)
    del source
    assert report.counts.rejected == 1
    assert reference() is None
