"""Checks that a partly committed batch comes out as before when prepared again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.batch import ROW
from propload.errors import ConfigError
from propload.messages.wording import counted

if TYPE_CHECKING:
    from propload.batch import PartialBatch
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared


def require_same_pieces(
    begun: PartialBatch, joined: Joined, prepared: Prepared, /
) -> None:
    """Raise if the committed pieces of a batch would now hold another number of rows.

    Raises:
        ConfigError: Rows would be lost, or written twice.
    """
    for lane, before in begun.accounted.items():
        now = _accounted_rows(joined, prepared, lane)
        if now == before:
            continue
        source = joined.parts[0].source
        msg = (
            f"{source}: rows {joined.first_row + 1:,} to {joined.through_row:,} of the "
            f"run were committed in part, but come out differently now (lane {lane} "
            f"had {counted(before, 'row')} and would have {now:,}), so that some would "
            "be lost or written twice: continue with the mapping, the schema and the "
            f"table as they were, or load {source} again"
        )
        raise ConfigError(msg)


def torn_batch_error(begun: PartialBatch, source: str, /) -> ConfigError:
    """Return the error for a partly committed batch that is not read as one again."""
    msg = (
        f"{source}: rows {begun.first_row + 1:,} to {begun.through_row:,} of the run "
        "were committed in part, and are no longer read in one piece, so that some "
        "would be written twice: continue with the version of propload that it began "
        f"with, or load {source} again (in append mode only what the table lacks)"
    )
    return ConfigError(msg)


def _accounted_rows(joined: Joined, prepared: Prepared, lane: int) -> int:
    """Return how many rows a lane accounts for; the first also counts rejected ones."""
    rows = prepared.lanes[lane]
    if lane > 0:
        return rows.height + rows.duplicates
    rejected = prepared.reasons[ROW].n_unique() + joined.unread
    return rows.height + rows.duplicates + rejected
