"""The report of the demo, as a value, as text and as JSON."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from propload.messages.suggested_commands import Commands
from propload_spiders.demo.comparing import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.report import Report
    from propload_spiders.demo.comparing import ChangeCounts, PriceChange

_NAME = "propload"
#: Price changes shown in the text; the JSON has all.
_SHOWN = 5
#: A width that fits the names of all crawls, so that the tables of both days line up.
_NAME_WIDTH = 20
_COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl of the demo.

    Attributes:
        name: What it crawled.
        pages: The number of pages requested.
        report: The report of the load.
    """

    name: str
    pages: int
    report: Report


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the demo: its number from 1, and its crawls."""

    number: int
    crawls: tuple[Crawl, ...]

    def table(self) -> str:
        """Return the day's crawls as a table, one per line."""
        head = (f"Day {self.number}".ljust(_NAME_WIDTH), "pages", *_COUNTS, "seconds")
        lines = [
            (
                each.name,
                f"{each.pages:,}",
                *(f"{getattr(each.report.counts, name):,}" for name in _COUNTS),
                f"{each.report.seconds:.1f}",
            )
            for each in self.crawls
        ]
        return "\n".join(_columns([head, *lines])) + "\n"


@dataclass(frozen=True, slots=True)
class TourReport:
    """The report of the demo.

    Attributes:
        database: The name of the database, without secrets.
        is_embedded: Whether it is the embedded database.
        days: The days with their crawls.
        changes: How many listings changed from the first day to the last.
        price_changes: The listings whose price changed, largest change first.
        seconds: The duration of the whole demo.
        commands: The wording of commands that show the reports and open the database.
    """

    database: str
    is_embedded: bool
    days: tuple[Day, ...]
    changes: ChangeCounts
    price_changes: tuple[PriceChange, ...]
    seconds: float
    commands: Commands = field(default=Commands())

    def __str__(self) -> str:
        """Return text that says what changed, and where to look further."""
        changes = self.changes
        changed = (
            f"What changed: {changes.new:,} new, {changes.sold:,} sold, "
            f"{changes.withdrawn:,} withdrawn, {changes.price_changed:,} at another "
            "price, such as:"
        )
        table = TABLE.rpartition(".")[2]
        stored = (
            f"{changes.stored:,} listings are in the table {table} of "
            f"{self.database}; {self.seconds:.0f} s in all."
        )
        further = ["Look further:", *(f"  {line}" for line in self._next())]
        return "\n".join([changed, *self._prices(), "", stored, "", *further])

    def to_json(self) -> str:
        """Return the whole report as one JSON object."""
        days = [
            {
                "day": day.number,
                "crawls": [
                    {
                        "name": each.name,
                        "pages": each.pages,
                        "report": each.report.as_dict(),
                    }
                    for each in day.crawls
                ],
            }
            for day in self.days
        ]
        values = {
            "database": self.database,
            "table": TABLE,
            "seconds": round(self.seconds, 3),
            "days": days,
            "changes": asdict(self.changes),
            "price_changes": [asdict(each) for each in self.price_changes],
        }
        return json.dumps(values, ensure_ascii=False, indent=2)

    def _prices(self) -> Iterator[str]:
        rows = [
            (
                f"  {each.address}, {each.city}",
                f"€ {each.before:>9,}",
                f"→ € {each.now:>9,}",
                f"{each.now / each.before - 1:+.1%}",
            )
            for each in self.price_changes[:_SHOWN]
        ]
        return _columns(rows)

    def _next(self) -> Iterator[str]:
        commands = replace(self.commands, program=_program())
        own = f"{commands.open_psql()} --"
        psql = own if self.is_embedded else "psql YOUR_DATABASE"
        query = "SELECT city, count(*), avg(list_price)::int FROM demo_listings"
        yield f'{psql} -c "{query} GROUP BY 1 ORDER BY 2 DESC"'
        others = {
            commands.list_runs(): "the reports of all runs",
            f"{commands.program} spiders": "the spiders and their arguments",
            "notebooks/02_crawl.ipynb": "the same, step by step",
        }
        width = max(map(len, others))
        for place, meaning in others.items():
            yield f"{place:<{width}}  {meaning}"


def _program() -> str:
    """Return how to call the program: by its name, or by its path if necessary."""
    called = sys.argv[0]
    is_found = Path(called).name != _NAME or shutil.which(_NAME) is not None
    return _NAME if is_found else called


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines, with the first column left-aligned, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = map(str.rjust, others, widths[1:])
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()
