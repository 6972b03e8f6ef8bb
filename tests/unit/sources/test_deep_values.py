"""A value nested deeper than Python's recursion limit rejects its row alone."""

from __future__ import annotations

import pytest

DEEP = 100_000


def deep_list():
    value = []
    for _ in range(DEEP):
        value = [value]
    return value


@pytest.mark.parametrize("make", [list, iter])
def test_too_deep_value_of_item_rejects_its_row(read, make):
    reading = read(make([{"a": 1}, {"a": deep_list()}, {"a": 2}]))
    assert reading.tuples == [(1,), (2,)]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "value")]


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a"])
def test_too_deep_first_line_of_json_rejects_its_row(read, write, name):
    text = f'{{"a": {"[" * DEEP}{"]" * DEEP}}}\n{{"a": 2}}\n'
    reading = read(write(name, text))
    assert reading.tuples == [(2,)]
    assert "nested too deeply" in reading.unread[0].message
