"""HTML that reads well wherever a notebook is shown.

Jupyter gives tables room and `pre` a font of its own; marimo takes the room away, and
what nbconvert makes shows `pre` in the font of text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

_CELL = "padding:.3em .6em;text-align"
_PRE = "font-family:monospace;white-space:pre-wrap"


class TextPrinter(Protocol):
    """What IPython prints a value with."""

    def text(self, text: str, /) -> None:
        """Print a text as it is."""


def table(lines: Iterable[str], /) -> str:
    """Return a table of lines that `line` has made."""
    return f"<table>{''.join(f'<tr>{one}</tr>' for one in lines)}</table>"


def line(values: Iterable[str | int], /) -> str:
    """Return the cells of a line: texts on the left, numbers on the right."""
    return "".join(
        cell(f"{value:,}", side="right") if isinstance(value, int) else cell(value)
        for value in values
    )


def cell(text: str, /, *, kind: str = "td", side: str = "left") -> str:
    """Return a cell, of a heading where its kind is `th`."""
    return f"<{kind} style='{_CELL}:{side}'>{escape(text)}</{kind}>"


def headings(names: Iterable[str], /) -> str:
    """Return the headings of columns of numbers."""
    return "".join(cell(name, kind="th", side="right") for name in names)


def preformatted(text: str, /) -> str:
    """Return lines as they are; one that is too long goes on below."""
    return f"<pre style='{_PRE}'>{escape(text)}</pre>"
