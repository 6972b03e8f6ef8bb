from __future__ import annotations

import json

import pytest

from propload.sources.text import chunking


def test_broken_lines_are_rejected_one_by_one(read, write):
    lines = ['{"a": 1}', "nope", "", '{"a": 2}', '{"a":', "7", '{"a": 3} {"a": 4}']
    reading = read(write("a.ndjson", "\n".join(lines)))
    assert reading.rows == [{"a": 1}, {"a": 2}]
    assert reading.numbers == [1, 3]
    assert [(f.row, f.check, f.text) for f in reading.unread] == [
        (2, "json", "nope"),
        (4, "json", '{"a":'),
        (5, "item", "7"),
        (6, "json", '{"a": 3} {"a": 4}'),
    ]
    assert reading.unread[1].message.startswith("line 5: ")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk_bytes", [1, 9, 10, 1 << 20])
def test_line_ends_may_be_carriage_returns(read, write, end, chunk_bytes):
    lines = ['{"a": 1}', '{"a": 2}', "", "nope", '{"a": 3}']
    for last in ("", end):
        path = write("a.ndjson", (end.join(lines) + last).encode())
        reading = read(path, chunk_bytes=chunk_bytes)
        assert reading.rows == [{"a": 1}, {"a": 2}, {"a": 3}]
        assert reading.numbers == [1, 2, 4]
        (fault,) = reading.unread
        assert fault.message.startswith("line 4: ")


@pytest.mark.parametrize("name", ["a.ndjson", "a.json"])
@pytest.mark.parametrize("bad", ["7", '{"a": 1, "a": 2}'])
def test_rejected_values_count_towards_a_full_batch(read, write, name, bad):
    # otherwise all of them would be held in memory until the end
    values = ['{"a": 1}', *[bad] * 99]
    text = "\n".join(values) if name == "a.ndjson" else f"[{','.join(values)}]"
    reading = read(write(name, text), chunk_rows=20)
    assert [batch.height for batch in reading.batches] == [20] * 5
    assert [fault.row for fault in reading.unread] == list(range(2, 101))


def test_undecodable_lines_count_towards_a_full_batch(read, write):
    reading = read(write("a.ndjson", b'{"a": 1}\n' + b'"\xff"\n' * 99), chunk_rows=20)
    assert [batch.height for batch in reading.batches] == [20] * 5


def test_invalid_byte_rejects_its_line(read, write):
    content = b'{"a":"\xc3\xa9\xc3\xa9"}\n{"a":"\xe9"}\n{"a":"x"}\n'
    reading = read(write("a.ndjson", content))
    assert reading.tuples == [("éé",), ("x",)]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "encoding")]


def test_lone_surrogate_rejects_its_line(read, write):
    reading = read(write("a.ndjson", '{"a":"x"}\n{"a":"\\ud800"}\n'))
    assert reading.tuples == [("x",)]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "value")]


@pytest.mark.parametrize(
    "number",
    ["123456789012345678901234567890", "0.1234567890123456789", "1e400", "-1E-999"],
)
def test_long_numbers_keep_their_digits(read, write, number):
    for name, text in (("a.ndjson", '{"a": %s}'), ("a.json", '[{"a": %s}]')):
        (value,) = read(write(name, text % number)).tuples[0]
        assert str(value).lower().replace("+", "") == number.lower().replace("e-", "e-")


def test_ordinary_numbers_are_read_as_numbers(read, write):
    numbers = ["1", "-1.5", "52.370216", f"{4.895168:.17g}", "0.1", "1e5"]
    text = "\n".join(f'{{"a": {number}}}' for number in numbers)
    reading = read(write("a.ndjson", text))
    assert [value for (value,) in reading.tuples] == [float(n) for n in numbers]


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        ('[{"a": 1}, {"a": 2}', 2, "cut short"),
        ('[{"a": 1}, {"a": ', 1, "cut short"),
        ('[{"a": 1}, {"a": "x', 1, "cut short"),
        ('[{"a": 1}, {"a": ?}, {"a": 3}]', 1, "not JSON"),
        ('[{"a": 1}] {"a": 2}', 1, "more after"),
        ("[]", 0, "empty"),
    ],
)
def test_broken_array_yields_the_rows_before_the_error(
    read, write, text, rows, message
):
    reading = read(write("a.json", text))
    assert len(reading.rows) == rows
    assert reading.error is not None
    assert message in str(reading.error)
    assert "a.json" in str(reading.error)
    assert reading.error.row in (rows, None)


def test_nested_values_become_json_texts(read, write):
    path = write("a.json", '[{"a": {"é": [1, null]}, "b": ["x", "y"], "c": [1, "z"]}]')
    row = read(path).rows[0]
    assert json.loads(row["a"]) == {"é": [1, None]}
    assert row["b"] == ["x", "y"]
    assert json.loads(row["c"]) == [1, "z"]


def test_too_long_line_is_rejected_alone(read, write, monkeypatch):
    monkeypatch.setattr(chunking, "MAX_ROW_BYTES", 4000)
    text = '{"a": 1}\n{"a": "%s"}\n{"a": 3}\n' % ("x" * 600_000)
    reading = read(write("a.ndjson", text), chunk_bytes=100)
    assert reading.tuples == [(1,), (3,)]
    assert [(f.row, f.check) for f in reading.unread] == [(2, "too_long")]


