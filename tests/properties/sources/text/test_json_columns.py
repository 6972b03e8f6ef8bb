"""JSON that is parsed as columns gives what decoding each of its rows gives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.errors import SourceError
from propload.options import SourceOptions
from propload.sources.text import chunking, decoding, json_columns
from propload.sources.text.json_rows import read_json
from propload.sources.text.json_text import InvalidRow, decode_value
from propload.values.columns import Columns

#: Rows that settle the columns: a is whole numbers, b numbers, c texts, d booleans, and
#: of e nothing is known, f is lists of whole numbers.
FIRST = [{"a": 1, "b": 0.5, "c": "x", "d": True, "e": None, "f": [1]}]
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "\\u0061"])
#: Values of the right type for any column, and values that are written in odd ways.
PLAIN = {
    "a": st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["0", "-0"]),
    "b": st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
    | st.integers(-(2**60), 2**60).map(str)
    | st.sampled_from(["-0", "-0.0", "0e0", "1E5", "1e400", "0.1234567890123456789"]),
    "c": st.text().map(json.dumps) | st.text(max_size=4).map(json.dumps),
    "d": st.sampled_from(["true", "false"]),
    "e": st.just("null"),
    "f": st.lists(st.sampled_from(["0", "-0", "7", "null", "1e2", "99999999999999999"]))
    .map(", ".join)
    .map("[{}]".format),
}
ODD = st.sampled_from(
    [
        *("null", "1", "1.0", "1e2", '"1"', '"true"', "true", "[]", "[1]", "{}"),
        *(
            '{"a": 1}',
            "NaN",
            "Infinity",
            "-Infinity",
            "",
            "01",
            ".5",
            "1.",
            '"\\ud800"',
        ),
        *('"\t"', '"}"', '"}\\n{"', "nul", '"\\x"', "-", "1 2", "1}{", '{"a": 1}\n,'),
    ]
)


@st.composite
def fields(draw):
    name = draw(NAMES)
    plain = PLAIN.get(name, PLAIN["a"])
    value = draw(plain | plain | st.just("null") | ODD)
    return f'"{name}":{draw(st.sampled_from(["", " "]))}{value}'


@st.composite
def lines_of_json(draw):
    if draw(st.booleans()):
        # a row as programs write it
        values = [f'"{name}": {draw(value)}' for name, value in PLAIN.items()]
    else:
        values = draw(st.lists(fields(), max_size=4))
    return "{" + draw(st.sampled_from([", ", ",\n "])).join(values) + "}"


@pytest.fixture(scope="module", autouse=True)
def _short_texts_in_short_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "_MIN_BYTES", 0)
        # short blocks stay short
        patch.setattr(chunking, "BLOCK_BYTES", 0)
        patch.setattr(decoding, "HEAD_BYTES", 1)
        yield


def decoded(text, end):
    """Return the columns of the decoded lines, or None if one of them is no row."""
    columns = Columns()
    columns.build(FIRST)
    rows = [decode_value(line) for line in text.split(end) if line.strip()]
    if any(isinstance(row, InvalidRow) or row == {} for row in rows):
        return None
    return columns.build(rows)


@settings(max_examples=200)
@given(
    st.lists(lines_of_json(), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_columns_are_those_of_decoded_lines(lines, end, ended):
    text = end.join(lines) + (end if ended else "")
    columns = Columns()
    columns.build(FIRST)
    parsed = json_columns.parse_columns(text.encode(), columns.types)
    if parsed is None:
        return
    expected = decoded(text, "\n")
    assert expected is not None
    assert parsed.schema.equals(expected.schema, check_metadata=True)
    # unlike the equality of arrays, texts distinguish -0.0 from 0.0
    assert repr(parsed.to_pylist()) == repr(expected.to_pylist())


@given(st.integers(1, 9), st.data())
def test_lines_as_programs_write_them_are_parsed(count, data):
    usual = {
        "a": st.integers(-(10**9), 10**9),
        "b": st.floats(-1e9, 1e9, width=32).map(lambda number: round(number, 2)),
        "c": st.text(st.characters(exclude_categories=["Cs"])),
        "d": st.booleans(),
        "f": st.lists(st.integers(-9, 9) | st.none()),
    }
    rows = [
        {name: data.draw(value | st.none()) for name, value in usual.items()}
        for _ in range(count)
    ]
    rows = [{**row, "a": row["a"] or 1, "e": None} for row in rows]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    columns = Columns()
    columns.build(FIRST)
    parsed = json_columns.parse_columns(text.encode(), columns.types)
    assert parsed is not None
    assert parsed.to_pylist() == rows


def alike(value):
    """Return a value without the type that others of its batch may have given it."""
    text = str(value).lower()
    try:
        return repr(float(text))
    except ValueError:
        return text


def read(content, options, block, *, lines):
    """Return the rows of a text, those not read, and the error."""
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    rows, unread, error = [], [], None
    try:
        for batch in read_json(blocks, "x", options, lines=lines):
            rows += batch.rows.to_pylist()
            unread += batch.unread
    except SourceError as caught:
        error = str(caught)
    # a column is null from its first row on
    values = [{n: alike(v) for n, v in row.items() if v is not None} for row in rows]
    return values, unread, error


@settings(max_examples=200)
@given(
    st.lists(lines_of_json(), min_size=4, max_size=12),
    st.sampled_from(["lines", ",", ", ", ",\n", "\n  , "]),
    st.integers(1, 3),
    st.integers(1, 400),
    st.booleans(),
)
def test_texts_are_read_alike_with_and_without_the_parser(
    rows, style, most, block, broken
):
    # the columns are known when the first rows have filled a batch
    first = json.dumps(FIRST[0])
    rows = [first] * most + rows
    text = "\n".join(rows) if style == "lines" else f"[{style.join(rows)}]"
    options = SourceOptions(chunk_rows=most, chunk_bytes=block)
    lines = style == "lines"
    content = text.encode()
    if broken:
        content = content.replace(b"0", b"\xe9", 1)
    parsed = read(content, options, block, lines=lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "_MIN_BYTES", 1 << 60)
        assert parsed == read(content, options, block, lines=lines)
