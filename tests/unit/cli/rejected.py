"""Write files of rejected rows as runs do."""

from __future__ import annotations

import polars as pl

from propload.batch import AS_OF, NUMBER, REASONS, ROW, SOURCE
from propload.rejecting import RejectedRows, RejectWriter

RUNS = ("20260701-aa", "20260702-bb")


def reject_in_two_runs(state_dir):
    """Write the files of two runs that rejected 3 rows and 30 rows."""
    for run_id, rows in zip(RUNS, (3, 30), strict=True):
        raw = pl.DataFrame(
            {
                "id": [f"x\t{n}" for n in range(rows)],
                ROW: range(rows),
                SOURCE: ["a.csv"] * rows,
                NUMBER: range(1, rows + 1),
                AS_OF: None,
            },
            schema_overrides={ROW: pl.UInt32},
        )
        reasons = pl.DataFrame(
            [
                {
                    ROW: n,
                    "stage": "map",
                    "column": "id",
                    "check": "cast",
                    "value": f"x\t{n}",
                    "message": "is not an integer",
                    "sqlstate": None,
                }
                for n in range(rows)
            ],
            schema=REASONS,
        )
        writer = RejectWriter(state_dir / "rejects" / f"{run_id}.ndjson", run_id)
        writer.write(RejectedRows(raw, reasons, batch=0))
        writer.close()


def reject_one_row(state_dir, **values):
    """Write the file of a run that rejected one row with these values."""
    raw = pl.DataFrame({**values, ROW: 0, SOURCE: "a.csv", NUMBER: 1, AS_OF: None})
    reason = {"stage": "map", "column": "row", "message": "is odd"}
    reasons = pl.DataFrame([{ROW: 0, **reason}], schema=REASONS)
    writer = RejectWriter(state_dir / "rejects" / f"{RUNS[0]}.ndjson", RUNS[0])
    writer.write(RejectedRows(raw.cast({ROW: pl.UInt32}), reasons, batch=0))
    writer.close()
