"""Finds titles and comments above the names of columns, and counts their lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many lines there are before a row, and the texts of the row.
NumberedRow: TypeAlias = "tuple[int, Sequence[str]]"
COMMENT = "#"
#: The least share of the rows below a header that have as many fields as the header.
ALIKE_SHARE = 0.8
_NUMBER = re.compile(r"[-+]?\d[\d.,]*")
#: How many characters of a title a message shows.
SHOWN = 40


def preamble_lines(rows: Sequence[NumberedRow]) -> int:
    """Return how many lines there are above what looks like a table.

    Args:
        rows: The first rows of a text or sheet, without blank ones.
    """
    place = next((n for n, (_, row) in enumerate(rows) if not _is_title_row(row)), 0)
    if not place:
        return _comments_above(rows)
    is_title = _is_table(rows[place:]) and not _is_header(rows[0][1], rows[place:])
    return rows[place][0] if is_title else 0


def preamble_doubt(first: Sequence[str], lines: int, source: str) -> str:
    """Return the note on lines that may be a title or comment above the header.

    Args:
        first: The texts of the first of these lines.
        lines: How many lines would have to be skipped.
        source: The source's name in messages.
    """
    text = next(filter(str.strip, first), "").strip()
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return (
        f"{source}: {shown!r} looks like a title or a comment above the names of "
        f"columns. If it is not a row, use --skip-lines {lines} (skip_lines = {lines})"
    )


def _is_title_row(row: Sequence[str]) -> bool:
    """Return whether a row has fewer than two texts, as a title or comment has."""
    return sum(1 for text in row if text.strip()) < 2


def _comments_above(rows: Sequence[NumberedRow]) -> int:
    """Return how many lines above the table are comments that contain delimiters.

    A header may begin with `#` as well: it has as many fields as the rows below it.
    """
    place = next((n for n, (_, row) in enumerate(rows) if not _is_comment(row)), 0)
    if not place or not _is_table(rows[place:]):
        return 0
    first, header = rows[0][1], rows[place][1]
    is_spaced = first[0].lstrip().startswith(f"{COMMENT} ")
    is_header = _is_header(first, rows[place:])
    is_comment = len(first) != len(header) or (is_spaced and not is_header)
    return rows[place][0] if is_comment else 0


def _is_header(first: Sequence[str], below: Sequence[NumberedRow]) -> bool:
    """Return whether the first row is a header, despite a blank name or a `#`.

    It has as many fields as the row below it, and that holds values instead of names.
    Of two names the first may be blank, like that of an index: a title would be first.
    """
    (_, row), *others = below
    if not len(first) == len(row) > 1:
        return False
    return (len(first) == 2 and not first[0].strip()) or _has_values(row, others)


def _has_values(row: Sequence[str], below: Sequence[NumberedRow]) -> bool:
    """Return whether a row holds a number, or a text that occurs again below it."""
    if any(_NUMBER.fullmatch(text.strip()) for text in row):
        return True
    # a row that is repeated as a whole may be a header, in files that were joined
    others = [other for _, other in below if list(other) != list(row)]
    return any(
        place < len(other) and text == other[place]
        for place, text in enumerate(row)
        for other in others
        if text.strip()
    )


def _is_comment(row: Sequence[str]) -> bool:
    return row[0].lstrip().startswith(COMMENT)


def _is_table(rows: Sequence[NumberedRow]) -> bool:
    """Return whether most rows have as many fields as the first of them."""
    (_, header), *below = rows
    matching = sum(
        len(row) == len(header) and not _is_title_row(row) for _, row in below
    )
    return bool(below) and matching >= ALIKE_SHARE * len(below)
