"""`propload rejects list`: the runs that rejected rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from propload.cli.command import command, own_app
from propload.cli.run_arguments import MOST_RUNS, places
from propload.cli.settings import settings_group
from propload.cli.table import print_table

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.earlier_runs.newest_rejects import Replay
    from propload.options import Settings
    from propload.rejecting.store import RejectRun

app = own_app()


@command(
    app,
    "list",
    example="propload rejects list",
    limit=MOST_RUNS,
    settings=settings_group(["state_dir"]),
)
def list_runs(limit: int, settings: Settings, screen: Screen) -> None:
    """List the runs that rejected rows, newest first."""
    from propload.earlier_runs.newest_rejects import (  # noqa: PLC0415 - needs Polars
        NewestRejects,
    )
    from propload.rejecting import RejectStore  # noqa: PLC0415 - needs Polars

    where = places(settings)
    # one more than is shown, to know whether there are others
    found = RejectStore(where.rejects).runs(limit and limit + 1)
    runs = found[: limit or None]
    newest = NewestRejects(where)
    replays = [newest.replay(run.run_id) for run in runs]
    if screen.as_json:
        screen.show_values(list(map(_values, runs, replays)))
        return
    if not runs:
        screen.tell("no run has rejected rows")
        return
    print_table(screen, *_table(runs, replays))
    if len(found) > len(runs):
        screen.tell("earlier runs have rejected rows as well; --limit 0 lists all")


def _values(run: RejectRun, replay: Replay | None) -> dict[str, object]:
    replay_values = asdict(replay) if replay else None
    return {**asdict(run), "path": str(run.path), "replay": replay_values}


def _table(
    runs: list[RejectRun], replays: list[Replay | None]
) -> tuple[tuple[str, ...], list[tuple[str | int, ...]]]:
    """Return headings and lines; with a column "replay of" if any run is a replay."""
    replay_texts = (
        [(_replay_text(replay),) for replay in replays]
        if any(replays)
        else [()] * len(runs)
    )
    heading = ("replay of",) if any(replays) else ()
    lines: list[tuple[str | int, ...]] = [
        (r.run_id, r.rows, r.source, r.time, *which, r.reason)
        for r, which in zip(runs, replay_texts, strict=True)
    ]
    return ("run", "rows", "source", "time", *heading, "first reason"), lines


def _replay_text(replay: Replay | None) -> str:
    if replay is None:
        return ""
    return replay.replayed if replay.has_ended else f"{replay.replayed}, not ended"
