"""Texts in lists are read as each would be alone, wherever the list comes from."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.unit.prepare.casts import cast_values

CASES = {
    "date[]": [["2024-01-01", None], ["2024-01-01T10:00:00"], ["0000-01-01"]],
    "timestamp without time zone[]": [["2024-01-01T00:00:00+02:00"], ["2024-01-01"]],
    "integer[]": [["007", "1.0"], ["true"], ["1.5"], ["x"], []],
    "double precision[]": [["1.50"], ["1,5"], ["NaN"], ["9007199254740993"]],
    "numeric(12,2)[]": [["1.50", "true"], None, ["x"]],
    "boolean[]": [["yes", "0"], ["x"]],
    "uuid[]": [["x", None]],
    "money[]": [["5.00", None], ["5,00"]],
}


def read(column, pg_type):
    kept, refused = cast_values(column, None, pl.String(), pg_type)
    return [text and text.replace('"', "") for text in kept.values()], refused


@pytest.mark.parametrize("inner", [pl.String, pl.Categorical])
@pytest.mark.parametrize("pg_type", CASES)
def test_lists_are_read_as_their_json_is(pg_type, inner):
    lists = CASES[pg_type]
    texts = [None if one is None else json.dumps(one) for one in lists]
    expected = read(pl.Series("v", texts), pg_type)
    assert read(pl.Series("v", lists, dtype=pl.List(inner)), pg_type) == expected


def test_lists_within_lists():
    column = pl.Series("v", [[["1.0"], ["2"]], [["x"], [None]]])
    assert read(column, "integer[]") == (["{{1},{2}}"], [1])


def test_amounts_in_lists_are_plain_ones():
    column = pl.Series("v", [["5.00", None], ["5,00"], ["$5"]])
    assert read(column, "money[]") == (["{5.00,NULL}"], [1, 2])
