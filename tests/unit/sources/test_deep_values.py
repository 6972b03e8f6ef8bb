"""What is nested deeper than Python goes costs its own row."""

from __future__ import annotations

import pytest

DEEP = 100_000


def deep_list():
    value = []
    for _ in range(DEEP):
        value = [value]
    return value


@pytest.mark.parametrize("kind", [list, iter])
def test_a_value_of_an_item(read, kind):
    reading = read(kind([{"a": 1}, {"a": deep_list()}, {"a": 2}]))
    assert reading.tuples == [(1,), (2,)]
    assert [(fault.row, fault.check) for fault in reading.unread] == [(2, "value")]


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a"])
def test_a_first_line_of_json(read, write, name):
    text = f'{{"a": {"[" * DEEP}{"]" * DEEP}}}\n{{"a": 2}}\n'
    reading = read(write(name, text))
    assert reading.tuples == [(2,)]
    assert "nested too deeply" in reading.unread[0].message
