"""What stands in a line of rejected rows, and lines as frames."""

from __future__ import annotations

import json
from array import array
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import polars as pl
import pyarrow as pa

from propload.columns import make_array
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

#: What is told of each reason of a row.
REASON_COLUMNS = ("stage", "column", "check", "value", "message", "sqlstate")

#: Begins the columns that tell of a row, beside the row's own.
OWN_PREFIX = "propload_"

#: What is told of a row beside `values`, the row itself, and `reasons`.
_PLAIN_COLUMNS = {
    "run": pl.String,
    "time": pl.String,
    "source": pl.String,
    "row": pl.Int64,
    "as_of": pl.String,
    "batch": pl.Int64,
    "lane": pl.Int64,
}
#: The columns that tell of a row in a frame of rejected rows.
OWN_COLUMNS = frozenset(
    OWN_PREFIX + name for name in (*_PLAIN_COLUMNS, "reason_list", "reasons")
)
#: What no line can do without, by the types that JSON gives it.
_NEEDED: Mapping[str, tuple[type, ...]] = {
    "source": (str,),
    "row": (int,),
    "values": (dict, NoneType),
    "reasons": (list,),
}
#: What none of its reasons can do without.
_NEEDED_OF_REASONS = frozenset({"stage", "column", "check", "message"})
_REASONS = pa.large_list(pa.struct(dict.fromkeys(REASON_COLUMNS, pa.large_string())))

#: A line as JSON gives it. `values` is None where the row could not be read at all.
Line: TypeAlias = "Mapping[str, Any]"


def each_line(path: Path) -> Iterator[tuple[bytes, Line]]:
    """Yield the lines of a file, each with its end, and as values.

    A last line that a killed run left cut off is passed over: what it was to say was
    not acknowledged, so it comes again. One that only lacks its end is whole: an editor
    left that out.

    Raises:
        ConfigError: Somebody has changed the file, and a line is no rejected row.
    """
    with path.open("rb") as file:
        for _, text, line in _placed_lines(file, path):
            yield text.removesuffix(b"\n") + b"\n", line


def sized_lines(file: BinaryIO, path: Path, /) -> Iterator[tuple[int, Line]]:
    """Yield the lines of an open file from where it stands, by their length.

    Raises:
        ConfigError: As of `each_line`.
    """
    return ((len(text), line) for _, text, line in _placed_lines(file, path))


def lines_in_order(
    path: Path, is_taken: Callable[[Line], bool], /
) -> Iterator[tuple[int, Line]]:
    """Yield some lines of a file, by their length, in the order of their rows' source.

    What the database rejects is told when later rows may have been rejected before.

    Args:
        path: The file.
        is_taken: Tells of a line whether it is yielded.

    Raises:
        ConfigError: As of `each_line`.
    """
    places = _Places()
    with path.open("rb") as file:
        for offset, _, line in _placed_lines(file, path):
            if is_taken(line):
                places.add(offset, line)
        for offset in places.in_order():
            file.seek(offset)
            text = file.readline()
            # it was one a moment ago
            yield len(text), cast("Line", _line(text))


def in_parts(
    lines: Iterable[tuple[int, Line]], rows: int, nbytes: int, /
) -> Iterator[list[Line]]:
    """Yield lines in lists; one that is very long is alone.

    Args:
        lines: Each by its length.
        rows: Most lines in a list.
        nbytes: Most bytes in a list.
    """
    part: list[Line] = []
    size = 0
    for length, line in lines:
        if part and (len(part) == rows or size + length > nbytes):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def _placed_lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes, Line]]:
    """Yield where each line begins, its text, and its values."""
    offset = 0
    for number, text in enumerate(file, 1):
        try:
            line = _line(text)
        except ValueError as error:
            if not text.endswith(b"\n"):
                return
            msg = (
                f"{path}, line {number}: this is no rejected row as propload wrote "
                f"it: {error}. Correct the line or take it out"
            )
            raise ConfigError(msg) from error
        if line is not None:
            yield offset, text, line
        offset += len(text)


