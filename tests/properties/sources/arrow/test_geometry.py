"""A place in a source is the same however its batches are cut, then and now."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.options import SourceOptions
from propload.prepare.joining import Joiner, skip_rows
from propload.sources.files.columnar import read_arrow, read_parquet
from propload.sources.text.delimited import read_delimited
from propload.sources.text.json_rows import read_json


class FilledQueue:
    """Batches that are all there already."""

    def __init__(self, batches):
        self._left = iter(batches)

    def get(self, *, timeout=None):
        return next(self._left, None)


def csv_of(kinds):
    lines = [f"{n},{'x' * n}{',more' * bad}" for n, bad in enumerate(kinds)]
    text = "\n".join(["id,text", *lines]) + "\n"
    return lambda options: read_delimited(iter([text.encode()]), "a", options)


def packed_of(kinds):
    lines = [f"{n},{'x' * n}{',more' * bad}" for n, bad in enumerate(kinds)]
    packed = gzip.compress("\n".join(["id,text", *lines]).encode())

    def read(options):
        with gzip.open(io.BytesIO(packed)) as file:
            blocks = iter(lambda: file.read(options.chunk_bytes), b"")
            yield from read_delimited(blocks, "a", options)

    return read


def values_of(kinds):
    return [[n] if bad else {"id": n, "text": "x" * n} for n, bad in enumerate(kinds)]


def lines_of(kinds):
    text = "".join(json.dumps(one) + "\n" for one in values_of(kinds))
    return lambda options: read_json(iter([text.encode()]), "a", options, lines=True)


def json_of(kinds):
    text = json.dumps(values_of(kinds)).encode()
    return lambda options: read_json(iter([text]), "a", options, lines=False)


def table_of(kinds):
    return pa.table({"id": range(len(kinds)), "text": ["x" * n for n in kinds]})


def parquet_of(kinds):
    file = io.BytesIO()
    pq.write_table(table_of(kinds), file, row_group_size=7)
    return lambda options: read_parquet(io.BytesIO(file.getvalue()), "a", options)


def arrow_of(kinds):
    file = io.BytesIO()
    table = table_of(kinds)
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return lambda options: read_arrow(io.BytesIO(file.getvalue()), "a", options)


FORMS = [csv_of, packed_of, lines_of, json_of, parquet_of, arrow_of]
CHUNKS = st.builds(
    lambda rows, nbytes: SourceOptions(
        chunk_rows=rows, chunk_bytes=nbytes, by_clock=False
    ),
    st.integers(1, 20),
    st.integers(10, 400),
)


def numbers(batches):
    """Return the number of each row, with whether it was read, in the run's order."""
    found = []
    for one in batches:
        first = one.first_row
        read = one.row_numbers or range(first, first + one.rows.num_rows)
        unread = [(fault.row, False) for fault in one.unread]
        found += sorted([*((n, True) for n in read), *unread])
    return found


@settings(max_examples=200)
@given(
    form=st.sampled_from(FORMS),
    kinds=st.lists(st.booleans(), min_size=1, max_size=25).filter(
        lambda kinds: not all(kinds)
    ),
    before=CHUNKS,
    now=CHUNKS,
    rows=st.integers(1, 12),
)
def test_a_run_goes_on_where_it_was_whatever_its_source_cuts(
    form, kinds, before, now, rows
):
    read = form(kinds)
    whole = numbers(read(before))
    assert [number for number, _ in whole] == list(range(1, len(kinds) + 1))
    done = []
    for joined in Joiner(FilledQueue(read(before)), lambda: rows, 1.0):
        done += numbers(joined.parts)
        assert joined.through_row == len(done)
        assert done + numbers(skip_rows(read(now), len(done))) == whole
