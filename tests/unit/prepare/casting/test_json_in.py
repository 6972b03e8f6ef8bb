"""JSON texts are cast to lists and structs exactly, or their rows are rejected."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.json_in import json_shape, read_json
from propload.prepare.casting.row_casting import Cast, cast_types
from tests.unit.prepare.casts import cast_values

PLACE = pl.Struct({"town": pl.String, "at": pl.List(pl.Float64)})
WORDS = pl.Enum(["house", "flat"])


def plain_values(values):
    return {
        row: value.to_list() if isinstance(value, pl.Series) else value
        for row, value in values.items()
    }


@pytest.mark.parametrize(
    ("wanted", "kept", "refused"),
    [
        (
            pl.List(pl.String),
            [
                ("[]", []),
                ('[ "a", null, "é" ]', ["a", None, "é"]),
                ("[1.50]", ["1.50"]),
            ],
            ["a", "{a,b}", '"a"', "[", '["a"', '["a"] x', "[[1]]", '[{"a":1}]', "null"],
        ),
        (
            pl.List(pl.Int64),
            [("[9223372036854775807, -1]", [2**63 - 1, -1]), ('["007",1.0]', [7, 1])],
            ["[9223372036854775808]", "[1.5]", '["x"]', '[""]', "[NaN]", '{"a":1}'],
        ),
        (
            pl.List(pl.Float64),
            [("[0.1,1e3]", [0.1, 1000.0])],
            ["[9007199254740993]", "[1e999]", "[Infinity]"],
        ),
        (
            pl.List(pl.Decimal(12, 2)),
            [("[0.10]", [Decimal("0.10")])],
            ["[0.105]", "[12345678901]"],
        ),
        (pl.List(pl.Date), [('["2024-01-02"]', [dt.date(2024, 1, 2)])], ['["soon"]']),
        (pl.List(pl.Boolean), [("[true,false,null]", [True, False, None])], ["[2]"]),
        (pl.List(WORDS), [('["flat"]', ["flat"])], ['["barn"]']),
        (pl.List(pl.List(pl.Int8)), [("[[1],[],null]", [[1], [], None])], ["[[128]]"]),
        (
            pl.Array(pl.Int64, 2),
            [("[1,2]", [1, 2]), ("[null,2]", [None, 2])],
            ["[1]", "[1,2,3]", "[]"],
        ),
        (
            PLACE,
            [
                (
                    '{"town": "Ede", "at": [1.5]}',
                    {"town": "Ede", "at": [1.5]},
                ),
                ('{"at": null}', {"town": None, "at": None}),
                ("{}", {"town": None, "at": None}),
            ],
            [
                '{"town": "Ede", "street": "A"}',
                '{"town": "Ede", "town": "Epe"}',
                '{"town": ["Ede"]}',
                '{"at": ["x"]}',
                "[]",
                '{"town": "\\ud800"}',
                "[" * 100_000,
            ],
        ),
        (
            pl.List(pl.Struct({"*": pl.Int64})),
            [('[{"*": 1}, null]', [{"*": 1}, None])],
            ['[{"*": 1}, {"b": 1}]'],
        ),
    ],
)
def test_json_text_is_cast_exactly_or_rejected(wanted, kept, refused):
    texts = [text for text, _ in kept]
    found, rejected = cast_values([*refused, None, *texts], pl.String(), wanted)
    assert rejected == list(range(len(refused)))
    values = [None, *(value for _, value in kept)]
    assert plain_values(found) == dict(enumerate(values, len(refused)))


def test_reason_describes_the_expected_json():
    frame = pl.DataFrame({"place": ["{}", '{"b": 1}']}).with_row_index(ROW)
    reasons = cast_types(frame, [Cast("place", PLACE, "jsonb")]).reasons
    [message] = reasons["message"]
    assert message == (
        "column place: '{\"b\": 1}' cannot be stored exactly as a JSON object of "
        "town text, at (a JSON list of double precision)"
    )
    pair = json_shape(pl.Array(pl.Int64, 2))
    assert pair == "a JSON list of length 2 of bigint"


@pytest.mark.parametrize(
    "target",
    [
        pl.List(pl.Binary),
        pl.Struct({"a": pl.Int64, "b": pl.Duration("us")}),
        pl.Struct([]),
    ],
)
def test_no_reader_for_types_that_json_cannot_give(target):
    assert read_json(pl.col("a"), target) is None
