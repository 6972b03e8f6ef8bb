from __future__ import annotations

import io
import zipfile
from string import ascii_uppercase

import pytest

from propload.options import SourceOptions
from propload.prepare.joining import Joined
from propload.sources import open_source
from propload.sources.files import sheet_text
from tests.unit.sources.workbooks import Day, Error, Span, workbook

LISTINGS = [
    ["id", "price", "seen", "sold", None],
    ["007", 350000, Day(45000), True, "-"],
    [None, None, None, None, None],
    ["008", 1.5, Day(45000.5), None, ""],
]


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.zip"])
def test_cells_are_read_as_text_and_blank_rows_skipped(read, write, name):
    reading = read(write(name, workbook(Sheet=LISTINGS)), null_words=("-",))
    assert reading.names == ["id", "price", "seen", "sold", "column_5"]
    assert reading.tuples == [
        ("007", "350000", "2023-03-15 00:00:00", "true", None),
        ("008", "1.5", "2023-03-15 12:00:00", None, ""),
    ]
    assert reading.numbers == [1, 2]
    assert all(batch.untyped for batch in reading.batches)


def test_sheet_is_chosen_by_name(read, write):
    path = write("a.xlsx", workbook(One=[["a"], ["1"]], Two=[["b"], ["2"]]))
    assert read(path).rows == [{"a": "1"}]
    assert read(path, sheet="Two").rows == [{"b": "2"}]
    assert "it has 'One', 'Two'" in str(read(path, sheet="Three").error)


@pytest.mark.parametrize(
    ("sheets", "sheet", "noted"),
    [
        (("One", "Two"), None, True),
        (("One", "Two"), "One", False),
        (("A",), None, False),
    ],
)
def test_note_names_the_sheet_read_if_none_was_chosen(write, sheets, sheet, noted):
    path = write("a.xlsx", workbook(**{name: [["a"], ["x"]] for name in sheets}))
    source = open_source(path, SourceOptions(sheet=sheet))
    list(source)
    assert bool(source.notes) == noted
    for note in source.notes:
        assert "a.xlsx has 2 sheets: the first, 'One', was read" in note
        assert "('Two'), use --sheet NAME" in note


def test_sheet_without_header_gets_numbered_columns(read, write):
    path = write("a.xlsx", workbook(One=[[1, 2], [3, 4]]))
    assert read(path).rows == [
        {"column_1": "1", "column_2": "2"},
        {"column_1": "3", "column_2": "4"},
    ]


@pytest.mark.parametrize("rows", [[], [[None, None]]])
def test_empty_sheet_is_refused(read, write, rows):
    assert "empty" in str(read(write("a.xlsx", workbook(One=rows))).error)


def test_error_for_empty_first_sheet_names_the_others(read, write):
    error = str(read(write("a.xlsx", workbook(Plot=[], Data=[["a"], [1]]))).error)
    assert "has no rows. " in error
    assert error.endswith("another one ('Data'), use --sheet NAME (sheet = NAME)")


@pytest.mark.parametrize(
    ("cells", "count"),
    [
        ('<c r="A3"><f>A2+1</f><v /></c>', 1),
        ('<c r="A3"><f>A2+1</f><v></v></c><c r="B3" s="1"><f>A2</f></c>', 2),
        ('<c r="A3"><f t="shared" si="0"/><v/></c>', 1),
        ('<c r="A3"><f>A2+1</f><v>3</v></c>', 0),
        # the stored value of a formula may be an empty text
        ('<c r="A3" t="str"><f>IF(A2,"","")</f><v></v></c>', 0),
        ('<c r="A3" s="1"/><c r="B3"><v>1</v></c>', 0),
    ],
)
@pytest.mark.parametrize("sheet", ["One", "Two"])
def test_note_counts_formulas_without_a_stored_value(write, cells, count, sheet):
    rows = [["a"], [2], ["HERE"]]
    other = [["a"], ["x"]]
    content = workbook(**{"One": other, "Two": other, sheet: rows})
    here = '<c r="A3" t="inlineStr"><is><t xml:space="preserve">HERE</t></is></c>'
    path = write("a.xlsx", replace_in_workbook(content, here, cells))
    source = open_source(path, SourceOptions(sheet=sheet))
    list(source)
    matching = [note for note in source.notes if "without a value" in note]
    assert [note.split(" of ")[0] for note in matching] == (
        [f"{count} formula{'s' * (count > 1)}"] if count else []
    )


def test_formulas_across_block_boundaries_are_counted_once(write, monkeypatch):
    rows = [["a"], *([["HERE"]] * 300)]
    text = ' t="inlineStr"><is><t xml:space="preserve">HERE</t></is></c>'
    content = replace_in_workbook(workbook(One=rows), text, "><f>1+1</f><v/></c>")
    for size in (7, 64, 1000):
        monkeypatch.setattr(sheet_text, "_BLOCK", size)
        assert sheet_text.scan_sheet_xml(content, 0) == (300, 301, "")
        assert sheet_text.scan_sheet_xml(content, 1) == (0, 0, "")


@pytest.mark.parametrize(
    ("cell", "refused"),
    [
        ("XFD1048576", True),
        ("ABC1048576", True),
        ("ZZ1048576", True),
        ("IX1048576", True),
        ("XFD3", False),
        ("ZZ3", False),
        ("A1048576", False),
    ],
)
def test_far_cell_is_refused_if_the_sheet_would_take_too_much_memory(
    read, write, cell, refused
):
    row = f'<row r="{cell.lstrip(ascii_uppercase)}"><c r="{cell}"><v>9</v></c></row>'
    content = replace_in_workbook(
        workbook(One=[["a"], ["x"]]), "</sheetData>", f"{row}</sheetData>"
    )
    reading = read(write("a.xlsx", content))
    if refused:
        assert f"its sheet reaches to {cell}, and is read as" in str(reading.error)
    else:
        assert reading.error is None
        assert reading.rows[-1][reading.names[-1]] == "9"


