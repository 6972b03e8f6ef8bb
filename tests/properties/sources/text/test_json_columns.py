"""Lines of JSON that are parsed as columns give what decoding each of them gives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propload.sources.text import json_columns
from propload.sources.text.json_text import InvalidRow, decode_value
from propload.values.columns import Columns

#: Rows that settle the columns: a is whole numbers, b numbers, c texts, d booleans, and
#: of e nothing is known.
FIRST = [{"a": 1, "b": 0.5, "c": "x", "d": True, "e": None}]
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "\\u0061"])
#: Values of the right type for any column, and values that are written in odd ways.
PLAIN = {
    "a": st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["0", "-0"]),
    "b": st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
    | st.integers(-(2**60), 2**60).map(str)
    | st.sampled_from(["-0", "-0.0", "0e0", "1E5", "1e400", "0.1234567890123456789"]),
    "c": st.text().map(json.dumps) | st.text(max_size=4).map(json.dumps),
    "d": st.sampled_from(["true", "false"]),
    "e": st.just("null"),
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
    return "{" + ", ".join(values) + "}"


@pytest.fixture(scope="module", autouse=True)
def _short_texts_too():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "_MIN_BYTES", 0)
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
