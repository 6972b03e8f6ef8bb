from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from propload.values import columns
from propload.values.columns import Columns
from propload.values.plain_columns import RowShape

UTC = dt.UTC
HOUR = dt.timezone(dt.timedelta(hours=1))
NAIVE = dt.datetime(2024, 1, 2, 3)  # noqa: DTZ001 - a value under test
ROW = {
    "text": "x",
    "word": "y",
    "number": 1.5,
    "count": 7,
    "is": True,
    "bytes": b"\0",
    "day": dt.date(2024, 1, 2),
    "naive": NAIVE,
    "moment": NAIVE.replace(tzinfo=UTC),
    "time": dt.time(1, 2),
    "takes": dt.timedelta(1),
    "nothing": None,
}


class Word(enum.StrEnum):
    A = "a"


def build_all(batches, *, complete):
    """Return what each batch becomes in turn: its columns, or the error's class."""
    found = []
    maker = Columns(complete=complete)
    for rows in batches:
        try:
            batch = maker.build(rows)
        except (ValueError, OverflowError) as error:
            found.append(type(error))
        else:
            found.append((batch.to_pydict(), batch.schema.to_string()))
    return found


LATER = [
    ROW,
    dict.fromkeys(ROW),
    dict(reversed(ROW.items())),
    {name: value for name, value in ROW.items() if name != "naive"},
    {**ROW, "more": 1},
    {"other" if name == "word" else name: value for name, value in ROW.items()},
    {"word": "x", **ROW},
    *(
        {**ROW, name: value}
        for name, value in [
            ("text", 1),
            ("text", "\ud800"),
            ("text", Word.A),
            ("text", {"a": 1}),
            ("number", 1),
            ("number", float("nan")),
            ("number", Decimal("1.5")),
            ("count", 1.5),
            ("count", 2**63),
            ("count", True),
            ("count", np.int64(5)),
            ("is", 1),
            ("bytes", "x"),
            ("day", NAIVE),
            ("naive", NAIVE.replace(tzinfo=UTC)),
            ("naive", dt.date(2024, 1, 2)),
            ("moment", NAIVE),
            ("moment", NAIVE.replace(tzinfo=HOUR)),
            ("moment", NAIVE.replace(tzinfo=ZoneInfo("UTC"))),
            ("moment", NAIVE.replace(tzinfo=ZoneInfo("Europe/Amsterdam"))),
            ("time", dt.time(1, tzinfo=UTC)),
            ("takes", dt.timedelta.max),
            ("nothing", "x"),
            ("nothing", [1]),
        ]
    ),
]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("later", LATER)
def test_few_rows_are_built_like_many(monkeypatch, later, complete):
    batches = [[ROW], [ROW, later], [later], [later], [ROW]]
    found = build_all(batches, complete=complete)
    monkeypatch.setattr(columns, "FEW_ROWS", 0)
    assert repr(found) == repr(build_all(batches, complete=complete))


def test_rows_of_a_known_shape_are_built_in_one_call(monkeypatch):
    built = []
    build = RowShape.build

    def recording(shape, rows):
        built.append(build(shape, rows))
        return built[-1]

    monkeypatch.setattr(RowShape, "build", recording)
    maker = Columns(complete=False)
    batches = [maker.build([ROW]) for _ in range(3)]
    assert built == batches[1:]
    assert batches[2].equals(batches[0])
