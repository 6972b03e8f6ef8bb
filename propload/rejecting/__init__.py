"""Rejected rows: NDJSON files with a line for each row, as read, with all reasons.

`writing` appends lines during a run, `store` finds the files of all runs and removes
lines, `lines` defines the format of a line, `reading` and `exporting` make frames of
them with the types that `type_inference` finds, `reason_counts` counts rows by reason.
"""

from __future__ import annotations

from propload.rejecting.reason_counts import ReasonCounts
from propload.rejecting.store import RejectRun, RejectStore
from propload.rejecting.writing import RejectedRows, RejectWriter

__all__ = ["ReasonCounts", "RejectRun", "RejectStore", "RejectWriter", "RejectedRows"]
