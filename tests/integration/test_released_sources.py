"""What a program gave to a load is the program's alone again when the load has ended.

A frame of gigabytes is a small object to Python, which looks seldom for what nobody has
any more: frames that are loaded one after another would add up.
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
def uncollected():
    """Have Python collect nothing that knows itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def frame():
    return pl.DataFrame({"id": range(300), "price": ["1"] * 299 + ["much"]})


def rows():
    return Rows(frame().to_dicts())


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("give", [frame, rows, lambda: frame().to_arrow()])
@pytest.mark.parametrize("mode", ["upsert", "append", "replace"])
def test_a_source_is_let_go_of_when_its_load_has_ended(database, give, mode):
    key = {} if mode == "append" else {"key": "id"}
    mapping = {"id": "id", "price": {"from": "price", "parse": "number"}}
    settings = {"mode": mode, "mapping": mapping, "batch_rows": 100, "progress": False}
    source = give()
    left = weakref.ref(source)
    report = propload.ingest(source, to=database, table="homes", **key, **settings)
    del source
    assert report.counts.rejected == 1
    assert left() is None
