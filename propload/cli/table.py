"""Tables on a terminal, and tab-separated lines everywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.cli.screen import Screen


def print_table(
    screen: Screen, columns: Sequence[str], lines: Iterable[Sequence[str]]
) -> None:
    """Print a table that fits the terminal, or lines with tabs where it is none.

    Args:
        screen: How to print.
        columns: Headings.
        lines: A text for each column.
    """
    if not sys.stdout.isatty():
        screen.print_lines("\t".join(map(_flat, line)) for line in (columns, *lines))
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.table import Table  # noqa: PLC0415 - only terminals need it
    from rich.text import Text  # noqa: PLC0415 - only terminals need it

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in lines:
        # values of refused rows are shown as they are, not read as markup
        table.add_row(*(Text(text) for text in line))
    Console(highlight=False).print(table)


def _flat(text: str) -> str:
    return text.replace("\t", " ").replace("\n", " ").replace("\r", " ")
