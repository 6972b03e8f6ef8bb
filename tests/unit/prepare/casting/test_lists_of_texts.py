"""Texts in lists are cast like texts alone, whether in a list column or in JSON."""

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


def cast_to(column, pg_type):
    kept, refused = cast_values(column, None, pl.String(), pg_type)
    return [text and text.replace('"', "") for text in kept.values()], refused


@pytest.mark.parametrize("inner", [pl.String, pl.Categorical])
@pytest.mark.parametrize("pg_type", CASES)
def test_list_of_texts_is_cast_like_its_json(pg_type, inner):
    lists = CASES[pg_type]
    texts = [None if one is None else json.dumps(one) for one in lists]
    expected = cast_to(pl.Series("v", texts), pg_type)
    assert cast_to(pl.Series("v", lists, dtype=pl.List(inner)), pg_type) == expected


def test_nested_lists_of_texts_are_cast():
    column = pl.Series("v", [[["1.0"], ["2"]], [["x"], [None]]])
    assert cast_to(column, "integer[]") == (["{{1},{2}}"], [1])


def test_money_in_lists_must_be_plain_amounts():
    column = pl.Series("v", [["5.00", None], ["5,00"], ["$5"]])
    assert cast_to(column, "money[]") == (["{5.00,NULL}"], [1, 2])
