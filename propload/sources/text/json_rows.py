"""Reads rows of JSON: one per line, in an array, or as a series of objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from propload.errors import SourceError
from propload.sources.row_batches import RowBatchBuilder
from propload.sources.source import KEPT_BYTES, with_notes, with_position
from propload.sources.text.chunking import CUT_SHORT, MAX_ROW_BYTES, Chunks
from propload.sources.text.decoding import to_utf8
from propload.sources.text.json_columns import ColumnParser
from propload.sources.text.json_paths import (
    RowsPath,
    decode_at_path,
    describe_kind,
    doubt_single,
    rows_at_path,
    to_json,
)
from propload.sources.text.json_text import InvalidRow, decode_list, decode_value
from propload.sources.text.json_window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propload.batch import Batch
    from propload.options import SourceOptions
    from propload.sources.text.chunking import Chunk


def read_json(
    blocks: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    """Yield the rows of a JSON text.

    Args:
        blocks: The bytes of the text.
        name: Its name in messages.
        options: How to read it, and how much goes into one batch.
        lines: Whether each line is one value, so that a broken line is one unread row.

    Raises:
        SourceError: It is empty, cut short or broken; all rows before the fault were
            yielded.
    """
    notes: list[str] = []
    text = to_utf8(blocks, name, options.encoding, notes)
    yield from with_notes(_read_text(text, name, options, lines=lines), notes)


def _read_text(
    text: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    builder = RowBatchBuilder(name, options)
    parser = ColumnParser(builder.settle)
    rows_path = RowsPath(options.rows_at, options.rows_at) if options.rows_at else None
    try:
        chunks = Chunks(text, options.chunk_bytes)
        for values in (
            _read_lines(chunks, rows_path, parser)
            if lines
            else _read_values(Window(text, options.chunk_bytes), rows_path, parser)
        ):
            if isinstance(values, pa.RecordBatch):
                yield from builder.add_columns(values)
                continue
            for value in values or ():
                is_row = type(value) is dict and value
                if builder.add_row(value) if is_row else _add_invalid(value, builder):
                    yield from builder.flush()
            if values is None:
                yield from builder.flush()
    except SourceError as error:
        yield from builder.flush()
        raise with_position(error, name, builder.rows_read) from error
    for batch in builder.flush():
        is_single = builder.rows_read == 1 and batch.rows.num_rows == 1
        doubt = doubt_single(batch.rows, name, options.rows_at) if is_single else ""
        yield replace(batch, notes=(doubt,)) if doubt else batch
    _refuse_empty(builder, name, options.rows_at)


def _refuse_empty(builder: RowBatchBuilder, name: str, rows_at: str | None) -> None:
    """Refuse a text that gave no rows, or only unread ones.

    Raises:
        SourceError: It is such a text.
    """
    if not builder.rows_read:
        where = f" at {rows_at}" if rows_at else ""
        msg = f"{name} is empty: it holds no rows{where}"
        raise SourceError(msg, source=name)
    if builder.rows_read == builder.rows_refused:
        msg = f"{name} holds no row of JSON: {builder.complaint}"
        if not rows_at:
            msg += ". If it has another format, name it (--format)"
        raise SourceError(msg, source=name)


def _read_lines(
    chunks: Chunks, rows_path: RowsPath | None, parser: ColumnParser
) -> Iterator[list[Any] | pa.RecordBatch | None]:
    """Yield the values of several lines, as a list or as columns.

    Args:
        chunks: The text.
        rows_path: Where in each value the rows are, or None if each is a row.
        parser: Makes columns of the lines if it can.

    Yields:
        The values, or None where the text pauses, so that they are to be passed on.
    """
    line = 1
    for chunk in chunks:
        if chunk.overlong:
            yield [_overlong_line(chunk.text, line)]
            chunks.drop_line()
            line += 1
            continue
        text, line_end = _whole_lines(chunk)
        if rows_path or (rows := parser.parse(text)) is None:
            # the last one is what follows the last line end: empty unless it is final
            lines = text.split(line_end)
            rows = None if rows_path else _decode_at_once(lines)
            if rows is None:
                # line by line, so that a fault is reported with the line's number
                rows = [*_decode_each_line(lines, line, rows_path, final=chunk.final)]
        yield rows
        line += text.count(line_end)
        chunks.take(len(text))
        if chunk.paused:
            yield None
    if chunks.error:
        raise chunks.error


def _overlong_line(text: bytes, line: int) -> InvalidRow:
    shown = text[:KEPT_BYTES].decode("utf-8", "backslashreplace")
    message = f"line {line}: it is longer than {MAX_ROW_BYTES >> 20} MiB"
    return InvalidRow(f"{shown}…", "too_long", message)


def _whole_lines(chunk: Chunk) -> tuple[bytes, bytes]:
    """Return the whole lines of a chunk, and what ends a line."""
    text = chunk.text
    # old Mac programs end lines with a carriage return alone
    line_end = b"\n" if b"\n" in text or b"\r" not in text else b"\r"
    # a line feed may follow a carriage return at the very end
    searchable = len(text) - (line_end == b"\r")
    end = len(text) if chunk.final else text.rfind(line_end, 0, searchable) + 1
    return text[:end], line_end


def _decode_at_once(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Return the rows of the lines if each is one object with fields, else None.

    One call for all lines takes less than half the time of one call per line.
    """
    lines = [line for line in lines if line.strip()]
    try:
        rows = decode_list(b",".join(lines))
    except (ValueError, RecursionError):
        return None
    if len(rows) != len(lines) or not all(type(row) is dict and row for row in rows):
        return None
    return rows


