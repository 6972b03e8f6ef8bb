"""Which format a file has: from what it says, its name or how it begins."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING

from propload.names.format_names import SUFFIXES, check_format

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Files of a folder or an archive that programs put there for themselves: hidden ones,
#: the locks of open workbooks (`~$a.xlsx`), what macOS knows of files.
OWN_FILES = (".", "~$", "__MACOSX")
#: A note to the reader lies beside many exports, and would be read as rows.
NOTE_SUFFIX = ".txt"
PACKED_SUFFIXES = frozenset({".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip"})

#: How files of these formats begin, whatever their name is.
MAGIC = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    # the continuation mark before the first message of an Arrow stream
    (b"\xff\xff\xff\xff", "arrow"),
    # the compound files of Excel before 2007
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx"),
)
#: A zip archive with one of these is a workbook.
WORKBOOK_MEMBERS = frozenset({"[Content_Types].xml", "content.xml"})


def find_format(name: str, head: bytes, given: str | None) -> str:
    """Return the format of a file that is no zip archive.

    Args:
        name: The file's name, with or without a suffix.
        head: How it begins, unpacked.
        given: What the user says it is, or None.

    Raises:
        ConfigError: There is no such format.
    """
    if given:
        return check_format(given)
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    named = suffix_format(name)
    if named == "json" or named is None:
        return _json_kind(head) or named or "csv"
    return named


def suffix_format(name: str) -> str | None:
    """Return the format that the file's name says, or None."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    while suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def is_own(name: str) -> bool:
    """Return whether a program keeps a file of that name for itself."""
    parts = (part for part in PurePath(name).parts if part != "..")
    return any(part.startswith(OWN_FILES) for part in parts)


def is_readable(name: str, given: str | None) -> bool:
    """Return whether a file of a folder or an archive is read, by its name.

    Args:
        name: Its path in there.
        given: What the user says its format is, or None.
    """
    path = PurePath(name)
    if is_own(name) or any(part.startswith("_") for part in path.parts):
        return False
    if path.suffix.lower() == NOTE_SUFFIX:
        return given is not None
    return suffix_format(name) is not None or path.suffix.lower() == ".zip"


def is_workbook(members: Iterable[str]) -> bool:
    """Return whether a zip archive with these files is a workbook."""
    return not WORKBOOK_MEMBERS.isdisjoint(members)


def _json_kind(head: bytes) -> str | None:
    """Return which kind of JSON text begins so, or None where it is none."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    if not text.startswith(b"{"):
        return None
    line, end, _ = text.partition(b"\n")
    if not end:
        # one long line, or a file of one row: reading values one by one does both
        return "json"
    try:
        json.loads(line)
    except ValueError:
        return "json"
    except RecursionError:
        # nested too deeply, but JSON as far as it was read: it costs its own row
        pass
    return "ndjson"
