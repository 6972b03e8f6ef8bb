"""Reads CSV and other delimited text as text columns; nothing is cast here."""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.csv

from propload.batch import Unread
from propload.errors import SourceError
from propload.messages.wording import counted
from propload.sources.arrow.undecodable import is_utf8
from propload.sources.source import (
    KEPT_BYTES,
    cut,
    with_notes,
    with_nulls,
    with_position,
)
from propload.sources.text.chunking import (
    CUT_SHORT,
    LINE_END,
    MAX_ROW_BYTES,
    Chunk,
    Chunks,
    count_lines,
)
from propload.sources.text.decoding import to_utf8
from propload.sources.text.dialect import (
    CANDIDATES,
    SAMPLE_BYTES,
    Dialect,
    find_dialect,
)
from propload.sources.text.records import (
    QUOTES_OPEN,
    SplitChunk,
    holds_rows,
    quoting_variants,
    rows_end_by_quotes,
    rows_end_by_regex,
    split_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.batch import Batch
    from propload.options import SourceOptions

TEXT = pa.string()
#: Good rows, and unread ones.
Parsed: TypeAlias = "tuple[pa.RecordBatch, list[Unread]]"
TOO_LONG = ("too_long", f"the row is longer than {MAX_ROW_BYTES >> 20} MiB")


def read_delimited(
    blocks: Iterator[bytes], name: str, options: SourceOptions, *, tabs: bool = False
) -> Iterator[Batch]:
    """Yield the rows of a delimited text.

    Args:
        blocks: The bytes of the text.
        name: Its name in messages.
        options: How to read it, and how much goes into one batch.
        tabs: Whether its format is TSV, so that tabs are the default delimiter.

    Raises:
        SourceError: It is empty, not text, cut short, or its header names a column
            twice; all rows before the fault were yielded.
    """
    notes: list[str] = []
    text = to_utf8(blocks, name, options.encoding, notes)
    chunks = Chunks(text, options.chunk_bytes)
    for _ in range(options.skip_lines):
        chunks.drop_line()
    head = _head(chunks, name, options)
    if not head.strip():
        msg = f"{name} is empty: check what writes it"
        if options.skip_lines:
            msg = f"{name} is empty below line {options.skip_lines}: skip fewer lines"
        raise SourceError(msg, source=name)
    dialect = find_dialect(head, name, options, tabs=tabs)
    chunks.take(dialect.start)
    lines_above = options.skip_lines + count_lines(head, 0, dialect.start)
    reader = _Reader(name, dialect, options, first_line=1 + lines_above)
    if dialect.note:
        notes.append(dialect.note)
    yield from with_notes(reader.read(chunks), notes)


def _head(chunks: Chunks, name: str, options: SourceOptions) -> bytes:
    delimiters = (options.delimiter or "".join(CANDIDATES)).encode()
    try:
        # if the text pauses, two rows are enough: a header and one row
        return chunks.peek(SAMPLE_BYTES, lambda text: holds_rows(text, delimiters, 2))
    except SourceError as error:
        raise with_position(error, name, 0) from error


class _Reader:
    """Reads the rows of a text chunk by chunk, and keeps track of line numbers."""

    def __init__(
        self, name: str, dialect: Dialect, options: SourceOptions, *, first_line: int
    ) -> None:
        self._name = name
        self._names = list(dialect.names)
        self._delimiter = dialect.delimiter
        # in a single column, a value may well equal the column's name
        header = dialect.header if len(dialect.names) > 1 else b""
        self._headers = quoting_variants(header, self._delimiter)
        self._options = options
        self._rows_read = 0
        self._line = first_line

    def read(self, chunks: Chunks) -> Iterator[Batch]:
        """Yield the rows of the chunks, as batches."""
        for chunk in chunks:
            if chunk.overlong:
                yield from self._refuse_first_line(chunk)
                chunks.drop_line()
            else:
                yield from self._take(chunk, chunks)
        if chunks.error:
            raise with_position(chunks.error, self._name, self._rows_read)
        if not self._rows_read:
            yield from self._make_batches(_no_rows(self._names), [])

    def _take(self, chunk: Chunk, chunks: Chunks) -> Iterator[Batch]:
        """Yield the whole rows of a chunk, and take them from the text."""
        parsed, end = self._parse_chunk(chunk)
        if end:
            yield from self._make_batches(*self._mark_cut_row(parsed, chunk, end))
            self._line += count_lines(chunk.text, 0, end)
            chunks.take(end)

    def _parse_chunk(self, chunk: Chunk) -> tuple[Parsed, int]:
        """Return the whole rows of a chunk, parsed, and where they end."""
        text, final = chunk.text, chunk.final
        end = rows_end_by_quotes(text, self._delimiter, final=final)
        if end is None:
            end = rows_end_by_regex(text, self._delimiter) or None
        if end == 0:
            return (_no_rows(self._names), []), 0
        if end is not None:
            parsed = self._parse_clean(text, end)
            if parsed:
                return parsed, end
            text, final = text[:end], True
        split = self._split_rows(text, final=final)
        return self._parse_split(split), split.end

    def _mark_cut_row(self, parsed: Parsed, chunk: Chunk, end: int) -> Parsed:
        """Return the rows; an unread last row without a line end gets `CUT_SHORT`."""
        rows, unread = parsed
        last = self._rows_read + rows.num_rows + len(unread)
        if not chunk.final or end < len(chunk.text) or chunk.text[-1:] in b"\r\n":
            return parsed
        if not unread or unread[-1].row != last:
            return parsed
        cut_off = replace(unread[-1], message=f"{unread[-1].message}; {CUT_SHORT}")
        return rows, [*unread[:-1], cut_off]

    def _parse_clean(self, text: bytes, end: int) -> Parsed | None:
        """Return the rows of a text of whole rows, or None if it needs `split_rows`."""
        if text.find(b"\0", 0, end) >= 0 or self._repeats_header(text, end):
            return None
        if not _is_utf8(text, end):
            # only `split_rows` can find the row with the invalid bytes
            return None
        rows, ragged = self._parse(text, end)
        if not ragged:
            return rows, []
        total = rows.num_rows + len(ragged)
        if _are_lines(text, end, total):
            lines: Sequence[int] = range(total)
        else:
            lines = self._split_rows(text[:end], final=True).lines
        return rows, [
            self._ragged(row, row.number, lines[row.number - 1]) for row in ragged
        ]

    def _repeats_header(self, text: bytes, end: int) -> bool:
        """Return whether a row may repeat the header."""
        if not self._headers:
            return False
        headers = *self._headers, *(BOM_UTF8 + each for each in self._headers)
        # files that are joined may end their lines differently
        line_ends = [mark for mark in (b"\n", b"\r") if mark in text]
        sought = [mark + header for mark in line_ends for header in headers]
        is_within = any(text.find(one, 0, end) >= 0 for one in sought)
        return is_within or text.startswith(headers)

    def _split_rows(self, text: bytes, *, final: bool) -> SplitChunk:
        return split_rows(text, self._delimiter, final=final, headers=self._headers)

    def _parse_split(self, split: SplitChunk) -> Parsed:
        rows, ragged = self._parse(split.good, len(split.good))
        unread = [
            self._ragged(row, split.places[place] + 1, split.lines[place])
            for row in ragged
            for place in [row.number - 1]
        ]
        for fault in split.faults:
            text = fault.text.decode("utf-8", "backslashreplace")
            where = fault.place + 1, fault.line
            unread.append(self._unread(*where, text, fault.check, fault.message))
        return rows, sorted(unread, key=lambda row: row.row)

    def _parse(
        self, text: bytes, end: int
    ) -> tuple[pa.RecordBatch, list[pyarrow.csv.InvalidRow]]:
        """Return the rows of a UTF-8 text, and those with a wrong number of fields."""
        names = self._names
        if not end:
            return _no_rows(names), []
        text, end = _prepare_for_arrow(text, end)
        ragged: list[pyarrow.csv.InvalidRow] = []

        def refuse(row: pyarrow.csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(text).slice(0, end)),
            pyarrow.csv.ReadOptions(
                # with threads, invalid rows would have no numbers
                use_threads=False,
                column_names=names,
                block_size=end + 1,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=self._delimiter.decode(),
                newlines_in_values=True,
                invalid_row_handler=refuse,
            ),
            pyarrow.csv.ConvertOptions(
                # checked already: the handler of ragged rows needs valid UTF-8
                check_utf8=False,
                column_types=dict.fromkeys(names, TEXT),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        batches = table.combine_chunks().to_batches()
        rows = batches[0] if batches else _no_rows(names)
        return with_nulls(rows, self._options.null_words), ragged

    def _ragged(self, row: pyarrow.csv.InvalidRow, number: int, line: int) -> Unread:
        message = (
            f"{counted(row.actual_columns, 'field')} instead of {row.expected_columns}"
        )
        return self._unread(number, line, row.text, "ragged", message)

    def _unread(
        self, number: int, line: int, text: str, check: str, message: str
    ) -> Unread:
        where = f"line {self._line + line}: {message}"
        return Unread(self._rows_read + number, text.rstrip("\r\n"), check, where)

    def _refuse_first_line(self, chunk: Chunk) -> Iterator[Batch]:
        line, *below = LINE_END.split(chunk.text, 1)
        check, message = QUOTES_OPEN if below else TOO_LONG
        shown = line if below else line[:KEPT_BYTES]
        text = shown.decode("utf-8", "backslashreplace")
        fault = self._unread(1, 0, text, check, message)
        yield from self._make_batches(_no_rows(self._names), [fault])
        self._line += 1

    def _make_batches(
        self, rows: pa.RecordBatch, unread: list[Unread]
    ) -> Iterator[Batch]:
        first = self._rows_read + 1
        self._rows_read += rows.num_rows + len(unread)
        yield from cut(
            rows, self._name, first, self._options, untyped=True, unread=unread
        )


def _prepare_for_arrow(text: bytes, end: int) -> tuple[bytes, int]:
    """Return a text of whole rows as Arrow reads it correctly, and its length.

    If no line end follows, Arrow reads an empty last field after a quoted one as quoted
    too: as an empty text instead of null. It also drops a byte order mark at the
    beginning, even one that belongs to a value.
    """
    if text[end - 1] not in b"\r\n":
        text, end = text[:end] + b"\n", end + 1
    if text.startswith(BOM_UTF8):
        text, end = BOM_UTF8 + text, end + len(BOM_UTF8)
    return text, end


def _is_utf8(text: bytes, end: int) -> bool:
    """Return whether a text is valid UTF-8 up to a place."""
    places = pa.array([0, end], pa.int64()).buffers()[1]
    buffers = [None, places, pa.py_buffer(text)]
    return is_utf8(pa.Array.from_buffers(pa.large_string(), 1, buffers))


def _are_lines(text: bytes, end: int, rows: int) -> bool:
    """Return whether each row of a text is one line, without blank lines between."""
    ended = rows if text[end - 1] in b"\r\n" else rows - 1
    return count_lines(text, 0, end) == ended


def _no_rows(names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], TEXT) for _ in names], names)