def test_too_long_value_ends_an_array_with_an_error(read, write, monkeypatch):
    monkeypatch.setattr("propload.sources.text.json_window.MAX_ROW_BYTES", 4000)
    text = '[{"a": 1}, {"a": "%s"}]' % ("x" * 2_000_000)
    reading = read(write("a.json", text), chunk_bytes=100)
    assert reading.tuples == [(1,)]
    assert "longer than" in str(reading.error)


@pytest.mark.parametrize("name", ["a.ndjson", "a.json"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"a": 1, "a": 2}', "the name 'a' occurs twice in one object"),
        ('{"a": {"b": [{"c": 1, "d": 2, "c": 3}]}}', "the name 'c' occurs twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": [-Infinity]}', "-Infinity is not a JSON number"),
        ('{"a" : 1, "a" : 3}', "the name 'a' occurs twice in one object"),
        ('{"a"\t: 1, "a"\t: 3}', "the name 'a' occurs twice in one object"),
        ('{"a": 1, "b": 500000, "b" :1}', "the name 'b' occurs twice"),
        ('{"a":1,"b":500000,"b"\t:1}', "the name 'b' occurs twice"),
        ('{"a":1,"b":500000,"b"  :1}', "the name 'b' occurs twice"),
        ('{"a\\\\":1,"b":2,"b":3}', "the name 'b' occurs twice"),
        ('{"a\\\\" :1,"b":2,"b":3}', "the name 'b' occurs twice"),
        ('{"a":":","b":2,"b":3}', "the name 'b' occurs twice"),
    ],
)
def test_object_that_would_lose_a_value_is_rejected_alone(
    read, write, name, bad, reason
):
    good = '{"a": 1.5, "b": "NaN \\\\", "c": "\\"a\\": {", "d": {"a": {}}}'
    text = f"{good}\n{bad}\n{good}\n" if "nd" in name else f"[{good},\n{bad},{good}]"
    reading = read(write(name, text))
    assert reading.error is None
    assert [row["a"] for row in reading.rows] == [1.5, 1.5]
    ((number, shown, check, message),) = [
        (one.row, one.text, one.check, one.message) for one in reading.unread
    ]
    assert (number, shown, check) == (2, bad, "json")
    assert reason in message
    assert message.startswith("line 2: " if "nd" in name else "it is not JSON: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1 "b": 2}', "a comma is missing before '\"b\": 2}' (character 9)"),
        ('{"a": }', "a value is missing or not JSON before '}' (character 7)"),
        ('{"a": 1', "a closing } is missing at its end (character 8)"),
        ('{"a": ["}", {"b": 1}', "a closing ] is missing at its end (character 21)"),
        ("{a: 1}", "a name in double quotes is missing before 'a: 1}' (character 2)"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_message_says_where_a_line_is_not_json(read, write, line, message):
    reading = read(write("a.ndjson", f'{{"a": 1}}\n{line}\n'))
    assert [one.message for one in reading.unread] == [
        f"line 2: it is not JSON: {message}"
    ]


def test_message_names_the_type_of_a_value_that_is_no_row(read, write):
    reading = read(write("a.ndjson", '{"a": 1}\n[1]\n"x"\nnull\n{}\n7\n'))
    assert [one.message for one in reading.unread] == [
        "line 2: a list is not a row",
        "line 3: a text is not a row",
        "line 4: null is not a row",
        "line 5: an empty object is not a row",
        "line 6: 7 is not a row",
    ]


def test_message_names_the_line_of_an_empty_object(read, write):
    (fault,) = read(write("a.ndjson", '{"a": 1}\n{}\n{"a": 2}\n')).unread
    assert fault.message == "line 2: an empty object is not a row"


@pytest.mark.parametrize(
    ("value", "shown", "description"),
    [
        ("0.1234567890123456789", "0.1234567890123456789", "0.1234567890123456789"),
        ("[1.1234567890123456789]", "[1.1234567890123456789]", "a list"),
        ('["é", "\\ud800"]', '["é", "\\ud800"]', "a list"),
        ('"\\ud800"', '"\\ud800"', "a text"),
        ("true", "true", "true"),
    ],
)
def test_value_that_is_no_row_is_kept_as_written(
    read, write, value, shown, description
):
    for name, text in (("a.ndjson", '{"a": 1}\n%s\n'), ("a.json", '[{"a": 1}, %s]')):
        reading = read(write(name, text % value))
        (fault,) = reading.unread
        assert (reading.error, len(reading.rows), fault.text) == (None, 1, shown)
        assert fault.message.endswith(f"{description} is not a row")


def test_file_without_any_json_row_is_an_error(read, write):
    reading = read(write("a.ndjson", "id,price\n1,2\n"))
    assert [one.row for one in reading.unread] == [1, 2]
    assert "holds no row of JSON: line 1: it is not JSON: a value is" in str(
        reading.error
    )
    assert "--format" in str(reading.error)
    assert "holds no row" in str(read(write("b.json", "[1, 2]")).error)


@pytest.mark.parametrize(("end", "is_cut"), [("", True), ("\n", False)])
def test_message_says_if_the_last_line_is_truncated(read, write, end, is_cut):
    path = write("a.ndjson", '{"a": 1}\n{"a": \n{"a": 2, "b' + end)
    first, last = read(path).unread
    assert "still being written" not in first.message
    assert ("still being written" in last.message) == is_cut