def replace_in_workbook(content, old, new):
    """Return a copy of a workbook with `old` replaced by `new` in its files."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as original,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in original.namelist():
            text = original.read(name).decode()
            copy.writestr(name, text.replace(old, new))
    return output.getvalue()


def test_sheet_of_header_alone_has_columns_and_no_rows(read, write):
    reading = read(write("a.xlsx", workbook(One=[["a", "b"]])))
    assert (reading.names, reading.rows) == (["a", "b"], [])


def test_error_names_duplicate_column(read, write):
    reading = read(write("a.xlsx", workbook(One=[["a", "a"], ["1", "2"]])))
    assert "'a'" in str(reading.error)


@pytest.mark.parametrize("above", [0, 2])
def test_formula_error_is_read_as_its_text(read, write, above):
    rows = [
        *[[None, None]] * above,
        ["id", "price"],
        [1, 5],
        [2, Error("#DIV/0!")],
        [None, None],
        [3, None],
        [4, Error("#N/A")],
    ]
    path = write("a.xlsx", workbook(One=rows))
    first, *middle, last = read(path).tuples
    assert first == ("1", "5")
    assert middle == [("2", "#DIV/0!"), ("3", None)]
    assert last == ("4", "#N/A")
    # unless it is a null word
    assert read(path, null_words=("#N/A",)).tuples[-1] == ("4", None)


def test_time_without_date_is_read_as_time(read, write):
    rows = [["at", "day"], [Day(0.4375), Day(45000.4375)]]
    path = write("a.xlsx", workbook(One=rows))
    assert read(path).tuples == [("10:30:00", "2023-03-15 10:30:00")]


@pytest.mark.parametrize("cut", [0, 100])
def test_file_that_is_no_workbook_is_refused(read, write, cut):
    content = workbook(One=[["a"], ["1"]])[:-cut] if cut else b"id,price\n1,2\n"
    reading = read(write("a.xlsx", content))
    assert reading.error is not None
    assert "a.xlsx" in str(reading.error)
    assert "\n" not in str(reading.error)


def test_duration_is_not_read_as_date_of_1900(read, write):
    rows = [
        ["open", "mixed", "both", "seen"],
        [Span(1.0625), Span(3.5), Span(0.25), Day(45000.5)],
        [Span(-1.5), "closed", Day(0.5), Day(45000)],
        [None, None, Span(1 / 3), None],
        [Span(2000), Span(1 / 86_400_000), None, Day(1)],
    ]
    reading = read(write("a.xlsx", workbook(One=rows)))
    assert reading.tuples == [
        ("25:30:00", "84:00:00", "06:00:00", "2023-03-15 12:00:00"),
        ("-36:00:00", "closed", "12:00:00", "2023-03-15 00:00:00"),
        (None, None, "08:00:00", None),
        ("48000:00:00", "00:00:00.001", None, "1900-01-01 00:00:00"),
    ]
    # a duration may be as long as an age
    long = workbook(One=[["age"], [Span(40_000)]])
    assert read(write("b.xlsx", long)).tuples == [("960000:00:00",)]
    # columns of durations alone become intervals in a new table
    assert reading.batches[0].created_as == {"open": "interval", "both": "interval"}


def test_numbers_are_not_rounded_and_texts_are_unchanged(read, write):
    numbers = [52.37021571234567, 1.2345e-10, 4e-12, 1 / 3, 123456789.1234568, 1e300]
    others = [1, -2.5, 2**53 - 1, 1.1000000001, 1.0000000001, 12345678901234567]
    texts = ["45.500", "007", "1e5", "12345678901234567168", "0.10", "1" * 30]
    rows = [["a", "b"], *zip(numbers + others, texts * 2, strict=True)]
    reading = read(write("a.xlsx", workbook(One=rows)))
    read_numbers, read_texts = zip(*reading.tuples, strict=True)
    assert [float(text) for text in read_numbers] == [*map(float, numbers + others)]
    assert not any(text.endswith(".0") or len(text) > 20 for text in read_numbers)
    assert read_texts == (*texts, *texts)


def test_numbers_are_told_apart_from_texts(read, write):
    rows = [
        ["a", "b"],
        [12.125, "45.500"],
        ["45.500", "12.125"],
        ["45 m²", True],
        [Day(45000), Error("#N/A")],
    ]
    (batch,) = read(write("a.xlsx", workbook(One=rows))).batches
    found = Joined(0, (batch,), 0).numbers()
    assert {name: texts.to_list() for name, texts in found.items()} == {"a": ["12.125"]}


def test_number_column_is_read_beside_columns_of_mixed_types(read, write):
    rows = [["id", "open", "b"], [1.5, Span(1.0625), True], [2, Day(45000), "x"]]
    assert read(write("a.xlsx", workbook(One=rows))).tuples == [
        ("1.5", "25:30:00", "true"),
        ("2", "2023-03-15 00:00:00", "x"),
    ]


@pytest.mark.parametrize("right", [1, 3])
@pytest.mark.parametrize("down", [0, 2])
def test_table_may_begin_in_any_cell(read, write, right, down):
    rows = [
        ["id", "price", "open"],
        [1, 1.0000000001, Span(1.0625)],
        [2, "007", Error("#N/A")],
    ]
    moved = [*[[]] * down, *([*[None] * right, *row] for row in rows)]
    assert read(write("a.xlsx", workbook(One=moved))).tuples == [
        ("1", "1.0000000001", "25:30:00"),
        ("2", "007", "#N/A"),
    ]
