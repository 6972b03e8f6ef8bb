"""HTML that reads well wherever a notebook is shown.

Jupyter pads table cells and has a monospaced font for `pre`. Marimo removes the
padding, and nbconvert's output shows `pre` in the font of text; so both are set here.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: The most lines of `titled_table`; a schema of many columns could give pages of them.
_MOST_LINES = 20
#: The most characters of a text that is kept on one line beside a long one.
_SHORT = 40
_CELL = "padding:.3em .6em;text-align"
#: About thirty lines: what is below a table of a thousand columns is seen as well.
_BOX = "max-height:60em;overflow:auto"
_PRE = "font-family:monospace;white-space:pre-wrap"


class TextPrinter(Protocol):
    """The printer that IPython passes to `_repr_pretty_`."""

    def text(self, text: str, /) -> None:
        """Print a text as it is."""


def table(lines: Iterable[str], /) -> str:
    """Return a table of rows, whose cells `line` or `headings` has made."""
    return f"<table>{''.join(f'<tr>{cells}</tr>' for cells in lines)}</table>"


def titled_table(title: str, lines: Sequence[Iterable[str | int]], rest: str, /) -> str:
    """Return a title and a table of the first lines; nothing if there are none.

    Args:
        title: The title.
        lines: The values of each line.
        rest: Where to find the lines that are left out.
    """
    if not lines:
        return ""
    remaining = len(lines) - _MOST_LINES
    more = f"<p>{remaining:,} more: {rest}</p>" if remaining > 0 else ""
    # a long text in one of the lines would otherwise squeeze the texts of all others
    first = (line(values, make_text=_whole_cell) for values in lines[:_MOST_LINES])
    return f"<p>{escape(title)}</p>{table(first)}{more}"


def scrolling(html: str, /) -> str:
    """Return HTML that scrolls by itself where it is long."""
    return f"<div style='{_BOX}'>{html}</div>"


def line(
    values: Iterable[str | int], /, *, make_text: Callable[[str], str] | None = None
) -> str:
    """Return the cells of a row: texts aligned left, numbers right.

    Args:
        values: The values of the row.
        make_text: Makes the cell of a text; `cell` by default.
    """
    make = make_text or cell
    return "".join(
        cell(f"{value:,}", side="right") if isinstance(value, int) else make(value)
        for value in values
    )


def cell(text: str, /, *, kind: str = "td", side: str = "left") -> str:
    """Return a cell, which is a heading if its kind is `th`."""
    return f"<{kind} style='{_CELL}:{side}'>{escape(text)}</{kind}>"


def _whole_cell(text: str) -> str:
    """Return a cell that is not broken into lines if its text is short."""
    style = "white-space:nowrap;" if len(text) <= _SHORT else ""
    return f"<td style='{style}{_CELL}:left'>{escape(text)}</td>"


def headings(names: Iterable[str], /) -> str:
    """Return the heading cells of a row, for columns of numbers."""
    return "".join(cell(name, kind="th", side="right") for name in names)


def preformatted(text: str, /) -> str:
    """Return text with its spaces and line breaks kept; lines too long are wrapped."""
    return f"<pre style='{_PRE}'>{escape(text)}</pre>"
