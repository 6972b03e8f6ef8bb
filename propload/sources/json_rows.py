"""Rows of JSON: a line each, one array, or objects one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from propload.errors import SourceError
from propload.sources.chunking import CUT, MAX_ROW_BYTES, Chunks
from propload.sources.decoding import to_utf8
from propload.sources.json_places import (
    Place,
    decode_all,
    decode_within,
    doubt_single,
    kind_of,
    rows_within,
    written,
)
from propload.sources.json_text import NoRow, decode_list, decode_value
from propload.sources.json_window import Window
from propload.sources.row_batches import RowBatches
from propload.sources.source import KEPT_BYTES, located, noted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload.batch import Batch
    from propload.options import SourceOptions


def read_json(
    blocks: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    """Yield the rows of a JSON text.

    Args:
        blocks: The bytes of the text.
        name: What messages call it.
        options: What is known of it, and how much goes into one batch.
        lines: Whether each line is a value, so that a broken one costs one row.

    Raises:
        SourceError: It is empty, cut short or broken; rows before the place were
            yielded.
    """
    notes: list[str] = []
    text = to_utf8(blocks, name, options.encoding, notes)
    yield from noted(_read_text(text, name, options, lines=lines), notes)


def _read_text(
    text: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    maker = RowBatches(name, options)
    place = Place(options.rows_at, options.rows_at) if options.rows_at else None
    try:
        if lines:
            yield from _read_lines(Chunks(text, options.chunk_bytes), maker, place)
        else:
            for value in _values(text, place):
                if _add(value, maker):
                    yield from maker.flush()
    except SourceError as error:
        yield from maker.flush()
        raise located(error, name, maker.rows_read) from error
    for batch in maker.flush():
        is_single = maker.rows_read == 1 and batch.rows.num_rows == 1
        doubt = doubt_single(batch.rows, name, options.rows_at) if is_single else ""
        yield replace(batch, notes=(doubt,)) if doubt else batch
    _refuse_empty(maker, name, options.rows_at)


def _refuse_empty(maker: RowBatches, name: str, rows_at: str | None) -> None:
    """Refuse a text of which no row came.

    Raises:
        SourceError: It is such a text.
    """
    if not maker.rows_read:
        where = f" at {rows_at}" if rows_at else ""
        msg = f"{name} is empty: it holds no rows{where}"
        raise SourceError(msg, source=name)
    if maker.rows_read == maker.rows_refused:
        msg = f"{name} holds no row of JSON: {maker.complaint}"
        if not rows_at:
            msg += ". If its format is another one, say so (--format)"
        raise SourceError(msg, source=name)


def _read_lines(
    chunks: Chunks, maker: RowBatches, place: Place | None
) -> Iterator[Batch]:
    line = 1
    for chunk in chunks:
        if chunk.overlong:
            shown = chunk.text[:KEPT_BYTES].decode("utf-8", "backslashreplace")
            message = f"line {line}: it is longer than {MAX_ROW_BYTES >> 20} MiB"
            if maker.skip(f"{shown}…", "too_long", message):
                yield from maker.flush()
            chunks.drop_line()
            line += 1
            continue
        line_end = _line_end(chunk.text)
        # behind a return at the very end a feed may follow
        known = len(chunk.text) - (line_end == b"\r")
        end = (
            len(chunk.text) if chunk.final else chunk.text.rfind(line_end, 0, known) + 1
        )
        text = chunk.text[:end].split(line_end)
        # what is wrong within a line is told with its number
        entries = [entry for entry in text if entry.strip()]
        rows = None if place else _decode_at_once(entries)
        if rows is None:
            yield from _decode_apart(text, line, maker, place, final=chunk.final)
        else:
            for row in rows:
                if maker.add_own(row):
                    yield from maker.flush()
        line += len(text) - 1
        chunks.take(end)
        if chunk.paused:
            yield from maker.flush()
    if chunks.error:
        raise chunks.error


def _line_end(text: bytes) -> bytes:
    """Return what ends a text's lines; old programs of the Mac write a return alone."""
    return b"\n" if b"\n" in text or b"\r" not in text else b"\r"


def _decode_at_once(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Return the rows of lines that are one object each, else None.

    One call for all lines takes less than half the time of a call for each.
    """
    try:
        rows = decode_list(b",".join(lines))
    except (ValueError, RecursionError):
        return None
    if len(rows) != len(lines) or not all(type(row) is dict for row in rows):
        return None
    return rows


def _decode_apart(
    lines: list[bytes],
    first_line: int,
    maker: RowBatches,
    place: Place | None,
    *,
    final: bool,
) -> Iterator[Batch]:
    last = first_line + len(lines) - 1
    for number, text in enumerate(lines, first_line):
        if not text.strip():
            continue
        try:
            shown = text.decode()
        except UnicodeDecodeError as error:
            shown = text.decode("utf-8", "backslashreplace")
            message = f"line {number}: its text cannot be decoded: {error.reason}"
            if maker.skip(shown, "encoding", message):
                yield from maker.flush()
            continue
        found = decode_value(shown)
        if final and number == last and isinstance(found, NoRow):
            found = replace(found, why=f"{found.why}; {CUT}")
        values: Iterable[object] = [found]
        if place and not isinstance(found, NoRow):
            values = rows_within(found, place)
        for value in values:
            if _add(value, maker, f"line {number}: "):
                yield from maker.flush()


def _add(found: object, maker: RowBatches, where: str = "") -> bool:
    """Hand a decoded value on, and return whether a batch is due."""
    if type(found) is dict and found:
        return maker.add_own(found)
    if not isinstance(found, NoRow):
        found = NoRow(written(found), "item", f"{kind_of(found)} is not a row")
    return maker.skip(found.text, found.check, where + found.why)


def _values(blocks: Iterator[bytes], place: Place | None) -> Iterator[Any]:
    """Yield the values of an array, or of a text of values, one by one.

    Args:
        blocks: The text.
        place: Where in each of these values the rows lie, or None.
    """
    window = Window(blocks)
    try:
        for _ in _decode_each(window, place):
            yield from window.settled()
    except SourceError:
        window.settle()
        yield from window.settled()
        raise
    window.settle()
    yield from window.settled()


def _decode_each(window: Window, place: Place | None) -> Iterator[None]:
    """Decode the values of a text; yield after each."""
    in_list = window.ahead() == "["
    while window.ahead():
        if place:
            yield from decode_within(window, place)
        elif in_list:
            yield from decode_all(window)
        else:
            window.decode()
            yield
        if in_list and window.ahead():
            msg = "there is more after the JSON array's end"
            raise SourceError(msg)