def _decode_each_line(
    lines: list[bytes], first_line: int, rows_path: RowsPath | None, *, final: bool
) -> Iterator[Any]:
    """Yield the rows of lines, and refusals that give the number of the line.

    Args:
        lines: The lines.
        first_line: The number of the first line.
        rows_path: Where in each value the rows are, or None if each is a row.
        final: Whether nothing follows the last line.
    """
    last = first_line + len(lines) - 1
    for number, text in enumerate(lines, first_line):
        if not text.strip():
            continue
        try:
            decoded = decode_value(text.decode())
            if isinstance(decoded, InvalidRow) and final and number == last:
                decoded = replace(decoded, message=f"{decoded.message}; {CUT_SHORT}")
        except UnicodeDecodeError as error:
            shown = text.decode("utf-8", "backslashreplace")
            message = f"its text cannot be decoded: {error.reason}"
            decoded = InvalidRow(shown, "encoding", message)
        values: Iterable[object] = [decoded]
        if rows_path and not isinstance(decoded, InvalidRow):
            values = rows_at_path(decoded, rows_path)
        for value in values:
            is_row = type(value) is dict and value
            yield value if is_row else _to_invalid_row(value, f"line {number}: ")


def _to_invalid_row(value: object, where: str = "") -> InvalidRow:
    """Return the refusal of a decoded value that is not a row."""
    if not isinstance(value, InvalidRow):
        value = InvalidRow(
            to_json(value), "item", f"{describe_kind(value)} is not a row"
        )
    return replace(value, message=where + value.message)


def _add_invalid(value: object, builder: RowBatchBuilder) -> bool:
    """Add a value that is not a row as unread, and return whether a batch is due."""
    invalid = _to_invalid_row(value)
    return builder.add_unread(invalid.text, invalid.check, invalid.message)


def _read_values(
    window: Window, rows_path: RowsPath | None, parser: ColumnParser
) -> Iterator[list[Any] | pa.RecordBatch]:
    """Yield the values of an array, or of a series of values, as `_read_lines` does.

    Args:
        window: The text.
        rows_path: Where in each of these values the rows are, or None if each is a row.
        parser: Makes columns of the rows of an array if it can.
    """
    try:
        in_list = window.peek() == "["
        if in_list and not rows_path:
            yield from _read_list(window, parser)
        else:
            for _ in _decode_each(window, rows_path):
                if checked := window.pop_checked():
                    yield checked
        if in_list:
            _require_end(window)
    except SourceError:
        window.check_decoded()
        yield window.pop_checked()
        raise
    window.check_decoded()
    yield window.pop_checked()


def _require_end(window: Window) -> None:
    if window.peek():
        msg = "there is more after the JSON array's end"
        raise SourceError(msg)


def _read_list(
    window: Window, parser: ColumnParser
) -> Iterator[list[Any] | pa.RecordBatch]:
    """Yield the values of the list here, as `_read_values` does."""
    for _ in window.elements():
        columns = None
        if window.has_new_objects and not parser.has_given_up:
            window.check_decoded()
            yield window.pop_checked()
            columns = window.take_objects(parser.parse)
        if columns is not None:
            yield columns
            continue
        window.decode()
        if checked := window.pop_checked():
            yield checked


def _decode_each(window: Window, rows_path: RowsPath | None) -> Iterator[None]:
    """Decode the list that the text is, or each of its values; yield after each row."""
    in_list = window.peek() == "["
    while window.peek():
        if rows_path:
            yield from decode_at_path(window, rows_path)
        else:
            window.decode()
            yield
        if in_list:
            return
