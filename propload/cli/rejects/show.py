"""`propload rejects show`: show rejected rows with their reasons."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from propload.cli.command import command, own_app
from propload.cli.run_arguments import REJECTING_RUN, find_rejected, limit_flag
from propload.cli.settings import settings_group
from propload.cli.table import print_table
from propload.messages.wording import counted, visible_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from propload.cli.output import Screen
    from propload.options import Settings
    from propload.rejecting.lines import Line

#: Rows shown by default: enough to see what is wrong.
SHOWN_ROWS = 20

#: Characters shown of a text in the table: a row that could not be read may be long.
SHOWN_CHARACTERS = 500

LIMIT = limit_flag(SHOWN_ROWS, "Rows shown; 0 shows all.")

app = own_app()


@command(
    app,
    "show",
    example="propload rejects show\npropload rejects show RUN --json | head",
    run=REJECTING_RUN,
    limit=LIMIT,
    settings=settings_group(["state_dir"]),
)
def show(run: str, limit: int, settings: Settings, screen: Screen) -> None:
    """Show a run's rejected rows with their reasons.

    With --json each line is one row as JSON, and all rows are shown.
    """
    from propload.rejecting.lines import (  # noqa: PLC0415 - needs Polars
        count_lines,
        each_line,
    )

    path = find_rejected(run, settings)
    if screen.as_json:
        screen.print_lines(map(visible_json, _lines(path)))
        return
    screen.tell(f"rejected rows of run {path.stem}")
    shown = [line for _, line in islice(each_line(path), limit or None)]
    columns = ("row", "stage", "column", "check", "value", "reason")
    print_table(screen, columns, _reasons(shown))
    # only counted, not parsed: parsing a million rows takes minutes and gigabytes
    remaining = count_lines(path) - len(shown)
    if remaining > 0:
        screen.tell(f"{counted(remaining, 'more row')}; --limit 0 shows all")


def _lines(path: Path) -> Iterable[str]:
    from propload.rejecting.lines import each_line  # noqa: PLC0415 - needs Polars

    return (text.decode("utf-8-sig").rstrip("\r\n") for text, _ in each_line(path))


def _reasons(rows: Iterable[Line]) -> Iterable[tuple[str, ...]]:
    for row in rows:
        where = f"{row['source']}:{row['row']}"
        for reason in row["reasons"]:
            parts = (reason.get(part) for part in ("stage", "column", "check", "value"))
            texts = ("" if part is None else _shortened(str(part)) for part in parts)
            yield (where, *texts, _shortened(str(reason["message"])))


def _shortened(text: str) -> str:
    """Return a text cut to `SHOWN_CHARACTERS`; --json shows all of it."""
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"
