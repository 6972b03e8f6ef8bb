"""How a delimited text is written: what stands between fields, and the header."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from propload.errors import ConfigError, SourceError
from propload.options import is_delimiter
from propload.sources.source import check_names
from propload.sources.text.chunking import count_lines
from propload.sources.text.preamble import preamble_doubt, preamble_lines
from propload.sources.text.records import first_row_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.options import SourceOptions

CANDIDATES = (",", ";", "\t", "|")
#: Rows that are looked at to find the delimiter and the header.
SAMPLE_BYTES = 64 << 10
SAMPLE_ROWS = 100
#: A file for Excel may say so in a line of its own.
DECLARATION = re.compile(rb"\Asep=([^\r\n\"])(?:\r\n?|\n)", re.IGNORECASE)

#: A number as most of Europe writes it: 450000,00 or 450.000,00.
DECIMAL_COMMA = re.compile(r"^\s*[-+]?[0-9]+(?:\.[0-9]{3})*,[0-9]+\s*$")
NUMBER = re.compile(r"\s*[-+]?(\d[\d.,]*)([eE][-+]?\d+)?\s*\Z")
DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?\Z")
YEAR = re.compile(r"(18|19|20|21)\d\d\Z")


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
    sample = head[start : start + SAMPLE_BYTES].decode("utf-8", "replace")
    whole = len(head) <= start + SAMPLE_BYTES
    # a shell hands a tab over as it is written
    told = "\t" if options.delimiter == r"\t" else options.delimiter
    delimiter = told or declared or ("\t" if tabs else None)
    delimiter = delimiter or _find_delimiter(sample, whole=whole)
    if not is_delimiter(delimiter):
        msg = f"delimiter {delimiter!r} cannot be used: give one ASCII character"
        raise ConfigError(msg)
    rows = _rows(sample, delimiter, whole=whole)
    end = first_row_end(head, start, delimiter.encode())
    if end is None:
        msg = f"{name} has a first line whose quotes do not close"
        raise SourceError(msg, source=name, row=0)
    first = _fields(head[start:end].decode("utf-8", "replace"), delimiter, name)
    names, has_header = name_columns(first, rows[1:], name, header=options.header)
    note = ""
    if options.header is None:
        above = _lines_above(sample, delimiter, whole=whole, told=bool(told))
        lines = above and options.skip_lines + count_lines(head, 0, start) + above
        note = doubt_first(first, rows[1:], name, lines=lines, is_header=has_header)
    line = head[start:end].strip(b"\r\n") if has_header else b""
    return Dialect(delimiter.encode(), names, end if has_header else start, line, note)


def name_columns(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    source: str,
    *,
    header: bool | None,
) -> tuple[tuple[str, ...], bool]:
    """Return the columns' names and whether they stand in the first row.

    Args:
        first: The texts of the first row.
        rows: Some of the rows below.
        source: What messages call the source.
        header: Whether the first row names the columns, or None to find out.

    Raises:
        SourceError: A name stands twice.
    """
    has_header = _has_header(first, rows) if header is None else header
    texts = first if has_header else [""] * len(first)
    names = [_clean(text, place) for place, text in enumerate(texts, 1)]
    check_names(names, source)
    return tuple(names), has_header


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


def _lines_above(sample: str, delimiter: str, *, whole: bool, told: bool) -> int:
    """Return how many lines stand above the table, be the delimiter another one."""
    rows = _numbered_rows(sample, delimiter, whole=whole)
    if (lines := preamble_lines(rows)) or told:
        return lines
    width = len(rows[0][1])
    if width > 1 and sum(len(row) == width for _, row in rows) * 2 >= len(rows):
        return 0
    for other in CANDIDATES:
        rows = _numbered_rows(sample, other, whole=whole) if other != delimiter else []
        lines = preamble_lines(rows)
        header = next((row for before, row in rows if lines and before == lines), [])
        # blanks beside a comma or semicolon are of a text
        if header and all(text == text.strip() for text in header):
            return lines
    return 0


def _rows(sample: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    return [row for _, row in _numbered_rows(sample, delimiter, whole=whole)]


def _numbered_rows(
    sample: str, delimiter: str, *, whole: bool
) -> list[tuple[int, list[str]]]:
    """Return rows that are not blank, with how many lines stand before each."""
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
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
    return rows if whole or len(rows) < 2 else rows[:-1]


def _find_delimiter(sample: str, *, whole: bool) -> str:
    """Return the candidate that cuts the most rows into as many fields as the first."""
    best, best_score = ",", (0.0, 0, 0)
    decimals: tuple[str, tuple[float, int, int]] | None = None
    for candidate in CANDIDATES:
        rows = _rows(sample, candidate, whole=whole)
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


def _has_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first line names the columns; in doubt it does."""
    if _are_years(first):
        return True
    numeric = [_is_numeric(text) for text in first]
    if not any(numeric):
        return True
    if _names_numbers(first, rows):
        return True
    return sum(numeric) * 2 < sum(1 for text in first if text.strip())


def _names_numbers(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a text stands above nothing but numbers: it is their name."""
    for place, text in enumerate(first):
        below = [row[place] for row in rows if place < len(row) and row[place].strip()]
        is_name = bool(text.strip()) and not _is_numeric(text)
        if is_name and below and all(map(_is_numeric, below)):
            return True
    return False


def doubt_first(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    source: str,
    *,
    lines: int,
    is_header: bool,
) -> str:
    """Return why the first line may be another thing than it was taken for, or nothing.

    Args:
        first: Its texts.
        rows: Some of the rows below.
        source: What messages call the source.
        lines: How many lines stand above what looks like the header, itself among them.
        is_header: Whether it was taken for the header.
    """
    if lines:
        return preamble_doubt(first, lines, source)
    return _doubt_header(first, rows, source) if is_header else ""


def _doubt_header(
    first: Sequence[str], rows: Sequence[Sequence[str]], source: str
) -> str:
    """Return why a line that was taken for the header may be a row, or nothing."""
    if _names_numbers(first, rows) or _are_years(first):
        return ""
    others = [row for row in rows if list(row) != list(first)]
    for place, text in enumerate(first):
        stands_below = any(place < len(row) and row[place] == text for row in others)
        if text.strip() and (_is_numeric(text) or stands_below):
            return (
                f"{source}: its first line was taken for the names of columns, but "
                f"{text!r} may be a value. If the line is a row, say --no-header "
                "(header = false)"
            )
    return ""


def _is_numeric(text: str) -> bool:
    return bool(NUMBER.match(text) or DATE.match(text))


def _are_years(first: Sequence[str]) -> bool:
    """Return whether the only numbers are years in a row, as in a wide table."""
    numbers = [text.strip() for text in first if NUMBER.match(text)]
    if len(numbers) < 2 or not all(YEAR.match(text) for text in numbers):
        return False
    years = [int(text) for text in numbers]
    return len({later - year for year, later in pairwise(years)}) == 1


def _clean(text: str, place: int) -> str:
    """Return a column's name on one line, `column_N` where it has none."""
    bare = text.strip("\ufeff \t\r\n")
    return re.sub(r"\s*[\r\n]+\s*", " ", bare) or f"column_{place}"
