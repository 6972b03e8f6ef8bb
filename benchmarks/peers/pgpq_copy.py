"""pgpq encodes Arrow as COPY BINARY, psycopg sends it; then ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgpq

from benchmarks.peers.upsert import copy_and_upsert

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    batches = rows.to_arrow().to_batches(max_chunksize=50_000)
    encoder = pgpq.ArrowToPostgresBinaryEncoder(batches[0].schema)
    with copy_and_upsert(rows.columns, scratch, table, form="binary") as copy:
        copy.write(encoder.write_header())
        for batch in batches:
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())
