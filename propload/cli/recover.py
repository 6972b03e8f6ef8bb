"""`propload recover`: load what killed runs left in their journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from propload.cli.command import command
from propload.cli.flags import Part
from propload.cli.ingest import EXIT_CODES, quieted
from propload.cli.settings import settings_group
from propload.cli.table import print_table

if TYPE_CHECKING:
    from propload.cli.screen import Screen
    from propload.options import Settings

_RUN = Part(
    str,
    typer.Argument(
        metavar="[RUN]",
        help="One run only; all that went into the database by default.",
        show_default=False,
    ),
    default="",
)
_LIST = Part(
    bool,
    typer.Option("--list", help="Only list the journals.", show_default=False),
    default=False,
)


def add_to(app: typer.Typer) -> None:
    """Add `recover` to the app."""

    @command(
        app,
        "recover",
        example="propload recover\npropload recover --list",
        run=_RUN,
        only_list=_LIST,
        given=settings_group(),
    )
    def recover(run: str, only_list: bool, given: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
        """Load what killed runs left in their journals: nothing is lost.

        A journal holds rows of sources that cannot be read again: crawls, pipes,
        pushed rows. Settings are those of the run; --to names its database.
        """
        from propload.recovering import recover as load  # noqa: PLC0415 - heavy

        if only_list:
            _list(given, screen)
            return
        reports = load(run, **quieted(given, screen))
        if screen.as_json:
            screen.show_values([report.as_dict() for report in reports])
        elif not reports:
            screen.tell("no journal is left")
        else:
            for report in reports:
                screen.show(report)
        raise typer.Exit(max((EXIT_CODES[one.status] for one in reports), default=0))


def _list(given: Settings, screen: Screen) -> None:
    from propload.recovering import leftovers  # noqa: PLC0415 - heavy

    found = leftovers(**given)
    if screen.as_json:
        values = [
            {**dict(one.about), "run_id": one.run_id, "rows": one.rows} for one in found
        ]
        screen.show_values(values)
        return
    if not found:
        screen.tell("no journal is left")
        return
    columns = ("run", "rows", "table", "database", "source")
    about = ("table", "database", "source")
    lines = [
        (one.run_id, f"{one.rows:,}", *(str(one.about.get(name, "")) for name in about))
        for one in found
    ]
    print_table(screen, columns, lines)
