"""No value of any JSON is lost in silence."""

from __future__ import annotations

import json
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.options import SourceOptions
from propload.sources.text.json_columns import ColumnParser
from propload.sources.text.json_paths import RowsPath, rows_at_path
from propload.sources.text.json_rows import _read_values, read_json
from propload.sources.text.json_text import Decoder, InvalidRow
from propload.sources.text.json_window import Window

VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
ROW = st.dictionaries(st.sampled_from("abc"), VALUE, min_size=1)


def as_read(value):
    """Return a value as it may come out: of its own type or as text."""
    if isinstance(value, bool):
        return {value, str(value).lower()}
    text = str(value)
    if isinstance(value, float) and text != "-0.0" and abs(value) <= 2**53:
        # a whole one is the whole number that it may have been
        text = text.removesuffix(".0")
    return {value, text}


@settings(max_examples=60)
@given(
    rows=st.lists(ROW, min_size=1, max_size=10),
    lines=st.booleans(),
    indent=st.sampled_from([None, 1]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    block=st.integers(1, 30),
    chunk_rows=st.integers(1, 5),
)
def test_no_value_is_lost(rows, lines, indent, encoding, block, chunk_rows):
    if lines:
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    else:
        text = json.dumps(rows, ensure_ascii=False, indent=indent)
    content = text.encode(encoding)
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    options = SourceOptions(chunk_rows=chunk_rows, chunk_bytes=block)
    batches = list(read_json(blocks, "x", options, lines=lines))
    found = [row for batch in batches for row in batch.rows.to_pylist()]
    assert len(found) == len(rows)
    for row, read in zip(rows, found, strict=True):
        for name, value in row.items():
            if value is None:
                assert read[name] is None
            else:
                assert read[name] in as_read(value)
        assert all(read[name] is None for name in read.keys() - row.keys())


NESTED = st.recursive(
    st.sampled_from(['":', '" :', "\\", '\\":', "a", 1, None]),
    lambda one: st.lists(one) | st.dictionaries(st.sampled_from(['":', "a", ""]), one),
)
STYLES = st.sampled_from(
    [{}, *({"separators": (",", colon)} for colon in (":", " :", "\t:", "  :", " \n:"))]
)


@given(NESTED, STYLES)
def test_no_good_object_is_taken_for_one_that_loses_a_value(value, style):
    text = json.dumps({"a": value}, **style)
    decoder = Decoder(text)
    for _ in range(2):
        assert decoder.decode(text, 0) == ({"a": value}, len(text))
        assert not decoder.was_lossy(text.encode())


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "\\", '"']), NESTED, STYLES), max_size=4
    )
)
def test_an_object_that_loses_a_value_is_known(fields):
    parts = [
        json.dumps(name)
        + style.get("separators", (",", ":"))[1]
        + json.dumps(value, **style)
        for name, value, style in fields
    ]
    text = f"{{{','.join(parts)}}}"
    decoder = Decoder(text)
    found, _ = decoder.decode(text, 0)
    assert decoder.was_lossy(text.encode()) == (len(found) < len(fields))


TREE = st.recursive(
    st.sampled_from(['"', "[{", "\\", "é", 1, -2.5, None]),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(st.sampled_from(["rows", "a", '"]']), one, max_size=3)
    ),
    max_leaves=20,
)


@given(
    document=st.lists(TREE, max_size=3) | st.dictionaries(st.sampled_from("ab"), TREE),
    rows_at=st.sampled_from(["a", "rows", "a.rows", "a.a.rows", "rows.a"]),
    indent=st.sampled_from([None, 1]),
    block=st.integers(1, 30),
)
def test_rows_lie_in_the_text_where_they_lie_in_its_value(
    document, rows_at, indent, block
):
    content = json.dumps(document, ensure_ascii=False, indent=indent).encode()
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    path, parser = RowsPath(rows_at, rows_at), ColumnParser(dict)
    found = [*chain.from_iterable(_read_values(Window(blocks), path, parser))]
    expected = list(rows_at_path(document, RowsPath(rows_at, rows_at)))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, InvalidRow) and isinstance(one, InvalidRow):
            # the text of what was passed over is as it stands, not written anew
            assert one.message == other.message
        else:
            assert one == other
