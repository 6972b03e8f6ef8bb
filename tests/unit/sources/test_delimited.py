from __future__ import annotations

import csv
import io
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.sources import chunking, open_source
from propload.sources.delimited import read_delimited

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


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    block=st.integers(1, 40),
    chunk_bytes=st.integers(1, 60),
)
def test_what_the_csv_module_writes_is_read(
    rows, delimiter, quoting, line_end, encoding, block, chunk_bytes
):
    if line_end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # the module leaves a return bare then, and reads it as a line end itself
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
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


@settings(max_examples=40, deadline=None)
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


def test_an_empty_field_is_null_and_a_quoted_one_is_empty(read, write):
    path = write("a.csv", 'a,b\n,""\nx,y\n')
    assert read(path).tuples == [(None, ""), ("x", "y")]


def test_words_for_null_count_quoted_or_not(read, write):
    path = write("a.csv", 'a,b\n-,"n/a"\n"-",ok\n')
    reading = read(path, null_words=("-", "n/a"))
    assert reading.tuples == [(None, None), (None, "ok")]


def test_nothing_is_cast(read, write):
    path = write("a.csv", "a,b,c\n007,1e5,12345678901234567890\n")
    assert read(path).tuples == [("007", "1e5", "12345678901234567890")]


def test_a_header_alone_gives_the_columns(read, write):
    reading = read(write("a.csv", "a,b\n"))
    assert reading.names == ["a", "b"]
    assert reading.rows == []
    assert len(reading.batches) == 1


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n", "\ufeff"])
def test_an_empty_file_is_refused(read, write, content):
    reading = read(write("a.csv", content))
    assert "empty" in str(reading.error)
    assert reading.batches == []


def test_binary_rubbish_is_refused(read, write):
    rubbish = bytes((i * 89 + i // 7) % 256 for i in range(5000))
    reading = read(write("a.csv", rubbish))
    assert "binary" in str(reading.error)


def test_duplicate_columns_are_named(read, write):
    reading = read(write("a.csv", "id,price,id , price\n1,2,3,4\n"))
    assert "'id', 'price'" in str(reading.error)


def test_names_are_cleaned_and_given(read, write):
    reading = read(write("a.csv", '\ufeff id ,"SALE\nPRICE",\n1,2,3\n'))
    assert reading.names == ["id", "SALE PRICE", "column_3"]


def test_thousands_of_columns(read, write):
    names = [f"c{place}" for place in range(2000)]
    rows = [[str(place * row) for place in range(2000)] for row in range(3)]
    text = "\n".join(",".join(row) for row in [names, *rows])
    reading = read(write("a.csv", text))
    assert reading.names == names
    assert [list(row) for row in reading.tuples] == rows


def test_a_quote_within_an_unquoted_field_is_a_letter(read, write):
    path = write("a.csv", 'a,b\n5" pipe,"x, y"\n6",7"\n"8""",9\n')
    expected = [('5" pipe', "x, y"), ('6"', '7"'), ('8"', "9")]
    assert read(path).tuples == expected


def test_an_open_quote_costs_its_line_only(read, write):
    reading = read(write("a.csv", 'a,b\n1,x\n2,"open\n3,y\n4,z\n'))
    assert reading.tuples == [("1", "x"), ("3", "y"), ("4", "z")]
    assert [(f.row, f.check, f.text) for f in reading.unread] == [
        (2, "quotes", '2,"open')
    ]
    assert reading.numbers == [1, 3, 4]


def test_lines_are_told_where_rows_span_several(read, write):
    text = 'a,b\n"1\n2",x\n\n1,2,3\n5,6\n"7\n8",9,9\n'
    reading = read(write("a.csv", text))
    assert [(f.row, f.message.split(":")[0]) for f in reading.unread] == [
        (2, "line 5"),
        (4, "line 7"),
    ]
    assert reading.numbers == [1, 3]


def test_a_long_row_loads(read, write):
    long = "x" * 5_000_000
    reading = read(write("a.csv", f"a,b\n1,{long}\n2,y\n"), chunk_bytes=1000)
    assert reading.tuples == [("1", long), ("2", "y")]


@pytest.mark.parametrize("opening", ["", '"'])
def test_a_row_too_long_is_refused_alone(read, write, monkeypatch, opening):
    monkeypatch.setattr(chunking, "MAX_ROW_BYTES", 4000)
    text = f"a,b\n1,x\n2,{opening}{'y' * 600_000}\n3,z\n"
    reading = read(write("a.csv", text), chunk_bytes=100)
    assert reading.tuples == [("1", "x"), ("3", "z")]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "too_long")]
    assert len(reading.unread[0].text) < 3000


def test_an_open_quote_over_everything_costs_its_line_only(read, write, monkeypatch):
    monkeypatch.setattr(chunking, "MAX_ROW_BYTES", 4000)
    rows = "".join(f"{place},z\n" for place in range(20_000))
    reading = read(write("a.csv", f'a,b\n1,"y\n{rows}'), chunk_bytes=100)
    assert len(reading.rows) == 20_000
    assert [(f.row, f.check) for f in reading.unread] == [(1, "quotes")]


def test_old_line_ends(read, write):
    reading = read(write("a.csv", "a,b\r1,2\r3,4\r"), chunk_bytes=4)
    assert reading.tuples == [("1", "2"), ("3", "4")]


def test_batches_keep_to_the_limits(read, write):
    rows = "".join(f"{place},{string.ascii_letters}\n" for place in range(1000))
    reading = read(write("a.csv", f"a,b\n{rows}"), chunk_bytes=2000, chunk_rows=25)
    assert {batch.rows.num_rows <= 25 for batch in reading.batches} == {True}
    assert max(batch.nbytes for batch in reading.batches) <= 4000
    assert reading.numbers == list(range(1, 1001))


@pytest.mark.parametrize("delimiter", ["", "::", "§", '"', "\n"])
def test_an_impossible_delimiter_is_refused(write, delimiter):
    source = open_source(write("a.csv", "a,b\n"), SourceOptions(delimiter=delimiter))
    if delimiter:
        with pytest.raises(ConfigError, match="delimiter"):
            list(source)
    else:
        assert list(source)
