"""Recognizes files of formats that are not read, and says what to do with them."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

from propload.errors import SourceError

if TYPE_CHECKING:
    from propload.options import SourceOptions

_UNPACK = "unpack it, and name the files to load"


class _UnreadFormat(NamedTuple):
    """A format that is not read.

    Attributes:
        offset: The offset of its magic bytes in the file.
        magic: The magic bytes.
        description: What messages call such a file.
        advice: What to do with it.
    """

    offset: int
    magic: bytes
    description: str
    advice: str


_UNREAD_FORMATS = (
    _UnreadFormat(
        0, b"Obj\x01", "an Avro file", "load it in Python, with pl.read_avro(PATH)"
    ),
    _UnreadFormat(
        0,
        b"ORC",
        "an ORC file",
        'load it in Python, with pyarrow.dataset.dataset(PATH, format="orc")',
    ),
    _UnreadFormat(
        0,
        b"SQLite format 3\0",
        "an SQLite database",
        "load a query of it in Python, from the rows of its cursor",
    ),
    _UnreadFormat(
        8,
        b"DUCK",
        "a DuckDB database",
        "load a query of it in Python, with duckdb.connect(PATH).sql(QUERY)",
    ),
    _UnreadFormat(
        0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "load it in Python, as a frame"
    ),
    _UnreadFormat(0, b"%PDF-", "a PDF", "get the table as CSV or as a workbook"),
    _UnreadFormat(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    _UnreadFormat(0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _UnreadFormat(0, b'\x04"M\x18', "packed by lz4", _UNPACK),
    _UnreadFormat(257, b"ustar", "a tar archive", _UNPACK),
)
_READ_PAGE = (
    "check whether a site has sent it instead of the file; tables in it are read in "
    "Python, with pd.read_html(PATH)"
)
_PAGE = ("a web page (HTML)", _READ_PAGE)
_XML = ("XML", "load it in Python, with pd.read_xml(PATH)")
_SCRIPT = ("Python", "name a spider in it by its module and class, MODULE:CLASS")
#: The beginnings, in lower case, of texts that are not tables: refused unless the user
#: says that the first line is a row.
_TEXTS = ((b"<!doctype html", _PAGE), (b"<html", _PAGE), (b"<?xml", _XML))
#: Names of files, packed or not, that are not tables if they begin with a tag.
_NAMES = (
    (re.compile(r"\.x?html?(\.\w+)?\Z", re.IGNORECASE), _PAGE),
    (re.compile(r"\.xml(\.\w+)?\Z", re.IGNORECASE), _XML),
)


def refuse_other(name: str, head: bytes, options: SourceOptions, /) -> None:
    """Refuse a file of a format that is not read: as CSV it would give nonsense rows.

    Args:
        name: The file's name in messages.
        head: Its first bytes, unpacked.
        options: How to read it.

    Raises:
        SourceError: It is such a file.
    """
    matches = [
        (other.description, other.advice)
        for other in _UNREAD_FORMATS
        if _matches(other, head)
    ]
    if options.header is not False:
        text = head.removeprefix(BOM_UTF8).lstrip().lower()
        matches += [kind for start, kind in _TEXTS if text.startswith(start)]
        if name.endswith(".py"):
            matches.append(_SCRIPT)
        if text.startswith(b"<"):
            matches += [kind for suffix, kind in _NAMES if suffix.search(name)]
    if matches:
        description, advice = matches[0]
        msg = f"{name} is {description}, which is not read: {advice}"
        raise SourceError(msg, source=name)


def _matches(other: _UnreadFormat, head: bytes) -> bool:
    # a text may begin with a mark of letters only, but contains no NUL bytes
    is_sure = not other.magic.isalnum() or b"\0" in head
    return is_sure and head.startswith(other.magic, other.offset)
