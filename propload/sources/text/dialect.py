"""Detects the dialect of a delimited text: its delimiter, header and first row."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import ConfigError, SourceError
from propload.options import is_delimiter
from propload.sources.text.chunking import count_lines
from propload.sources.text.header import find_header
from propload.sources.text.preamble import preamble_lines
from propload.sources.text.records import first_row_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.options import SourceOptions
    from propload.sources.text.preamble import NumberedRow

CANDIDATES = (",", ";", "\t", "|")
#: Bytes and rows from which the delimiter and the header are detected.
SAMPLE_BYTES = 64 << 10
SAMPLE_ROWS = 100
#: A file made for Excel may declare its delimiter in a line of its own, `sep=;`.
DECLARATION = re.compile(rb"\Asep=([^\r\n\"])(?:\r\n?|\n)", re.IGNORECASE)

#: A number as most of Europe writes it: 450000,00 or 450.000,00.
DECIMAL_COMMA = re.compile(r"^\s*[-+]?[0-9]+(?:\.[0-9]{3})*,[0-9]+\s*$")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited text is to be read.

    Attributes:
        delimiter: The byte between fields.
        names: The columns' names.
        start: Where the first data row begins in the text, in bytes.
        header: The header line as in the text; empty if there is none.
        note: A note on why the header may be detected wrongly, or an empty text.
    """

    delimiter: bytes
    names: tuple[str, ...]
    start: int
    header: bytes
    note: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """The beginning of a text.

    Attributes:
        text: Its first rows; the last one may be cut off.
        is_whole: Whether this is the whole text.
    """

    text: str
    is_whole: bool

    def rows(self, delimiter: str, /) -> list[Sequence[str]]:
        """Return the rows that are not blank, split at a delimiter."""
        return [row for _, row in self.numbered_rows(delimiter)]

    def numbered_rows(self, delimiter: str, /) -> list[NumberedRow]:
        """Return the same rows, each with the number of lines before it."""
        rows: list[NumberedRow] = []
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=delimiter)
        before = 0
        try:
            for row in reader:
                if row:
                    rows.append((before, row))
                before = reader.line_num
                if len(rows) > SAMPLE_ROWS:
                    return rows
        except csv.Error:
            return rows
        return rows if self.is_whole or len(rows) < 2 else rows[:-1]


def find_dialect(
    head: bytes, name: str, options: SourceOptions, *, tabs: bool
) -> Dialect:
    """Return the dialect of a text, detected from its beginning.

    Args:
        head: The beginning of the text, UTF-8.
        name: The text's name in messages.
        options: What the user has said of the dialect.
        tabs: Whether the format is TSV, so that tabs are the default delimiter.

    Raises:
        ConfigError: The delimiter is not one ASCII character.
        SourceError: There is nothing but the delimiter's declaration, or the header
            cannot be read or names a column twice.
    """
    start, declared = _declaration(head)
    start += len(head[start:]) - len(head[start:].lstrip(b"\r\n"))
    if start == len(head):
        msg = f"{name} is empty but for a line that names its delimiter"
        raise SourceError(msg, source=name)
    text = head[start : start + SAMPLE_BYTES].decode("utf-8", "replace")
    sample = _Sample(text, len(head) <= start + SAMPLE_BYTES)
    # a shell passes \t on as two characters
    explicit = "\t" if options.delimiter == r"\t" else options.delimiter
    delimiter = (
        explicit or declared or ("\t" if tabs else None) or _find_delimiter(sample)
    )
    if not is_delimiter(delimiter):
        msg = f"delimiter {delimiter!r} cannot be used: give one ASCII character"
        raise ConfigError(msg)
    end = first_row_end(head, start, delimiter.encode())
    if end is None:
        msg = f"{name} has a first line whose quotes do not close"
        raise SourceError(msg, source=name, row=0)
    first = _fields(head[start:end].decode("utf-8", "replace"), delimiter, name)
    lines_above = 0
    if options.header is None:
        lines_above = _lines_above(sample, delimiter, is_explicit=bool(explicit))
        lines_above += lines_above and count_lines(head, 0, start)
    below = sample.rows(delimiter)[1:]
    names, is_first_row, doubt = find_header(
        first, below, name, options, lines_above=lines_above
    )
    if is_first_row:
        line = head[start:end].strip(b"\r\n")
        return Dialect(delimiter.encode(), names, end, line, doubt)
    return Dialect(delimiter.encode(), names, start, b"", doubt)


def _declaration(head: bytes) -> tuple[int, str | None]:
    match = DECLARATION.match(head)
    if match is None:
        return 0, None
    return match.end(), match[1].decode("utf-8", "replace")


def _fields(text: str, delimiter: str, name: str) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next(reader)
    except csv.Error as error:
        msg = f"{name} has a first line that cannot be read: {error}"
        raise SourceError(msg, source=name, row=0) from error


def _lines_above(sample: _Sample, delimiter: str, *, is_explicit: bool) -> int:
    """Return how many lines there are above the table, also with other delimiters.

    Args:
        sample: The beginning of the text.
        delimiter: The delimiter that was given or detected.
        is_explicit: Whether it was given, so that no other one is tried.
    """
    rows = sample.numbered_rows(delimiter)
    if (lines := preamble_lines(rows)) or is_explicit:
        return lines
    width = len(rows[0][1])
    if width > 1 and sum(len(row) == width for _, row in rows) * 2 >= len(rows):
        return 0
    for other in CANDIDATES:
        rows = sample.numbered_rows(other) if other != delimiter else []
        lines = preamble_lines(rows)
        header = next((row for before, row in rows if lines and before == lines), [])
        # a comma or semicolon with blanks beside it belongs to a text
        if header and all(text == text.strip() for text in header):
            return lines
    return 0


def _find_delimiter(sample: _Sample) -> str:
    """Return the candidate with which most rows have as many fields as the first."""
    best, best_score = ",", (0.0, 0, 0)
    decimal_comma: tuple[str, tuple[float, int, int]] | None = None
    for candidate in CANDIDATES:
        rows = sample.rows(candidate)
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        share = sum(len(row) == width for row in rows) / len(rows)
        # a candidate that occurs within a quoted field separates its two quotes
        unpaired_quotes = sum(field.count('"') % 2 for row in rows for field in row)
        score = share, -unpaired_quotes, width
        if score > best_score:
            best, best_score = candidate, score
        if decimal_comma is None and _have_decimal_commas(rows[1:]):
            decimal_comma = candidate, score
    if (
        best == ","
        and decimal_comma is not None
        and decimal_comma[1][:2] >= best_score[:2]
    ):
        # a comma would split 450000,00
        return decimal_comma[0]
    return best


def _have_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether there are commas, all of them in decimal numbers."""
    with_commas = [field for row in rows for field in row if "," in field]
    return bool(with_commas) and all(
        DECIMAL_COMMA.match(field) for field in with_commas
    )
