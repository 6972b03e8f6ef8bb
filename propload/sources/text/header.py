"""Names the columns of a text or sheet, and detects whether its first row does so."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from propload.sources.source import check_names
from propload.sources.text.preamble import preamble_doubt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.options import SourceOptions

NUMBER = re.compile(r"\s*[-+]?(\d[\d.,]*)([eE][-+]?\d+)?\s*\Z")
DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?\Z")
YEAR = re.compile(r"(18|19|20|21)\d\d\Z")


class Header(NamedTuple):
    """The names of columns, and where they are from.

    Attributes:
        names: The names.
        is_first_row: Whether the first row is the header.
        doubt: A note on why that may be wrong, or an empty text.
    """

    names: tuple[str, ...]
    is_first_row: bool
    doubt: str


def find_header(
    first: Sequence[str],
    rows: Sequence[Sequence[str]],
    source: str,
    options: SourceOptions,
    *,
    lines_above: int,
) -> Header:
    """Return the columns' names, and whether the first row holds them.

    Args:
        first: The texts of the first row.
        rows: Some of the rows below.
        source: The source's name in messages.
        options: Whether the first row is the header, if the user has said so, and how
            many lines before it were skipped.
        lines_above: How many lines are above what looks like the header, the first row
            included.

    Raises:
        SourceError: A name occurs more than once.
    """
    explicit = options.header
    has_header = _has_header(first, rows) if explicit is None else explicit
    texts = first if has_header else [""] * len(first)
    names = [_clean_name(text, place) for place, text in enumerate(texts, 1)]
    check_names(names, source)
    doubt = ""
    if explicit is None and lines_above:
        doubt = preamble_doubt(first, options.skip_lines + lines_above, source)
    elif explicit is None and has_header:
        doubt = _doubt_header(first, rows, source)
    return Header(tuple(names), has_header, doubt)


def _has_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns; if in doubt, True."""
    if _are_years(first):
        return True
    numeric = [_is_numeric(text) for text in first]
    if not any(numeric):
        return True
    if _has_name_above_numbers(first, rows):
        return True
    return sum(numeric) * 2 < sum(1 for text in first if text.strip())


def _has_name_above_numbers(
    first: Sequence[str], rows: Sequence[Sequence[str]]
) -> bool:
    """Return whether a text has only numbers below it, so that it is their name."""
    for place, text in enumerate(first):
        below = [row[place] for row in rows if place < len(row) and row[place].strip()]
        is_name = bool(text.strip()) and not _is_numeric(text)
        if is_name and below and all(map(_is_numeric, below)):
            return True
    return False


def _doubt_header(
    first: Sequence[str], rows: Sequence[Sequence[str]], source: str
) -> str:
    """Return a note on why a row taken for the header may not be one, or nothing."""
    if _has_name_above_numbers(first, rows) or _are_years(first):
        return ""
    others = [row for row in rows if list(row) != list(first)]
    for place, text in enumerate(first):
        occurs_below = any(place < len(row) and row[place] == text for row in others)
        if text.strip() and (_is_numeric(text) or occurs_below):
            return (
                f"{source}: its first line was taken for the names of columns, but "
                f"{text!r} may be a value. If the line is a row, use --no-header "
                "(header = false)"
            )
    return ""


def _is_numeric(text: str) -> bool:
    return bool(NUMBER.match(text) or DATE.match(text))


def _are_years(first: Sequence[str]) -> bool:
    """Return whether the only numbers are evenly spaced years, as in a wide table."""
    numbers = [text.strip() for text in first if NUMBER.match(text)]
    if len(numbers) < 2 or not all(YEAR.match(text) for text in numbers):
        return False
    years = [int(text) for text in numbers]
    return len({later - year for year, later in pairwise(years)}) == 1


def _clean_name(text: str, place: int) -> str:
    """Return a column's name on one line, or `column_N` if it is blank."""
    bare = text.strip("\ufeff \t\r\n")
    return re.sub(r"\s*[\r\n]+\s*", " ", bare) or f"column_{place}"
