"""Determines a file's format: from what the user gave, its first bytes or its name."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING

from propload.names.format_names import SUFFIXES, check_format

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Prefixes of the names of files that programs keep in folders and archives for their
#: own use: hidden files, locks of open workbooks (`~$a.xlsx`), metadata of macOS.
INTERNAL_PREFIXES = (".", "~$", "__MACOSX")
#: Many exports come with a readme of this suffix, whose lines would be read as rows.
NOTE_SUFFIX = ".txt"
PACKED_SUFFIXES = frozenset({".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip"})

#: The first bytes of files of these formats, whatever their name is.
MAGIC = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    # the continuation marker before the first message of an Arrow stream
    (b"\xff\xff\xff\xff", "arrow"),
    # the compound files of Excel before 2007
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx"),
)
#: A zip archive with one of these is a workbook.
WORKBOOK_MEMBERS = frozenset({"[Content_Types].xml", "content.xml"})


def find_format(name: str, head: bytes, user_format: str | None) -> str:
    """Return the format of a file that is not a zip archive.

    Args:
        name: The file's name, with or without a suffix.
        head: Its first bytes, unpacked.
        user_format: The format that the user gave, or None.

    Raises:
        ConfigError: The given format does not exist.
    """
    if user_format:
        return check_format(user_format)
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    suffix_kind = suffix_format(name)
    if suffix_kind == "json" or suffix_kind is None:
        return _json_kind(head) or suffix_kind or "csv"
    return suffix_kind


def suffix_format(name: str) -> str | None:
    """Return the format that the suffix of a file's name stands for, or None."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    while suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def is_internal(name: str) -> bool:
    """Return whether a program keeps files of that name for its own use."""
    parts = (part for part in PurePath(name).parts if part != "..")
    return any(part.startswith(INTERNAL_PREFIXES) for part in parts)


def is_readable(name: str, user_format: str | None) -> bool:
    """Return whether a file of a folder or an archive is read, by its name.

    Args:
        name: Its path within the folder or archive.
        user_format: The format that the user gave, or None.
    """
    path = PurePath(name)
    if is_internal(name) or any(part.startswith("_") for part in path.parts):
        return False
    if path.suffix.lower() == NOTE_SUFFIX:
        return user_format is not None
    return suffix_format(name) is not None or path.suffix.lower() == ".zip"


def is_workbook(members: Iterable[str]) -> bool:
    """Return whether a zip archive with these files is a workbook."""
    return not WORKBOOK_MEMBERS.isdisjoint(members)


def _json_kind(head: bytes) -> str | None:
    """Return the kind of JSON that a text with this beginning is, or None."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    if not text.startswith(b"{"):
        return None
    line, end, _ = text.partition(b"\n")
    if not end:
        # one long line, or a file of one row: the reader of `json` handles both
        return "json"
    try:
        json.loads(line)
    except ValueError:
        return "json"
    except RecursionError:
        # nested too deeply, but JSON as far as it was read: only its row is rejected
        pass
    return "ndjson"
