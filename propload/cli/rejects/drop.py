"""`propload rejects drop`: delete refused rows that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from propload.cli.command import YES, command
from propload.cli.flags import Part
from propload.cli.places import find_rejects
from propload.cli.settings import settings_group
from propload.wording import counted

if TYPE_CHECKING:
    from propload.cli.screen import Screen
    from propload.options import Settings

#: No run is the default: this one is for good.
_RUN_NAMED = Part(
    str,
    typer.Argument(metavar="RUN", help="A run's name or its beginning."),
    default=...,
)


def add_to(group: typer.Typer) -> None:
    """Add `drop` to the group."""

    @command(
        group,
        "drop",
        example="propload rejects drop RUN",
        run=_RUN_NAMED,
        yes=YES,
        given=settings_group(["state_dir"]),
    )
    def drop(run: str, yes: bool, given: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
        """Delete a run's refused rows for good."""
        store = find_rejects(given)
        path = store.files.find(run)
        if not yes:
            rows = store.read(path.stem).height
            question = f"Delete {counted(rows, 'refused row')} of run {path.stem}?"
            typer.confirm(question, abort=True, err=True)
        store.drop(path.stem)
        if screen.as_json:
            screen.show_values({"dropped": path.stem})
        else:
            screen.tell(f"deleted {path}")
