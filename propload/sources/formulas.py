"""Formulas of a workbook whose values nobody has worked out yet."""

from __future__ import annotations

import io
import re
import zipfile

from propload.wording import counted

_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_SHEET = re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\w:id="([^"]*)"')
_LINK = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
#: A cell with a formula and no value. A text that is empty is one.
_WITHOUT_VALUE = re.compile(
    rb'<c\s(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)'
    rb"\s*(?:<v\s*/>|<v>\s*</v>|</c>)"
)
_BLOCK = 1 << 20
#: A formula may have so many letters, and each may be written as five.
_LONGEST_CELL = 64 << 10


def note_formulas(content: bytes, name: str, place: int, /) -> str:
    """Return what is said of formulas without a value, or nothing.

    Spreadsheet programs store a formula's value beside it, most libraries do not.

    Args:
        content: The workbook.
        name: What messages call it.
        place: The place of its sheet among the sheets.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            cells = _count(archive, place)
    except (zipfile.BadZipFile, KeyError):
        # an older or another kind of workbook
        return ""
    if not cells:
        return ""
    return (
        f"{counted(cells, 'formula')} of {name} came without a value, as libraries "
        "write them, and counted as empty: open it in a spreadsheet program, which "
        "works them out, and save it"
    )


def _count(archive: zipfile.ZipFile, place: int) -> int:
    member = _member(archive, place)
    if member is None:
        return 0
    count, rest = 0, b""
    with archive.open(member) as file:
        while block := file.read(_BLOCK):
            text = rest + block
            ends = [found.end() for found in _found(text)]
            count += len(ends)
            rest = text[max(len(text) - _LONGEST_CELL, *ends[-1:], 0) :]
    return count


def _found(text: bytes) -> list[re.Match[bytes]]:
    # most sheets have none, and to look for one mark is quick
    return [*_WITHOUT_VALUE.finditer(text)] if b"<f" in text else []


def _member(archive: zipfile.ZipFile, place: int) -> str | None:
    """Return where a sheet stands in a workbook, or None where that is not told."""
    sheets = _SHEET.findall(archive.read(_BOOK))
    for link in _LINK.findall(archive.read(_LINKS)):
        if place < len(sheets) and b'Id="%s"' % sheets[place] in link:
            target = re.search(rb'Target="([^"]*)"', link)
            path = target[1].decode("utf-8", "replace") if target else ""
            return path[1:] if path.startswith("/") else f"xl/{path}"
    return None
