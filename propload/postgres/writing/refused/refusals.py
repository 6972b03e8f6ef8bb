"""Rows that the server refuses, and the reasons that are told of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from propload.batch import REASONS, ROW, no_reasons
from propload.names.type_names import inner_type
from propload.values.temporal_text import duration_text, moment_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from propload.postgres.session.failures import Failure

#: A row is wider than a page of the server, or longer than an index can hold.
TOO_LARGE = "54000"
#: Short names of what a SQLSTATE says, where no constraint has a name.
CHECKS = {
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    # every other CHECK has a name
    "23514": "partition",
    "23P01": "exclusion",
    "22001": "too_long",
    "22003": "out_of_range",
    "22007": "datetime",
    "22008": "datetime",
    "22021": "encoding",
    "22P02": "cast",
    "22P05": "encoding",
    TOO_LARGE: "too_large",
    "P0001": "raised",
}
#: The detail of these constraints names the values in conflict.
_OF_CONFLICTS = ("23503", "23505", "23P01")
#: That of others in these classes is the whole row, which the reject holds anyway, or
#: the place of a row.
_OF_ROWS = ("23", "44", "54")
#: What a cast that would change a value raises, by way of a number that it is not.
_INEXACT = re.compile(r'numeric: ["»„](.*) (is not exact as .*).$', re.DOTALL)
#: A value in a reason is cut to what a person reads.
VALUE_LETTERS = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server says of one row.

    Attributes:
        place: The row's position in its layer.
        column: The column at fault, several with commas, or None.
        constraint: The constraint's name, or None.
        message: The server's words.
        sqlstate: Its code, or None.
        of_value: Whether the column cannot hold the value, whatever code tells it.
    """

    place: int
    column: str | None
    constraint: str | None
    message: str
    sqlstate: str | None
    of_value: bool = False

    @classmethod
    def of(cls, failure: Failure, place: int, /) -> Self:
        """Return what a failure says of the row at a place."""
        message = failure.message
        if not tells_detail(failure.sqlstate):
            message = failure.primary or message
        return cls(place, failure.column, failure.constraint, message, failure.sqlstate)

    @property
    def check(self) -> str:
        """The constraint's name, or a short one for what the code says."""
        state = self.sqlstate or "22000"
        # a NOT NULL constraint has a name on some versions only
        if self.constraint and state != "23502":
            return self.constraint
        # readers of some types give the codes of a wrong statement
        return CHECKS.get(state) or ("cast" if self.of_value else state)


def tells_detail(sqlstate: str | None, /) -> bool:
    """Return whether the detail of an error with this code says more of a value."""
    state = sqlstate or ""
    return state in _OF_CONFLICTS or not state.startswith(_OF_ROWS)


def without(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return a layer without the rejected rows."""
    bad = pl.Series([each.place for each in refusals], dtype=pl.UInt32)
    return layer.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode()))


def reasons_of(layer: pl.DataFrame, refusals: Sequence[Refusal], /) -> pl.DataFrame:
    """Return why rows of a layer were refused, columns `REASONS`."""
    if not refusals:
        return no_reasons()
    rows = layer[ROW].gather([each.place for each in refusals])
    values = values_of(layer, [(each.place, each.column) for each in refusals])
    lines = [
        (
            row,
            "database",
            each.column,
            each.check,
            value,
            _plain(each.message),
            each.sqlstate,
        )
        for row, value, each in zip(rows, values, refusals, strict=True)
    ]
    return pl.DataFrame(lines, schema=REASONS, orient="row")


def values_of(
    layer: pl.DataFrame, places: Sequence[tuple[int, str | None]], /
) -> list[str | None]:
    """Return values as texts, None where there is none.

    Those of a column are read at once: for each by itself Polars is asked anew.

    Args:
        layer: The rows.
        places: The position of each one's row, and its column (several with commas).
    """
    found: list[str | None] = [None] * len(places)
    by_column: dict[str | None, list[int]] = {}
    for number, (_, column) in enumerate(places):
        by_column.setdefault(column, []).append(number)
    for column, numbers in by_column.items():
        rows = [places[number][0] for number in numbers]
        known = _names(column, layer.columns)
        texts = [_texts(layer[name].gather(rows)) for name in known]
        if texts:
            for number, *several in zip(numbers, *texts, strict=True):
                found[number] = _joined(several)
    return found


def _names(column: str | None, known: Collection[str]) -> Sequence[str]:
    """Return the columns that a refusal names, or none where one is not known."""
    if column is None or column in known:
        return [] if column is None else [column]
    names = column.split(", ")
    return names if all(name in known for name in names) else []


def _joined(values: Sequence[str | None]) -> str | None:
    if all(value is None for value in values):
        return None
    return ", ".join(value or "null" for value in values)[:VALUE_LETTERS]


def _plain(message: str) -> str:
    """Return a message without the detour by which a cast raises it."""
    found = _INEXACT.search(message)
    return f'"{found[1]}" {found[2]}' if found else message


def _texts(values: pl.Series) -> list[str | None]:
    made = values.to_frame().select(_readable(pl.col(values.name), values.dtype))
    return [_text(value) for value in made.to_series().to_list()]


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return None if value is None else str(value)


def _readable(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a column as Python can show it: its years end before the server's do."""
    if isinstance(dtype, (pl.List, pl.Array)):
        inner = inner_type(dtype)
        elements = column.cast(pl.List(inner))
        return elements.list.eval(_readable(pl.element(), inner))
    if isinstance(dtype, pl.Duration):
        return duration_text(column, dtype)
    return moment_text(column, dtype) if dtype.is_temporal() else column
