from __future__ import annotations

import string

import pytest

from propload.errors import ConfigError
from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.text import chunking


def test_empty_field_is_null_and_quoted_empty_field_is_empty_text(read, write):
    path = write("a.csv", 'a,b\n,""\nx,y\n')
    assert read(path).tuples == [(None, ""), ("x", "y")]


def test_last_empty_field_is_null_without_a_final_line_end(read, write):
    assert read(write("a.csv", 'a,b\n"x",')).tuples == [("x", None)]
    assert read(write("b.csv", 'a,b\n"x",""')).tuples == [("x", "")]


@pytest.mark.parametrize("chunk_bytes", [1, 1000])
def test_byte_order_mark_at_the_start_of_a_row_is_kept(read, write, chunk_bytes):
    path = write("a.csv", "a,b\n\ufeffx,1\n\ufeffy,2\n")
    reading = read(path, chunk_bytes=chunk_bytes)
    assert reading.tuples == [("\ufeffx", "1"), ("\ufeffy", "2")]


def test_null_words_apply_to_quoted_fields_too(read, write):
    path = write("a.csv", 'a,b\n-,"n/a"\n"-",ok\n')
    reading = read(path, null_words=("-", "n/a"))
    assert reading.tuples == [(None, None), (None, "ok")]


def test_values_are_read_as_texts(read, write):
    path = write("a.csv", "a,b,c\n007,1e5,12345678901234567890\n")
    assert read(path).tuples == [("007", "1e5", "12345678901234567890")]


def test_file_of_header_alone_has_columns_and_no_rows(read, write):
    reading = read(write("a.csv", "a,b\n"))
    assert reading.names == ["a", "b"]
    assert reading.rows == []
    assert len(reading.batches) == 1


@pytest.mark.parametrize(
    "content", ["", "\n\n", " \r\n", "\ufeff", "sep=;\n", "sep=;\r\n\r\n"]
)
def test_empty_file_is_refused(read, write, content):
    reading = read(write("a.csv", content))
    assert "empty" in str(reading.error)
    assert reading.batches == []


def test_binary_file_is_refused(read, write):
    rubbish = bytes((i * 89 + i // 7) % 256 for i in range(5000))
    reading = read(write("a.csv", rubbish))
    assert "binary" in str(reading.error)


def test_error_names_duplicate_columns(read, write):
    reading = read(write("a.csv", "id,price,id , price\n1,2,3,4\n"))
    assert "'id', 'price'" in str(reading.error)


def test_column_names_are_cleaned_and_missing_ones_generated(read, write):
    reading = read(write("a.csv", '\ufeff id ,"SALE\nPRICE",\n1,2,3\n'))
    assert reading.names == ["id", "SALE PRICE", "column_3"]


def test_thousands_of_columns_are_read(read, write):
    names = [f"c{place}" for place in range(2000)]
    rows = [[str(place * row) for place in range(2000)] for row in range(3)]
    text = "\n".join(",".join(row) for row in [names, *rows])
    reading = read(write("a.csv", text))
    assert reading.names == names
    assert [list(row) for row in reading.tuples] == rows


def test_quote_within_unquoted_field_is_an_ordinary_character(read, write):
    path = write("a.csv", 'a,b\n5" pipe,"x, y"\n6",7"\n"8""",9\n')
    expected = [('5" pipe', "x, y"), ('6"', '7"'), ('8"', "9")]
    assert read(path).tuples == expected


def test_unclosed_quote_rejects_only_its_line(read, write):
    reading = read(write("a.csv", 'a,b\n1,x\n2,"open\n3,y\n4,z\n'))
    assert reading.tuples == [("1", "x"), ("3", "y"), ("4", "z")]
    assert [(f.row, f.check, f.text) for f in reading.unread] == [
        (2, "quotes", '2,"open')
    ]
    assert "line 3: a quoted field is not closed" in reading.unread[0].message
    assert reading.numbers == [1, 3, 4]


def test_message_distinguishes_unclosed_from_misplaced_quotes(read, write):
    reading = read(write("a.csv", 'a,b\n1,"x"y\n2,"open\n3,"two" and "x"\n4,z\n5,"x'))
    assert ["not closed" in one.message for one in reading.unread] == [
        False,
        True,
        False,
        True,
    ]


def test_repeated_header_is_recognized_after_any_line_end(read, write):
    reading = read(write("a.csv", "a,b\n1,x\ra,b\n2\n3,y\n"))
    assert reading.tuples == [("1", "x"), ("3", "y")]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "header"), (3, "ragged")]


def test_row_both_ragged_and_undecodable_is_rejected(read, write):
    # Arrow would print a traceback for such a row that cannot be caught
    content = "a,b\n1,é\n2,è\n".encode() + b"3,\xff,y\n4,z\n"
    reading = read(write("a.csv", content))
    assert reading.tuples == [("1", "é"), ("2", "è"), ("4", "z")]
    assert [(f.row, f.check) for f in reading.unread] == [(3, "encoding")]


