"""Writes a partly committed batch again if its rows might now go to other lanes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from propload.messages.suggested_commands import Commands
    from propload.postgres.ledger.history import ResumePoint
    from propload.postgres.ledger.run_record import RunRecord
    from propload.postgres.tables.facts import TableFacts

log = logging.getLogger(__name__)


def rewrite_partial_batches(
    point: ResumePoint,
    record: RunRecord,
    facts: TableFacts | None,
    /,
    *,
    commands: Commands,
) -> ResumePoint:
    """Return where a run continues, given what now decides which lane takes a row.

    If that has changed, or may have, the committed pieces of a batch may not hold the
    rows that their lanes would take now. Writing rows again by their key is idempotent,
    so such a batch is written again as a whole and counted again. A replace starts over
    at its first row, as nobody sees yet what it has gathered.

    Args:
        point: Where it had ended.
        record: The run as it is now.
        facts: Its table.
        commands: Words commands that find the files the run has left.

    Raises:
        ConfigError: The run appends rows, so that some might be added twice or not at
            all; or it is a replace whose first rows cannot be read again.
    """
    run, begun = point.run, point.start.partial_batches
    cause = _difference(run, record, facts)
    if cause is None or not begun:
        return point
    first, last = begun[0].first_row + 1, begun[-1].through_row
    clause = (
        f"rows {first:,} to {last:,} of {run.source} are committed in part by run "
        f"{run.run_id}, and {cause.description}"
    )
    if run.mode == "append":
        msg = (
            f"{clause}, so that it is not known which of them are missing: "
            f"{cause.advice}load only what the table lacks"
        )
        raise ConfigError(msg)
    whole = run.mode == "replace"
    if whole and point.dropped_rows:
        msg = (
            f"{clause}, so that all rows would be written again, but the first "
            f"{point.dropped_rows:,} are no longer in the journal: {cause.advice}drop "
            f"what is left ({commands.drop_journal(run.run_id)}) and load the source "
            "again"
        )
        raise ConfigError(msg)
    log.warning(
        "%s: %s written again", clause, "all rows are" if whole else "they are all"
    )
    return point.with_rewrite(whole=whole)


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a row may go to another lane than the one that took it before.

    Attributes:
        description: The cause, as the message gives it.
        advice: What to try before starting a new load, if anything.
    """

    description: str
    advice: str = "continue with the settings and columns of that time first, or "


def _difference(
    run: RunRecord, record: RunRecord, facts: TableFacts | None
) -> _Cause | None:
    """Return why rows may go to other lanes now, or None if they go to the same."""
    match = record.compare_shaping(run)
    if match == "other":
        return _Cause(
            "the settings by which rows are read, mapped or matched have changed since"
        )
    if facts is not None and run.columns not in (None, facts.columns_fingerprint):
        return _Cause(f"the columns of {run.target} have changed since")
    if match == "versions" and run.meaning is not None:
        return _Cause(
            "the mapping or the schema may give other rows with the current versions",
            f"continue with those of that time first ({run.meaning.versions}), or ",
        )
    if match == "unknown":
        return _Cause(
            "whether mapping and schema are still the same cannot be seen in their "
            "Python objects",
            advice="",
        )
    return None
