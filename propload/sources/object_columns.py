"""Columns of Python objects in frames; a row with one that is no value is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import pyarrow as pa

from propload.batch import Unread
from propload.columns import make_column
from propload.fields import make_field, mark_numbers
from propload.plain_columns import TEXT
from propload.sources.row_batches import UNFIT, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

Frame = TypeVar("Frame")
#: Rows, and those between them that are refused, by their places from 0 on.
Part: TypeAlias = "tuple[pa.RecordBatch, Sequence[Unread]]"


class _UnfitError(ValueError):
    """A column holds an object that nothing can be made of."""


@dataclass(frozen=True, slots=True)
class Frames(Generic[Frame]):
    """How frames of one program are handled that hold Python objects.

    Attributes:
        export: Returns one as a table, or raises `_UnfitError`.
        objects: Returns the values of its columns of objects.
        without: Returns it without the rows at some places.
        row: Returns the row at a place.
    """

    export: Callable[[Frame], pa.Table]
    objects: Callable[[Frame], Mapping[str, list[Any]]]
    without: Callable[[Frame, Collection[int]], Frame]
    row: Callable[[Frame, int], dict[str, Any]]

    def read(self, frame: Frame, /) -> tuple[pa.Table, list[Unread]]:
        """Return the rows that can be read, and the others by their places."""
        try:
            return self.export(frame), []
        except _UnfitError as error:
            unfit = _unfit(self.objects(frame))
            if not unfit:
                # told of two columns of one name
                raise pa.ArrowInvalid(str(error)) from error
        faults = [
            Unread(place, describe(self.row(frame, place)), "value", unfit[place])
            for place in sorted(unfit)
        ]
        return self.export(self.without(frame, unfit)), faults


def object_column(name: str, values: list[Any]) -> tuple[pa.Field, pa.Array]:
    """Return a column of Python objects, as it would be made of those of rows.

    Raises:
        _UnfitError: One of them is no value.
    """
    try:
        array, is_json = make_column(values, None)
    except UNFIT as error:
        msg = f"column {name} has a value that cannot be stored: {error}"
        raise _UnfitError(msg) from error
    field = make_field(name, array.type, is_json=is_json)
    return (mark_numbers(field, values) if array.type == TEXT else field), array


def in_parts(table: pa.Table, faults: Sequence[Unread]) -> Iterator[Part]:
    """Yield rows with those between them that are refused, which count from their own.

    Args:
        table: The rows of a frame that can be read.
        faults: The others, by their places in the frame.
    """
    batches = table.to_batches()
    if not batches and faults:
        batches = [pa.RecordBatch.from_pylist([], schema=table.schema)]
    begun, left = 0, list(faults)
    for number, rows in enumerate(batches, 1):
        mine = 0
        # of the last rows, whatever comes after them
        while mine < len(left) and (
            number == len(batches) or left[mine].row < begun + rows.num_rows + mine
        ):
            mine += 1
        yield rows, [replace(one, row=one.row - begun) for one in left[:mine]]
        begun += rows.num_rows + mine
        left = left[mine:]


def _unfit(columns: Mapping[str, list[Any]]) -> dict[int, str]:
    """Return what is wrong with a row, by its place."""
    found: dict[int, str] = {}
    for name, values in columns.items():
        for place, value in enumerate(values):
            try:
                make_column([value], None)
            except UNFIT as error:
                told = f"column {name}: a value cannot be stored: {error}"
                found.setdefault(place, told)
    return found
