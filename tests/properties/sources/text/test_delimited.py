"""Whatever is written as CSV is read back; a bad row costs one row."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.options import SourceOptions
from propload.sources.text.delimited import read_delimited

CELL = st.text(
    st.one_of(
        st.sampled_from('a1 ,;\t|"\n\r.é€'),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"),
    ),
    max_size=6,
)
NAMES = ("id", "name", "price")


def written(rows, *, delimiter, quoting, line_end):
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, quoting=quoting, lineterminator=line_end
    )
    writer.writerow(NAMES)
    writer.writerows(rows)
    return text.getvalue()


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    block=st.integers(1, 40),
    chunk_bytes=st.integers(1, 60),
)
def test_what_the_csv_module_writes_is_read(
    rows, delimiter, quoting, line_end, encoding, block, chunk_bytes
):
    if line_end != "\r\n" and quoting == csv.QUOTE_MINIMAL:
        # the module leaves the other one bare then, and reads it as a line end itself
        other = "\r" if line_end == "\n" else "\n"
        rows = [tuple(cell.replace(other, "") for cell in row) for row in rows]
    text = written(rows, delimiter=delimiter, quoting=quoting, line_end=line_end)
    content = text.encode(encoding)
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    options = SourceOptions(
        delimiter=delimiter, header=True, encoding=encoding, chunk_bytes=chunk_bytes
    )
    batches = list(read_delimited(blocks, "x.csv", options))
    found = [tuple(row.values()) for b in batches for row in b.rows.to_pylist()]
    assert [tuple(value or "" for value in row) for row in found] == rows
    assert all(batch.untyped and not batch.unread for batch in batches)
    assert all(batch.rows.schema.names == list(NAMES) for batch in batches)


@settings(max_examples=40)
@given(
    good=st.lists(st.booleans(), min_size=1, max_size=30),
    fault=st.sampled_from(["ragged", "nul", "encoding", "quotes"]),
    chunk_rows=st.integers(1, 10),
    chunk_bytes=st.integers(20, 200),
)
def test_a_bad_row_costs_one_row_and_keeps_its_number(
    good, fault, chunk_rows, chunk_bytes
):
    bad = {
        "ragged": b"1,2,3\n",
        "nul": b"1,\0\n",
        "encoding": b"1,\xe9\n",
        "quotes": b'1,"a"b\n',
    }[fault]
    content = b'a,b\n"\xc3\xa9\xc3\xa9",header\n' + b"".join(
        f'{place},"x ""{place}"""\n'.encode() if is_good else bad
        for place, is_good in enumerate(good, 2)
    )
    options = SourceOptions(
        chunk_rows=chunk_rows, chunk_bytes=chunk_bytes, encoding="utf-8", header=True
    )
    batches = list(read_delimited(iter([content]), "x.csv", options))
    unread = [fault for batch in batches for fault in batch.unread]
    numbers = [
        number
        for batch in batches
        for number in batch.row_numbers
        or range(batch.first_row, batch.first_row + batch.rows.num_rows)
    ]
    expected = [place for place, is_good in enumerate(good, 2) if is_good]
    assert numbers == [1, *expected]
    assert [row["a"] for b in batches for row in b.rows.to_pylist()][1:] == [
        str(place) for place in expected
    ]
    assert [f.row for f in unread] == [n for n, ok in enumerate(good, 2) if not ok]
    assert {f.check for f in unread} <= {fault}
    assert all(f.message.startswith(f"line {f.row + 1}: ") for f in unread)
    assert all(batch.rows.num_rows <= chunk_rows for batch in batches)
