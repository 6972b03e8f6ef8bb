from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import pytest

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET_TYPE = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
)


class Day(float):
    """A number that is shown as a date."""


@dataclass(frozen=True)
class Error:
    """What a formula gave instead of a value."""

    shown: str


def cell(place, value):
    if value is None:
        return ""
    where = f'r="{place}"'
    if isinstance(value, str):
        text = f'<is><t xml:space="preserve">{value}</t></is>'
        return f'<c {where} t="inlineStr">{text}</c>'
    if isinstance(value, Error):
        return f'<c {where} t="e"><v>{value.shown}</v></c>'
    if isinstance(value, bool):
        return f'<c {where} t="b"><v>{int(value)}</v></c>'
    style = ' s="1"' if isinstance(value, Day) else ""
    return f"<c {where}{style}><v>{float(value)!r}</v></c>"


def sheet(rows):
    lines = (
        f'<row r="{number}">'
        + "".join(cell(f"{chr(65 + at)}{number}", v) for at, v in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return f"<worksheet {MAIN}><sheetData>{''.join(lines)}</sheetData></worksheet>"


def relations(targets):
    links = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


def workbook(**sheets):
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>'
        for n, name in enumerate(sheets, 1)
    )
    targets = {
        f"r{n}": ("worksheet", f"worksheets/sheet{n}.xml")
        for n in range(1, len(sheets) + 1)
    }
    targets["styles"] = ("styles", "styles.xml")
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}"/></Types>',
        "_rels/.rels": relations({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(targets),
        # 14 is the number format of a date
        "xl/styles.xml": f'<styleSheet {MAIN}><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for n, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet(rows)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{text}')
    return file.getvalue()


LISTINGS = [
    ["id", "price", "seen", "sold", None],
    ["007", 350000, Day(45000), True, "-"],
    [None, None, None, None, None],
    ["008", 1.5, Day(45000.5), None, ""],
]


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.zip"])
def test_cells_are_text_and_blank_rows_are_none(read, write, name):
    reading = read(write(name, workbook(Sheet=LISTINGS)), null_words=("-",))
    assert reading.names == ["id", "price", "seen", "sold", "column_5"]
    assert reading.tuples == [
        ("007", "350000", "2023-03-15 00:00:00", "true", None),
        ("008", "1.5", "2023-03-15 12:00:00", None, ""),
    ]
    assert reading.numbers == [1, 2]
    assert all(batch.untyped for batch in reading.batches)


def test_a_sheet_is_chosen_by_name(read, write):
    path = write("a.xlsx", workbook(One=[["a"], ["1"]], Two=[["b"], ["2"]]))
    assert read(path).rows == [{"a": "1"}]
    assert read(path, sheet="Two").rows == [{"b": "2"}]
    assert "it has 'One', 'Two'" in str(read(path, sheet="Three").error)


def test_a_sheet_without_a_header(read, write):
    path = write("a.xlsx", workbook(One=[[1, 2], [3, 4]]))
    assert read(path).rows == [
        {"column_1": "1", "column_2": "2"},
        {"column_1": "3", "column_2": "4"},
    ]


@pytest.mark.parametrize("rows", [[], [[None, None]]])
def test_an_empty_sheet_is_refused(read, write, rows):
    assert "empty" in str(read(write("a.xlsx", workbook(One=rows))).error)


def test_a_header_alone_gives_the_columns(read, write):
    reading = read(write("a.xlsx", workbook(One=[["a", "b"]])))
    assert (reading.names, reading.rows) == (["a", "b"], [])


def test_duplicate_columns_are_named(read, write):
    reading = read(write("a.xlsx", workbook(One=[["a", "a"], ["1", "2"]])))
    assert "'a'" in str(reading.error)


@pytest.mark.parametrize("above", [0, 2])
def test_an_error_of_a_formula_is_its_word(read, write, above):
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
    # as a word for nothing it is one
    assert read(path, null_words=("#N/A",)).tuples[-1] == ("4", None)


def test_a_time_without_a_day_is_one(read, write):
    rows = [["at", "day"], [Day(0.4375), Day(45000.4375)]]
    path = write("a.xlsx", workbook(One=rows))
    assert read(path).tuples == [("10:30:00", "2023-03-15 10:30:00")]


@pytest.mark.parametrize("cut", [0, 100])
def test_what_is_no_workbook_is_refused(read, write, cut):
    content = workbook(One=[["a"], ["1"]])[:-cut] if cut else b"id,price\n1,2\n"
    reading = read(write("a.xlsx", content))
    assert reading.error is not None
    assert "a.xlsx" in str(reading.error)
