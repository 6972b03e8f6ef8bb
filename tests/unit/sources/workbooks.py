"""Write xlsx workbooks by hand, so that the tests need no library for it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET_TYPE = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
)


class Day(float):
    """A number of days, formatted as a date."""

    style = 1


class Span(float):
    """A number of days, formatted as hours, minutes and seconds."""

    style = 2


@dataclass(frozen=True)
class Error:
    """The error that a formula returned instead of a value."""

    shown: str


def cell(coordinates, value):
    if value is None:
        return ""
    reference = f'r="{coordinates}"'
    if isinstance(value, str):
        text = f'<is><t xml:space="preserve">{value}</t></is>'
        return f'<c {reference} t="inlineStr">{text}</c>'
    if isinstance(value, Error):
        return f'<c {reference} t="e"><v>{value.shown}</v></c>'
    if isinstance(value, bool):
        return f'<c {reference} t="b"><v>{int(value)}</v></c>'
    style = getattr(value, "style", 0)
    return f'<c {reference} s="{style}"><v>{float(value)!r}</v></c>'


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
        # 14 is the number format of a date, 46 that of `[h]:mm:ss`
        "xl/styles.xml": f'<styleSheet {MAIN}><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/>'
        '<xf numFmtId="46" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for n, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet(rows)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{text}')
    return file.getvalue()
