"""Rejected rows: files of one NDJSON line a row, as read, with every reason.

`writing` adds lines while a run goes on, `store` finds the files of all runs and takes
lines out again, `lines` knows what stands in a line, `reading` and `exporting` make
frames of them, of types that `type_inference` finds, `reason_counts` counts by reason.
"""

from __future__ import annotations

from propload.rejecting.reason_counts import ReasonCounts
from propload.rejecting.store import RejectRun, RejectStore
from propload.rejecting.writing import RefusedRows, RejectWriter

__all__ = ["ReasonCounts", "RefusedRows", "RejectRun", "RejectStore", "RejectWriter"]
