"""Finds where the rows of delimited text begin and end, by its quotes.

Most chunks are checked as a whole, by looking at all of their quotes together. A chunk
with a stray quote, a NUL or an invalid character is taken apart row by row, so that
only the faulty rows are refused.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from propload.sources.text.chunking import byte_values, count_lines

if TYPE_CHECKING:
    from collections.abc import Container

QUOTE = ord('"')


class Fault(NamedTuple):
    """A row that is refused.

    Attributes:
        place: How many rows of the chunk are before it.
        line: How many line ends of the chunk are before it.
        text: Its bytes.
        check: A short name of what is wrong.
        message: What is wrong.
    """

    place: int
    line: int
    text: bytes
    check: str
    message: str


@dataclass(frozen=True, slots=True)
class SplitChunk:
    """The rows of a chunk, with the faulty ones separated from the good ones.

    Attributes:
        good: The rows that can be parsed, joined.
        faults: The other rows.
        lines: For each good row, how many line ends of the chunk are before it.
        places: For each good row, how many rows of the chunk are before it.
        end: How many bytes of the chunk were taken.
    """

    good: bytes
    faults: tuple[Fault, ...]
    lines: tuple[int, ...]
    places: tuple[int, ...]
    end: int


def rows_end_by_quotes(chunk: bytes, delimiter: bytes, *, final: bool) -> int | None:
    """Return where the last whole row ends, or None if there are stray quotes.

    Args:
        chunk: Text that begins where a row begins.
        delimiter: The byte between fields.
        final: Whether nothing follows, so that the last row is whole.
    """
    if b'"' not in chunk:
        return len(chunk) if final else _last_line_end(chunk, 0, len(chunk))
    text = byte_values(chunk)
    quotes = (text == QUOTE).arg_true()
    opening, closing = quotes.gather_every(2, 0), quotes.gather_every(2, 1)
    if not _all_at_field_borders(text, opening, -1, delimiter):
        return None
    if not _all_at_field_borders(text, closing, 1, delimiter):
        return None
    if final:
        return len(chunk) if len(quotes) % 2 == 0 else None
    return _last_end_outside_quotes(chunk, quotes)


def _all_at_field_borders(
    text: pl.Series, quotes: pl.Series, step: int, delimiter: bytes
) -> bool:
    """Return whether each quote has a quote, a delimiter or a line end beside it.

    Args:
        text: The bytes of the text.
        quotes: The places of the quotes.
        step: -1 to look before each quote, 1 to look after it.
        delimiter: The byte between fields.
    """
    if quotes.is_empty():
        return True
    if step < 0:
        inner = quotes.slice(1) if quotes[0] == 0 else quotes
        beside = text.gather(inner - 1)
    else:
        inner = quotes.head(-1) if quotes[-1] == len(text) - 1 else quotes
        beside = text.gather(inner + 1)
    allowed = pl.Series([QUOTE, delimiter[0], *b"\r\n"], dtype=pl.UInt8)
    return beside.is_in(allowed.implode()).all()


def _last_end_outside_quotes(chunk: bytes, quotes: pl.Series) -> int:
    count = len(quotes)
    stop = len(chunk) if count % 2 == 0 else quotes[-1]
    last = count - 1 if count % 2 == 0 else count - 2
    while last >= 0:
        end = _last_line_end(chunk, quotes[last] + 1, stop)
        if end:
            return end
        stop, last = quotes[last - 1], last - 2
    return _last_line_end(chunk, 0, stop)


def _last_line_end(chunk: bytes, start: int, stop: int) -> int:
    """Return the place after the last line end between two places, or 0."""
    feed = chunk.rfind(b"\n", start, stop)
    if feed >= 0:
        return feed + 1
    # a carriage return at the very end may be the first half of a line end
    bare = chunk.rfind(b"\r", start, min(stop, len(chunk) - 1))
    return bare + 1


class Patterns(NamedTuple):
    """Patterns of one row, of as many rows as there are, and of one cut in quotes."""

    row: re.Pattern[bytes]
    rows: re.Pattern[bytes]
    cut: re.Pattern[bytes]


@lru_cache(maxsize=8)
def _patterns(delimiters: bytes) -> Patterns:
    separators = re.escape(delimiters)
    quoted = rb'"(?:[^"]++|"")*+"'
    field = rb"(?:%s|[^\"%s\r\n][^%s\r\n]*+|)" % (quoted, separators, separators)
    row = rb"%s(?:[%s]%s)*+(?:\r\n|\n|\r" % (field, separators, field)
    cut = rb'(?:%s[%s])*+"(?:[^"]++|"")*+\Z' % (field, separators)
    return Patterns(
        re.compile(row + rb"|\Z)"),
        re.compile(rb"(?:%s))*+" % row),
        re.compile(cut),
    )


def rows_end_by_regex(chunk: bytes, delimiter: bytes) -> int:
    """Return where the rows before the first cut or wrongly quoted row end.

    Slower than `rows_end_by_quotes`, but it can tell a quote within an unquoted field
    (5" nails) from one around a field.

    Args:
        chunk: Text that begins where a row begins.
        delimiter: The byte between fields.
    """
    match = _patterns(delimiter).rows.match(chunk)
    return match.end() if match else 0


def split_rows(
    chunk: bytes, delimiter: bytes, *, final: bool, headers: Container[bytes] = ()
) -> SplitChunk:
    """Return the rows of a chunk, with faulty rows separated from the good ones.

    Args:
        chunk: Text that begins where a row begins.
        delimiter: The byte between fields.
        final: Whether nothing follows, so that the last row is whole.
        headers: The header line as it may be written: rows that repeat it are faulty.
    """
    patterns = _patterns(delimiter)
    good: list[bytes] = []
    lines: list[int] = []
    places: list[int] = []
    faults: list[Fault] = []
    start = line = place = 0
    while start < len(chunk):
        match = patterns.row.match(chunk, start)
        stop = match.end() if match else _next_line(chunk, start)
        if not final and stop == len(chunk) and chunk[-1:] != b"\n":
            break
        if match is None and not final and patterns.cut.match(chunk, start):
            break
        row = chunk[start:stop]
        reason = (
            _quote_fault(row, patterns) if match is None else _fault_of(row, headers)
        )
        if reason:
            faults.append(Fault(place, line, row, *reason))
        elif row.strip(b"\r\n"):
            good.append(row)
            lines.append(line)
            places.append(place)
        place += bool(row.strip(b"\r\n"))
        line += count_lines(row)
        start = stop
    return SplitChunk(b"".join(good), tuple(faults), tuple(lines), tuple(places), start)


def first_row_end(text: bytes, start: int, delimiter: bytes) -> int | None:
    """Return where the row at `start` ends, or None if its quotes are not closed."""
    match = _patterns(delimiter).row.match(text, start)
    return match.end() if match else None


def holds_rows(text: bytes, delimiters: bytes, count: int) -> bool:
    """Return whether a text begins with `count` whole rows, not counting blank ones.

    Args:
        text: Text that begins where a row begins.
        delimiters: The bytes that may separate fields.
        count: How many rows.
    """
    whole = text[: text.rfind(b"\n") + 1]
    start = row_count = 0
    while row_count < count and start < len(whole):
        end = first_row_end(whole, start, delimiters)
        if end is None:
            return False
        row_count += bool(whole[start:end].strip())
        start = end
    return row_count >= count


_QUOTES_WRONG = (
    "quotes",
    "a quoted field continues after its closing quote: write a quote in one twice",
)
QUOTES_OPEN = (
    "quotes",
    "a quoted field is not closed: no quote stands before a delimiter or a line's end",
)


def _quote_fault(row: bytes, patterns: Patterns) -> tuple[str, str]:
    """Return what is wrong with the quotes of a row, judged by its first line."""
    return QUOTES_OPEN if patterns.cut.match(row) else _QUOTES_WRONG


REPEATED_HEADER = (
    "header",
    "the names of the columns are repeated here, as when files were joined",
)


def quoting_variants(row: bytes, delimiter: bytes) -> tuple[bytes, ...]:
    """Return a row as it is, with all fields quoted, and with quotes where needed.

    Args:
        row: A row without its line end; empty if there is none.
        delimiter: The byte between fields.
    """
    if not row:
        return ()
    character = delimiter.decode()
    text = StringIO(row.decode("utf-8", "replace"), newline="")
    try:
        fields = next(csv.reader(text, delimiter=character))
    except csv.Error:  # a field of more than 128 kB
        return (row,)
    variants = [row]
    for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
        written = StringIO(newline="")
        csv.writer(written, delimiter=character, quoting=quoting).writerow(fields)
        variants.append(written.getvalue().removesuffix("\r\n").encode())
    return tuple(dict.fromkeys(variants))


def _fault_of(row: bytes, headers: Container[bytes]) -> tuple[str, str] | None:
    # joined files may keep their byte order marks
    if row.strip(b"\r\n").removeprefix(BOM_UTF8) in headers:
        return REPEATED_HEADER
    if b"\0" in row:
        return "nul", "the row has a NUL byte, which no text in PostgreSQL may hold"
    try:
        row.decode()
    except UnicodeDecodeError as error:
        invalid = row[error.start : error.start + 4].hex(" ")
        message = f"the row's text cannot be decoded: bytes {invalid}; set the encoding"
        return "encoding", message
    return None


def _next_line(chunk: bytes, start: int) -> int:
    feed = chunk.find(b"\n", start)
    last = feed if feed >= 0 else len(chunk)
    bare = chunk.find(b"\r", start, last)
    if 0 <= bare < last - 1 or (bare >= 0 and feed < 0):
        return bare + 1
    return feed + 1 if feed >= 0 else len(chunk)
