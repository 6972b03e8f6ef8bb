"""Items of any kind become rows."""

import dataclasses
import json
from collections import Counter

import attrs
import pydantic
import pytest
import scrapy

from propload.sources.spiders.rows import FlushOptions, ItemRows
from tests.unit.sources.spiders.crawling import Home1, Home2

pytestmark = pytest.mark.timeout(30)


class Home3(pydantic.BaseModel):
    id: int
    city: str


class Home4(scrapy.Item):
    id = scrapy.Field()
    city = scrapy.Field()


@pytest.mark.parametrize("item_class", [dict, Home1, Home2, Home3, Home4])
def test_every_kind_of_item_becomes_a_row(item_class):
    rows = ItemRows("s", FlushOptions())
    rows.add(item_class(id=1, city="Delft"))
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [{"id": 1, "city": "Delft"}]
    assert (batch.source, batch.first_row) == ("s", 1)


@dataclasses.dataclass
class Home5:
    id: int
    city: str = dataclasses.field(init=False)


@attrs.define
class Home6:
    id: int
    city: str = attrs.field(init=False)


@pytest.mark.parametrize("item_class", [Home5, Home6])
def test_unset_field_is_left_out(item_class):
    rows = ItemRows("s", FlushOptions())
    rows.add(item_class(1))
    full = item_class(2)
    full.city = "Delft"
    rows.add(full)
    (batch,) = rows.take()
    assert batch.unread == ()
    assert batch.rows.to_pylist() == [
        {"id": 1, "city": None},
        {"id": 2, "city": "Delft"},
    ]


def test_nested_values_become_json_and_flat_lists_stay_lists():
    rows = ItemRows("s", FlushOptions())
    nested = {"a": {"b": [1, {"c": None}]}, "flat": ["x", "y"], "deep": [{"d": 1}]}
    rows.add(nested)
    (batch,) = rows.take()
    (row,) = batch.rows.to_pylist()
    assert json.loads(row["a"]) == nested["a"]
    assert row["flat"] == ["x", "y"]
    assert json.loads(row["deep"]) == nested["deep"]


def test_row_is_not_affected_by_later_changes_of_its_item():
    rows = ItemRows("s", FlushOptions())
    item = {"id": 1, "tags": ["a"], "words": Counter("aab")}
    rows.add(item)
    item["id"] = 2
    item["tags"].append("b")
    item["words"].update("b")
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [
        {"id": 1, "tags": ["a"], "words": '{"a": 2, "b": 1}'}
    ]


class Sulky:
    """An object whose `str` and `repr` both raise."""

    def __str__(self):
        msg = "no text"
        raise RuntimeError(msg)

    __repr__ = __str__


def self_referencing_item():
    item = {"id": 1}
    item["self"] = item
    return item


@pytest.mark.parametrize(
    ("item", "check"),
    [
        (7, "item"),
        (None, "item"),
        ({}, "item"),
        (object(), "item"),
        (Sulky(), "item"),
        ({"id": Sulky()}, "item"),
        ({3: "x"}, "item"),
        ({("a", "b"): 1}, "item"),
        (self_referencing_item(), "item"),
        ({"id": "\ud800"}, "value"),
    ],
)
def test_item_that_is_no_row_is_rejected_alone(item, check):
    rows = ItemRows("s", FlushOptions())
    for one in ({"id": "a"}, item, {"id": "c"}):
        rows.add(one)
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [{"id": "a"}, {"id": "c"}]
    assert [(fault.row, fault.check) for fault in batch.unread] == [(2, check)]
    assert batch.unread[0].message
    rows.add({"id": "d"})
    (batch,) = rows.take()
    assert batch.first_row == 4
    assert batch.rows.to_pylist() == [{"id": "d"}]


def test_message_for_a_selector_in_an_item_says_what_to_call():
    rows = ItemRows("s", FlushOptions())
    rows.add({"id": 1, "title": scrapy.Selector(text="<h1>a</h1>").css("h1::text")})
    (batch,) = rows.take()
    assert "column title: a SelectorList is not a value: call .get()" in (
        batch.unread[0].message
    )


def test_items_with_different_columns_share_a_batch():
    rows = ItemRows("s", FlushOptions())
    rows.add({"id": 1, "price": 5})
    rows.add({"id": 2, "rent": "x"})
    (batch,) = rows.take()
    assert batch.rows.to_pylist() == [
        {"id": 1, "price": 5, "rent": None},
        {"id": 2, "price": None, "rent": "x"},
    ]