def test_message_names_the_line_even_after_multiline_rows(read, write):
    text = 'a,b\n"1\n2",x\n\n1,2,3\n5,6\n"7\n8",9,9\n'
    reading = read(write("a.csv", text))
    assert [(f.row, f.message.split(":")[0]) for f in reading.unread] == [
        (2, "line 5"),
        (4, "line 7"),
    ]
    assert reading.numbers == [1, 3]


def test_row_longer_than_a_chunk_is_read(read, write):
    long = "x" * 5_000_000
    reading = read(write("a.csv", f"a,b\n1,{long}\n2,y\n"), chunk_bytes=1000)
    assert reading.tuples == [("1", long), ("2", "y")]


@pytest.mark.parametrize("opening", ["", '"'])
def test_too_long_row_is_rejected_alone(read, write, monkeypatch, opening):
    monkeypatch.setattr(chunking, "MAX_ROW_BYTES", 4000)
    text = f"a,b\n1,x\n2,{opening}{'y' * 600_000}\n3,z\n"
    reading = read(write("a.csv", text), chunk_bytes=100)
    assert reading.tuples == [("1", "x"), ("3", "z")]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "too_long")]
    assert len(reading.unread[0].text) < 3000


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_unclosed_quote_before_many_rows_rejects_only_its_line(
    read, write, monkeypatch, line_end
):
    monkeypatch.setattr(chunking, "MAX_ROW_BYTES", 4000)
    rows = "".join(f"{place},z\n" for place in range(5_000))
    text = f'a,b\n1,"y\n{rows}'.replace("\n", line_end)
    reading = read(write("a.csv", text), chunk_bytes=100)
    assert len(reading.rows) == 5_000
    assert [(f.row, f.check) for f in reading.unread] == [(1, "quotes")]


def test_carriage_returns_end_lines(read, write):
    reading = read(write("a.csv", "a,b\r1,2\r3,4\r"), chunk_bytes=4)
    assert reading.tuples == [("1", "2"), ("3", "4")]


def test_batches_respect_the_limits_on_rows_and_bytes(read, write):
    rows = "".join(f"{place},{string.ascii_letters}\n" for place in range(1000))
    reading = read(write("a.csv", f"a,b\n{rows}"), chunk_bytes=2000, chunk_rows=25)
    assert max(batch.rows.num_rows for batch in reading.batches) == 25
    assert max(batch.nbytes for batch in reading.batches) <= 4000
    assert reading.numbers == list(range(1, 1001))


@pytest.mark.parametrize("delimiter", ["", "::", "§", '"', "\n"])
def test_invalid_delimiter_is_refused(write, delimiter):
    source = open_source(write("a.csv", "a,b\n"), SourceOptions(delimiter=delimiter))
    if delimiter:
        with pytest.raises(ConfigError, match="delimiter"):
            list(source)
    else:
        assert list(source)


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [
        ("a,b,c\n1,2,3\n4,5", True),
        ('a,b,c\n1,2,3\n4,5,"x', True),
        ("a,b,c\n1,2\n4,5", True),
        ("a,b,c\n1,2,3\n4,5\n", False),
        ("a,b,c\n1,2\n4,5,6", False),
        # its stray quote makes the rows before it be parsed separately
        ('a,b,c\n1,2\n4,5" x,6\n"7"8,9,10\n', False),
        ('a,b,c\n1,2\n4,5" x,6\n"7"8,9,10\n1,2,3', False),
    ],
)
def test_message_says_if_the_last_row_is_truncated(read, write, text, is_cut):
    faults = read(write("a.csv", text)).unread
    assert "still being written" not in "".join(one.message for one in faults[:-1])
    assert ("still being written" in faults[-1].message) == is_cut


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("1,2\n3,4,5\n6,7", 3),
        ("1,2\n\n3,4,5\n6,7", 4),
        ('"1\nx",2\n3,4,5\n6,7', 4),
        ("1,2\r3,4,5\r6,7", 3),
    ],
)
def test_message_names_the_line_of_a_ragged_row(read, write, rows, line, end):
    reading = read(write("a.csv", f"a,b\n{rows}{end}"))
    (fault,) = reading.unread
    assert fault.message.startswith(f"line {line}: 3 fields instead of 2")


@pytest.mark.parametrize("chunk_bytes", [5_000, 8 << 20])
@pytest.mark.parametrize("bad", ["1,2,3", '1,"a"b'], ids=["ragged", "quotes"])
def test_line_numbers_do_not_depend_on_line_ends_or_chunk_size(
    read, write, bad, chunk_bytes
):
    ends = ["\n", "\r", "\r\n", "\r", "\n"] * 4_000
    lines = [
        "a,b",
        *([bad if place % 9 == 4 else "1,2" for place in range(1, 20_000)]),
    ]
    text = "".join(line + end for line, end in zip(lines, ends, strict=True))
    faults = read(write("a.csv", text), chunk_bytes=chunk_bytes).unread
    assert [one.row for one in faults] == [n for n in range(1, 20_000) if n % 9 == 4]
    assert [one.message.split(":")[0] for one in faults] == [
        f"line {one.row + 1}" for one in faults
    ]
