"""How a delimited text is written: what stands between fields, and where rows begin."""

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
#: Rows that are looked at to find the delimiter and the header.
SAMPLE_BYTES = 64 << 10
SAMPLE_ROWS = 100
#: A file for Excel may say so in a line of its own.
DECLARATION = re.compile(rb"\Asep=([^\r\n\"])(?:\r\n?|\n)", re.IGNORECASE)

#: A number as most of Europe writes it: 450000,00 or 450.000,00.
DECIMAL_COMMA = re.compile(r"^\s*[-+]?[0-9]+(?:\.[0-9]{3})*,[0-9]+\s*$")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text is to be read.

    Attributes:
        delimiter: The byte between fields.
        names: The columns' names.
        start: Where the first data row begins in the text, in bytes.
        header: The line of the names as it stands; empty where there is none.
        note: Why the names may be no names, or nothing.
    """

    delimiter: bytes
    names: tuple[str, ...]
    start: int
    header: bytes
    note: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """How a text begins.

    Attributes:
        text: Its first rows, of which the last one may be cut.
        is_whole: Whether there is no more of it.
    """

    text: str
    is_whole: bool

    def rows(self, delimiter: str, /) -> list[Sequence[str]]:
        """Return the rows that are not blank, as a delimiter cuts them."""
        return [row for _, row in self.numbered_rows(delimiter)]

    def numbered_rows(self, delimiter: str, /) -> list[NumberedRow]:
        """Return the same, with how many lines stand before each."""
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
    """Return how a text is written, from how it begins.

    Args:
        head: The beginning of the text, UTF-8.
        name: What messages call the text.
        options: What is known already.
        tabs: Whether the file's name says that tabs stand between fields.

    Raises:
        ConfigError: The delimiter is not one ASCII character.
        SourceError: There is nothing below its declaration; the header cannot be read
            or names a column twice.
    """
    start, declared = _declaration(head)
    start += len(head[start:]) - len(head[start:].lstrip(b"\r\n"))
    if start == len(head):
        msg = f"{name} is empty but for a line that names its delimiter"
        raise SourceError(msg, source=name)
    text = head[start : start + SAMPLE_BYTES].decode("utf-8", "replace")
    sample = _Sample(text, len(head) <= start + SAMPLE_BYTES)
    # a shell hands a tab over as it is written
    told = "\t" if options.delimiter == r"\t" else options.delimiter
    delimiter = told or declared or ("\t" if tabs else None) or _find_delimiter(sample)
    if not is_delimiter(delimiter):
        msg = f"delimiter {delimiter!r} cannot be used: give one ASCII character"
        raise ConfigError(msg)
    end = first_row_end(head, start, delimiter.encode())
    if end is None:
        msg = f"{name} has a first line whose quotes do not close"
        raise SourceError(msg, source=name, row=0)
    first = _fields(head[start:end].decode("utf-8", "replace"), delimiter, name)
    above = 0
    if options.header is None:
        above = _lines_above(sample, delimiter, told=bool(told))
        above += above and count_lines(head, 0, start)
    below = sample.rows(delimiter)[1:]
    names, is_first_row, doubt = find_header(first, below, name, options, above=above)
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


def _lines_above(sample: _Sample, delimiter: str, *, told: bool) -> int:
    """Return how many lines stand above the table, be the delimiter another one.

    Args:
        sample: How the text begins.
        delimiter: What it was taken for.
        told: Whether it is that for sure.
    """
    rows = sample.numbered_rows(delimiter)
    if (lines := preamble_lines(rows)) or told:
        return lines
    width = len(rows[0][1])
    if width > 1 and sum(len(row) == width for _, row in rows) * 2 >= len(rows):
        return 0
    for other in CANDIDATES:
        rows = sample.numbered_rows(other) if other != delimiter else []
        lines = preamble_lines(rows)
        header = next((row for before, row in rows if lines and before == lines), [])
        # blanks beside a comma or semicolon are of a text
        if header and all(text == text.strip() for text in header):
            return lines
    return 0


def _find_delimiter(sample: _Sample) -> str:
    """Return the candidate that cuts the most rows into as many fields as the first."""
    best, best_score = ",", (0.0, 0, 0)
    decimals: tuple[str, tuple[float, int, int]] | None = None
    for candidate in CANDIDATES:
        rows = sample.rows(candidate)
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        share = sum(len(row) == width for row in rows) / len(rows)
        # a delimiter within a quoted field tears its quotes apart
        torn = sum(field.count('"') % 2 for row in rows for field in row)
        score = share, -torn, width
        if score > best_score:
            best, best_score = candidate, score
        if decimals is None and _have_decimal_commas(rows[1:]):
            decimals = candidate, score
    if best == "," and decimals is not None and decimals[1][:2] >= best_score[:2]:
        # it would tear 450000,00 apart
        return decimals[0]
    return best


def _have_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether commas stand in decimal numbers, and nowhere else."""
    held = [field for row in rows for field in row if "," in field]
    return bool(held) and all(DECIMAL_COMMA.match(field) for field in held)
