"""`propload check`: say what a load would do, without writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.cli.command import command
from propload.cli.flags import settings_group
from propload.cli.ingest import JOB, SOURCES, quieted, source_of

if TYPE_CHECKING:
    import typer

    from propload.cli.screen import Screen
    from propload.options import Settings

EXAMPLE = """
propload check listings.csv --table listings --key listing_id
propload check listings.csv --schema listing --mapping funda --json
"""


def add_to(app: typer.Typer) -> None:
    """Add `check` to the app."""

    @command(
        app,
        "check",
        example=EXAMPLE,
        sources=SOURCES,
        given=settings_group(),
        job=JOB,
    )
    def check(
        sources: list[str] | None, job: str | None, given: Settings, screen: Screen
    ) -> None:
        """Say what ingest would do, without writing: columns, types, refused rows."""
        from propload.ingesting import check as look  # noqa: PLC0415 - heavy

        screen.show(look(source_of(sources, job), job=job, **quieted(given, screen)))
