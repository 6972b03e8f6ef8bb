"""Rejected rows, and lines of their files, for tests of what becomes of them."""

import json

import polars as pl

from propload.batch import AS_OF, NUMBER, REASONS, ROW, SOURCE
from propload.rejecting import RejectedRows
from propload.rejecting.reading import read_rejects


def rejected_rows(rows, *, batch=0, lane=None, values=None):
    """Return rows of a batch that two checks rejected, by their place in it."""
    raw = pl.DataFrame(
        {ROW: rows, SOURCE: ["a.csv"] * len(rows), NUMBER: [r + 1 for r in rows]}
        | {AS_OF: None}
        | (values or {"price": [f"p{r}" for r in rows]}),
        schema_overrides={ROW: pl.UInt32},
    )
    reasons = pl.DataFrame(
        [
            (r, "check", column, "ge", f"p{r}", f"{column} is wrong", None)
            for r in rows
            for column in ("price", "area")
        ],
        schema=REASONS,
        orient="row",
    )
    return RejectedRows(raw, reasons, batch, lane)


def rows_of(store):
    """Return the rejected rows of the newest run."""
    return read_rejects(store.files.find())


def line(values, row=1):
    """Return the line of one rejected row in a file."""
    reason = {"stage": "map", "column": "id", "check": "cast", "message": f"bad {row}"}
    content = {"source": "a.csv", "row": row, "values": values, "reasons": [reason]}
    return json.dumps(content) + "\n"
