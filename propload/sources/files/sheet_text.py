"""What a sheet's XML tells and the reader does not: its formulas and its extent."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from propload.errors import SourceError
from propload.messages.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_SHEET = re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\w:id="([^"]*)"')
_LINK = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
#: A cell with a formula but without a value; an empty text (`t="str"`) is a value.
_WITHOUT_VALUE = re.compile(
    rb'<c\s(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)'
    rb"\s*(?:<v\s*/>|<v>\s*</v>|</c>)"
)
#: A cell in a column beyond HZ, the 234th, which few sheets have: with fewer columns,
#: no sheet has too many cells.
_FAR_CELL = re.compile(rb' r="([A-Z]{3}|[I-Z][A-Z])[0-9]')
_ROW = re.compile(rb'<row\b[^>]*?\br="([0-9]+)"')
#: The reader allocates 24 bytes for each cell up to the last row and column of a sheet,
#: and the process aborts if that fails.
MOST_CELLS = 1 << 28
_BLOCK = 1 << 20
#: Bytes that hold any cell: a formula has 8,192 characters at most, and XML may write
#: each of them as five.
_LONGEST_CELL = 64 << 10


class SheetText(NamedTuple):
    """What the XML of a sheet tells.

    Attributes:
        formulas: How many cells have a formula but no value: spreadsheet programs store
            the value with the formula, most libraries do not.
        last_row: The number of its last row; 0 if unknown.
        last_column: The letters of its last column if that is beyond HZ, else empty.
    """

    formulas: int = 0
    last_row: int = 0
    last_column: str = ""

    def note(self, name: str, /) -> str:
        """Return a note on its formulas without a value, or an empty text."""
        if not self.formulas:
            return ""
        return (
            f"{counted(self.formulas, 'formula')} of {name} came without a value, as "
            "libraries write them, and counted as empty: open it in a spreadsheet "
            "program, which works them out, and save it"
        )

    def require_room(self, name: str, /) -> None:
        """Refuse a sheet whose cells, most of them empty, would not fit into memory.

        Raises:
            SourceError: It has more than `MOST_CELLS` cells.
        """
        width = 0
        for letter in self.last_column.encode():
            width = width * 26 + letter - ord("A") + 1
        if self.last_row * width > MOST_CELLS:
            msg = (
                f"{name} cannot be read: its sheet reaches to {self.last_column}"
                f"{self.last_row}, and is read as a whole. Delete the cells far from "
                "the table, or save the table as CSV"
            )
            raise SourceError(msg, source=name)


def scan_sheet_xml(content: bytes, place: int, /) -> SheetText:
    """Return what a sheet's XML tells; nothing if the workbook is not an .xlsx file.

    Args:
        content: The workbook.
        place: The position of the sheet among the sheets, from 0.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _member(archive, place)
            return _scan(_blocks(archive, member)) if member else SheetText()
    except (zipfile.BadZipFile, KeyError):
        return SheetText()


def _blocks(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    with archive.open(member) as file:
        while block := file.read(_BLOCK):
            yield block


def _scan(blocks: Iterator[bytes]) -> SheetText:
    formulas, last_row, last_column, tail = 0, 0, b"", b""
    for block in blocks:
        text = tail + block
        # most sheets have no formulas, and looking for `<f` first is fast
        cells = [*_WITHOUT_VALUE.finditer(text)] if b"<f" in text else []
        formulas += len(cells)
        if row := _ROW.match(text, max(text.rfind(b"<row "), 0)):
            last_row = int(row[1])
        far = {last_column, *_FAR_CELL.findall(text)}
        last_column = max(far, key=lambda column: (len(column), column))
        end = cells[-1].end() if cells else 0
        tail = text[max(len(text) - _LONGEST_CELL, end) :]
    return SheetText(formulas, last_row, last_column.decode())


def _member(archive: zipfile.ZipFile, place: int) -> str | None:
    """Return the path of a sheet within the workbook's archive, or None if unknown."""
    sheets = _SHEET.findall(archive.read(_BOOK))
    for link in _LINK.findall(archive.read(_LINKS)):
        if place < len(sheets) and b'Id="%s"' % sheets[place] in link:
            target = re.search(rb'Target="([^"]*)"', link)
            path = target[1].decode("utf-8", "replace") if target else ""
            return path[1:] if path.startswith("/") else f"xl/{path}"
    return None
