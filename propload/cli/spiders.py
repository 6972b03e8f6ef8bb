"""`propload spiders`: the spiders that `propload ingest spider:NAME` can run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from propload.cli.command import command, own_app
from propload.names.spider_names import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.cli.output import Screen
    from propload.sources.spiders import SpiderEntry

app = own_app()


@command(app, "spiders", example="propload spiders")
def spiders(screen: Screen) -> None:
    """List the registered spiders with the arguments that they take."""
    from propload.sources.spiders import list_spiders  # noqa: PLC0415 - heavy

    entries = list_spiders()
    if screen.as_json:
        screen.show_values(
            [{"source": MARK + entry.name, **asdict(entry)} for entry in entries]
        )
    elif entries:
        screen.print_lines(_lines(entries))
    else:
        screen.tell("no spider is registered (entry points propload.spiders)")


def _lines(entries: Iterable[SpiderEntry]) -> Iterable[str]:
    for entry in entries:
        yield f"{MARK}{entry.name}  {entry.summary}"
        for argument in entry.arguments:
            default = f" (default {argument.default})" if argument.default else ""
            yield f"    -a {argument.name}=…  {argument.help}{default}"