class _Places:
    """Where lines begin, and where their rows stood: a few bytes a line."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._sources: dict[str, int] = {}

    def add(self, offset: int, line: Line) -> None:
        source = self._sources.setdefault(line["source"], len(self._sources))
        batch, _ = piece_of(line)
        self._numbers.extend((offset, line["row"], source, batch))

    def in_order(self) -> Iterator[int]:
        """Yield where the lines begin, by batch, source and row."""
        offsets, *places = np.frombuffer(self._numbers, np.int64).reshape(-1, 4).T
        order = np.lexsort(places)
        return map(int, offsets[order])


def _line(text: bytes) -> Line | None:
    """Return a line as values, or None where it is blank.

    Raises:
        ValueError: It is no rejected row; the message says why.
    """
    if not text.strip():
        return None
    line = json.loads(text)
    told = line if isinstance(line, dict) else {}
    for name, types in _NEEDED.items():
        if not isinstance(told.get(name, ...), types):
            msg = f"its {name!r} is missing or no {types[0].__name__}"
            raise ValueError(msg)  # noqa: TRY004 - as for what is no JSON at all
    for reason in told["reasons"]:
        if not (isinstance(reason, dict) and reason.keys() >= _NEEDED_OF_REASONS):
            told_of = ", ".join(sorted(_NEEDED_OF_REASONS))
            msg = f"one of its 'reasons' lacks something of: {told_of}"
            raise ValueError(msg)
    return told


def piece_of(line: Line) -> tuple[int, int]:
    """Return number and lane of the piece that a rejected row was committed with.

    A row that was refused before the lanes belongs to the first one's.
    """
    batch = line.get("batch")
    return (-1 if batch is None else batch), line.get("lane") or 0


def count_lines(path: Path) -> int:
    """Return how many rows a file holds, of which none is read.

    A broken line counts, but for a last one that a killed run left cut off.
    """
    found, text = 0, b""
    with path.open("rb") as file:
        for text in file:
            found += bool(text.strip())
    try:
        if not text.endswith(b"\n"):
            _line(text)
    except ValueError:
        found -= 1
    return found


def read_lines(path: Path) -> pl.DataFrame:
    """Return the rejected rows of a file as they are kept, one line a row."""
    lines = [line for _, line in each_line(path)] if path.exists() else []
    plain = [
        pl.Series(name, [line.get(name) for line in lines], dtype=dtype)
        for name, dtype in _PLAIN_COLUMNS.items()
    ]
    return pl.DataFrame([*plain, _values(lines), _reasons(lines)])


def _reasons(lines: Sequence[Line]) -> pl.Series:
    # of nested values Polars makes a frame a row
    return pl.Series("reasons", pa.array((one["reasons"] for one in lines), _REASONS))


def reasons_as_text(lines: Sequence[Line]) -> pl.Series:
    """Return all reasons of each row in one text, as the column `propload_reasons`."""
    told = _reasons(lines).to_frame().select(_as_text(pl.col("reasons")))
    return told.to_series().alias(f"{OWN_PREFIX}reasons")


def read_rejects(path: Path) -> pl.DataFrame:
    """Return the rejected rows of a file: their columns as read, then what is told.

    The columns of a row stand as its source names them; those that tell of it begin
    with `OWN_PREFIX`. `propload_reasons` is one text of all reasons.
    """
    told = read_lines(path)
    values = told.get_column("values")
    own = told.select(
        *_PLAIN_COLUMNS,
        pl.col("reasons").alias("reason_list"),
        _as_text(pl.col("reasons")),
    ).rename(lambda name: OWN_PREFIX + name)
    if not isinstance(values.dtype, pl.Struct):
        return own
    # a file of rejected rows that is loaded again bears names of ours
    return values.struct.unnest().drop(own.columns, strict=False).hstack(own)


def _as_text(reasons: pl.Expr) -> pl.Expr:
    reason = pl.element().struct
    unread = reason.field("stage") == "read"
    place = reason.field("column").fill_null("row") + ": "
    # most messages of a column begin with its name
    named = reason.field("message").str.starts_with("column " + place)
    said = pl.concat_str(
        pl.when(~named).then(place),
        reason.field("message"),
        # such a row has no columns, its text is all there is of it
        pl.when(unread).then(pl.lit(": ")),
        pl.when(unread).then(reason.field("value")),
        ignore_nulls=True,
    )
    return reasons.list.eval(said).list.join("; ")


def _values(lines: Sequence[Line]) -> pl.Series:
    """Return the rows as one column; a row that was not read is null."""
    frame = rows_as_read([line["values"] or {} for line in lines])
    if not frame.width:
        return pl.Series("values", [None] * len(lines), dtype=pl.Null)
    was_read = pl.Series([line["values"] is not None for line in lines])
    whole = pl.when(was_read).then(pl.struct(frame.columns)).alias("values")
    return frame.select(whole).to_series()


def rows_as_read(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame with every column that one of them has.

    A column of values that no one type holds exactly is text.

    Args:
        rows: Rows as JSON gives them.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        [column_as_read(name, [row.get(name) for row in rows]) for name in names]
    )


def column_as_read(name: str, values: list[Any]) -> pl.Series:
    """Return values of JSON as a column; text where no one type holds them exactly."""
    if {type(value) for value in values} - {type(None)} in ({dict}, {list}):
        nested = _nested(name, values)
        if nested is not None:
            return nested
    return pl.Series(name, make_array(values))


def _nested(name: str, values: list[Any]) -> pl.Series | None:
    """Return lists or structs as such, or None where that would change a value."""
    try:
        found = pl.DataFrame({name: values}, infer_schema_length=None).to_series()
        # Arrow has no whole numbers of 128 bits
        pa.array(found)
    except (TypeError, OverflowError, pl.exceptions.PolarsError, pa.ArrowException):
        return None
    return found if _are_same(found, values) else None


def _are_same(found: pl.Series, values: list[Any]) -> bool:
    made = found.to_list()
    if made != values:
        return False
    if not any(kind in repr(found.dtype) for kind in ("Int", "Boolean")):
        return True
    # Python says that 1 is True
    return json.dumps(made, sort_keys=True) == json.dumps(values, sort_keys=True)
