"""Batches of numbered rows."""

import pyarrow as pa

from propload.batch import Batch


def batch(first, count, **keywords):
    rows = pa.RecordBatch.from_pylist(
        [{"id": n, "text": f"row {n}"} for n in range(first, first + count)],
        schema=pa.schema({"id": pa.int64(), "text": pa.string()}),
    )
    return Batch(rows, "spider", first + 1, **keywords)


def ids(batches):
    return [n for one in batches for n in one.rows["id"].to_pylist()]
