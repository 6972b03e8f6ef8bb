from __future__ import annotations

import json
import math

import pytest

from propload_spiders.demo.devalue import UNDEFINED, flatten
from propload_spiders.extraction.payload import Payload, find_payload


def payload(*cells):
    return Payload(list(cells))


def test_wrappers_are_unwrapped():
    found = payload(["ShallowReactive", 1], {"a": 2}, ["Ref", 3], {"b": 4}, 7)
    assert found.at("a", "b") == 7
    assert found.at() == {"a": {"b": 7}}


def test_tagged_values_are_read():
    found = payload(
        {"set": 1, "map": 2, "date": 3, "big": 4, "bare": 5, "boxed": 9},
        ["Set", 6, 7],
        ["Map", 6, 7],
        ["Date", "2026-07-02T09:42:25.865Z"],
        ["BigInt", "12345678901234567890"],
        ["null", "key", 8],
        "x",
        "y",
        "z",
        ["Object", 5],
    )
    assert found.at() == {
        "set": ["x", "y"],
        "map": {"x": "y"},
        "date": "2026-07-02T09:42:25.865Z",
        "big": "12345678901234567890",
        "bare": {"key": "z"},
        "boxed": 5,
    }


def test_empty_references_are_read_as_json():
    read = payload(
        {"a": 1, "b": 2}, ["EmptyRef", 3], ["EmptyShallowRef", 4], "false", "_"
    )
    assert read.at() == {"a": False, "b": None}


def test_undefined_values_have_no_key():
    assert payload({"a": -1, "b": 1}, 5).at() == {"b": 5}
    assert json.loads(flatten({"a": UNDEFINED, "b": 5})) == [{"a": -1, "b": 1}, 5]


def test_numbers_that_json_lacks_are_read():
    values = payload([-3, -4, -5, -6, -2]).at()
    assert isinstance(values, list)
    assert math.isnan(values[0])
    assert values[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, values[3]) == -1
    assert values[4] is None


def test_sparse_arrays_keep_their_values():
    assert payload([-7, 5, 0, 1, 3, 2], "first", "fourth").at() == ["first", "fourth"]


@pytest.mark.parametrize(
    "cells",
    [
        [{"a": 9}],
        [{"a": 0}],
        [["Ref", 0]],
        [["Ref", 1], ["Ref", 0]],
        [{"a": "text"}],
        [[0]],
    ],
)
def test_value_of_a_broken_reference_is_none(cells):
    assert Payload(cells).at() is None


def test_path_is_read_despite_broken_siblings():
    found = payload({"good": 1, "broken": 99}, [2, 3], "x", "y")
    assert found.at("good", 1) == "y"
    assert found.at("good", 5) is None
    assert found.at("absent", "deeper") is None
    assert (found.size("good"), found.size("absent"), found.keys()) == (
        2,
        0,
        ("good", "broken"),
    )


def test_broken_reference_on_a_path_has_no_keys_and_no_size():
    found = payload({"broken": 99, "round": 1}, ["Ref", 1])
    for path in ("broken", "round"):
        assert found.keys(path) == ()
        assert found.size(path, "listings") == 0


@pytest.mark.parametrize(
    "html",
    [
        "<p>no script</p>",
        '<script id="__NUXT_DATA__">[1, 2</script>',
        '<script id="__NUXT_DATA__">{}</script>',
        '<script id="__NUXT_DATA__">[]</script>',
        '<script id="__NUXT_DATA__">' + "[" * 100_000 + "</script>",
    ],
)
def test_page_without_a_readable_payload_has_none(html):
    assert find_payload(html) is None


def test_payload_may_contain_an_end_tag_of_script():
    cells = flatten({"a": "</script><b>"})
    found = find_payload(f'<script id="__NUXT_DATA__">{cells}</script>')
    assert found is not None
    assert found.at("a") == "</script><b>"
