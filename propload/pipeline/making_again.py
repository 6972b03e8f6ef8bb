"""A batch that is committed in part is made again: it has to come out as it did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from propload.batch import ROW
from propload.errors import ConfigError
from propload.wording import counted

if TYPE_CHECKING:
    from propload.batch import Begun
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Prepared

log = logging.getLogger(__name__)


def written_again(
    point: ResumePoint, record: RunRecord, facts: TableFacts | None, /
) -> ResumePoint:
    """Return where a run goes on by what decides now which lane takes a row.

    Where that is not what it was, the committed pieces of a batch would hold other
    rows. To write rows by their key again changes nothing, so such a batch is written
    again as a whole, and what was counted of it is counted anew. What a replace has
    gathered is in nobody's sight: it begins at its first row.

    Args:
        point: Where it had ended.
        record: The run as it is now.
        facts: Its table.

    Raises:
        ConfigError: It adds rows, so that some would be added twice, or none; or its
            first rows cannot be read again.
    """
    run = point.run
    cause = _difference(run, record, facts)
    if cause is None or not point.begun:
        return point
    first, last = point.begun[0].first_row + 1, point.begun[-1].through_row
    told = (
        f"rows {first:,} to {last:,} of {run.source} are committed in part by run "
        f"{run.run_id}, and {cause} since"
    )
    if run.mode == "append":
        msg = (
            f"{told}, so that nobody knows which of them are missing: go on with the "
            "settings and columns of that time first, or load only what the table lacks"
        )
        raise ConfigError(msg)
    whole = run.mode == "replace"
    if whole and point.gone:
        msg = (
            f"{told}, so that all rows would be written again, but the first "
            f"{point.gone:,} are no longer in the journal: go on with the settings and "
            f"columns of that time, or drop what is left (propload recover --drop "
            f"{run.run_id}) and load the source anew"
        )
        raise ConfigError(msg)
    log.warning(
        "%s: %s written again", told, "all rows are" if whole else "they are all"
    )
    return point.again(whole=whole)


def _difference(
    run: RunRecord, record: RunRecord, facts: TableFacts | None
) -> str | None:
    """Return what decides otherwise now which lane takes a row, or None."""
    if run.shaping not in (None, record.shaping):
        return "the settings by which rows are read, mapped or matched have changed"
    if facts is not None and run.columns not in (None, facts.columns_mark):
        return f"the columns of {run.target} have changed"
    return None


def require_same(begun: Begun, joined: Joined, prepared: Prepared, /) -> None:
    """Refuse a batch whose committed pieces would hold other rows now.

    Args:
        begun: What is committed of it.
        joined: Its rows as read again.
        prepared: What was made of them now.

    Raises:
        ConfigError: Rows would be lost, or written twice.
    """
    for lane, before in begun.accounted.items():
        now = _accounted(joined, prepared, lane)
        if now == before:
            continue
        source = joined.parts[0].source
        msg = (
            f"{source}: rows {joined.first_row + 1:,} to {joined.through_row:,} of the "
            f"run are committed in part, and come out otherwise now (lane {lane} had "
            f"{counted(before, 'row')} and would have {now:,}), so that some would be "
            "lost or written twice: go on with the mapping, the schema and the table "
            f"as they were, or load {source} anew"
        )
        raise ConfigError(msg)


def _accounted(joined: Joined, prepared: Prepared, lane: int) -> int:
    """Return the rows that a lane accounts for: the first one for refused ones too."""
    rows = prepared.lanes[lane]
    if lane > 0:
        return rows.height + rows.duplicates
    refused = prepared.reasons[ROW].n_unique() + joined.unread
    return rows.height + rows.duplicates + refused
