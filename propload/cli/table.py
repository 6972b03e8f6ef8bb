"""Print tables on a terminal, and tab-separated lines everywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from propload.messages.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.cli.output import Screen


#: Headings of columns that are never wrapped, so that their texts can be copied.
_COPIED = frozenset({"run"})
#: Characters between columns.
_GAP = 2
#: Most characters reserved for each other column; wider texts are wrapped.
_WIDEST = 24
#: The shrinkable column is left out if fewer characters than this remain for it.
_LEAST = 8


def print_table(
    screen: Screen,
    columns: Sequence[str],
    lines: Iterable[Sequence[str | int]],
    *,
    shrinkable: str | None = None,
) -> None:
    """Print a table that fits the terminal, or tab-separated lines elsewhere.

    Numbers have commas on a terminal only: programs read `1,000` as 1 or as a text.

    Args:
        screen: How to print.
        columns: The headings.
        lines: The rows, each with a text or a number for every column.
        shrinkable: The heading of the column that is shortened, or left out, if the
            terminal is too narrow; the others are wrapped.
    """
    if not sys.stdout.isatty():
        texts = (map(str, line) for line in (columns, *lines))
        screen.print_lines("\t".join(map(_flat, line)) for line in texts)
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.table import Table  # noqa: PLC0415 - only terminals need it
    from rich.text import Text  # noqa: PLC0415 - only terminals need it

    console = Console(highlight=False)
    rows = list(lines)
    numbers = {columns[at] for line in rows for at in _numbers_in(line)}
    table_lines: list[Sequence[str]] = [columns, *([*map(_readable, r)] for r in rows)]
    if shrinkable is not None:
        table_lines = _shrink_column(
            table_lines, columns.index(shrinkable), console.width
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in table_lines[0]:
        side: Literal["left", "right"] = "right" if heading in numbers else "left"
        is_copied = heading in _COPIED
        table.add_column(heading, justify=side, overflow="fold", no_wrap=is_copied)
    for line in table_lines[1:]:
        # `Text`, so that brackets in the values are not read as markup
        table.add_row(*(Text(visible(text)) for text in line))
    console.print(table)


def _numbers_in(line: Sequence[str | int]) -> Iterable[int]:
    return (at for at, value in enumerate(line) if isinstance(value, int))


def _readable(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _shrink_column(
    lines: Sequence[Sequence[str]], index: int, width: int
) -> list[Sequence[str]]:
    """Return the lines with one column cut to the width that the others leave."""
    widest = (max(map(len, texts)) for texts in zip(*lines, strict=True))
    widths = [min(column_width, _WIDEST) + _GAP for column_width in widest]
    remaining = width - sum(widths) + widths[index]
    if remaining < _LEAST:
        return [[*line[:index], *line[index + 1 :]] for line in lines]
    return [
        [*line[:index], _shortened(line[index], remaining), *line[index + 1 :]]
        for line in lines
    ]


def _shortened(text: str, width: int) -> str:
    """Return a text cut to a width; its end is kept, which says more of a path."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def _flat(text: str) -> str:
    return visible(text.replace("\t", " ").replace("\n", " ").replace("\r", " "))
