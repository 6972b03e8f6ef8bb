"""Rows that were rejected by replays from which nobody goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.earlier.begun_replays import replays_of
from propload.rejecting.lines import each_line
from propload.running.choosing import open_database

if TYPE_CHECKING:
    from propload.earlier.reject_source import RejectSource
    from propload.rejecting import RejectStore
    from propload.rejecting.lines import Line
    from propload.running.planning import Plan


def forget_abandoned(
    source: RejectSource, store: RejectStore, plan: Plan, *, loaded_by: str
) -> None:
    """Let go of rows that other replays have rejected, and that are loaded by now.

    A replay that has added nothing may be followed by one that begins anew. What it had
    rejected again came once more to that, which loaded it or keeps it.

    Args:
        source: The rows that are loaded, still in their file.
        store: All rejected rows.
        plan: What held for the replay.
        loaded_by: The replay that has loaded them.

    Raises:
        LockedError: They are being replayed.
        OSError: The disk refuses.
        PropLoadError: The server does not tell of other replays.
    """
    kept = {path.stem for path in store.files.all()} - {source.path.stem, loaded_by}
    if not kept:
        return
    with open_database(plan) as database, database.connect() as session:
        runs = replays_of(source, plan, session)
    for run_id in (run.run_id for run in runs if run.status != "loaded"):
        if run_id in kept:
            with store.alone(run_id):
                _forget(run_id, source, store)


def _forget(run_id: str, source: RejectSource, store: RejectStore) -> None:
    """Let go of the rows of a replay that are among the loaded as well."""
    path = store.files.path(run_id)
    if path.exists():
        there = {_place(line) for _, line in each_line(path)}
        loaded = there.intersection(map(_place, source.lines()))
        store.keep(run_id, lambda line: _place(line) not in loaded)


def _place(line: Line) -> tuple[str, int]:
    return line["source"], line["row"]
