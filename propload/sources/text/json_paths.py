"""Finds the rows within a JSON document: at a given path, or suggests a likely one."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from propload.batch import CREATED_AS
from propload.errors import SourceError
from propload.messages.suggestions import suggest
from propload.messages.wording import counted, listed
from propload.sources.text.json_text import InvalidRow
from propload.values.python_text import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from propload.sources.text.json_window import Window

#: The most names of an object that a message lists if the next one is missing.
NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RowsPath:
    """A path of names, and the part of it that is still to be followed.

    A name may contain dots, so any beginning of the path may be a name in an object.

    Attributes:
        path: The names, joined by dots.
        remaining: The rest of the path from here; empty where the rows are.
    """

    path: str
    remaining: str

    def below(self, name: str) -> RowsPath | None:
        """Return the path within a member of an object, or None if off the path."""
        if self.remaining == name:
            return replace(self, remaining="")
        if self.remaining.startswith(f"{name}."):
            return replace(self, remaining=self.remaining[len(name) + 1 :])
        return None

    @property
    def followed(self) -> str:
        """The part of the path that was followed so far, for messages."""
        return self.path[: len(self.path) - len(self.remaining)].rstrip(".") or "it"

    def refuse(self, text: str, kind: str) -> InvalidRow:
        """Return the refusal of a value on the path that cannot contain the rows.

        Args:
            text: The value as in the text.
            kind: What messages call it.
        """
        message = f"no rows lie at {self.path} (--rows-at): {self.followed} is {kind}"
        return InvalidRow(text, "rows_at", message)

    def refuse_names(self, text: str, names: Iterable[str]) -> InvalidRow:
        """Return the refusal of an object on the path that lacks the next name.

        Args:
            text: The object as in the text.
            names: The names that it has.
        """
        names = tuple(names)
        shown = ", ".join(map(repr, names[:NAMES_SHOWN])) or "none"
        more = " and others" if len(names) > NAMES_SHOWN else ""
        message = (
            f"no rows lie at {self.path} (--rows-at): {self.followed} has no "
            f"{self.remaining!r}; its names are {shown}{more}"
            f"{suggest(self.remaining, names)}"
        )
        return InvalidRow(text, "rows_at", message)

    def ambiguity_message(self) -> str:
        """Return the message on an object in which two members match the path."""
        return f"{self.path} (--rows-at): {self.followed} has two members of that name"


def rows_at_path(value: object, rows_path: RowsPath) -> Iterator[object]:
    """Yield the values at a path in a decoded value, and refusals where it has none.

    Args:
        value: An object or a list of objects; anything else is refused.
        rows_path: Where in it the rows are.
    """
    for element in _as_list(value):
        if not isinstance(element, dict):
            yield rows_path.refuse(to_json(element), describe_kind(element))
            continue
        matches = [
            (element[name], below)
            for name in element
            if (below := rows_path.below(name))
        ]
        if not matches:
            yield rows_path.refuse_names(to_json(element), element)
        elif len(matches) > 1:
            yield InvalidRow(to_json(element), "rows_at", rows_path.ambiguity_message())
        else:
            inner, below = matches[0]
            yield from (
                rows_at_path(inner, below) if below.remaining else _as_list(inner)
            )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def decode_at_path(window: Window, rows_path: RowsPath) -> Iterator[None]:
    """Decode the rows at a path in the value that begins here; yield after each.

    Args:
        window: The text, at the beginning of a value.
        rows_path: Where in that value the rows are.

    Raises:
        SourceError: The text is cut short or not JSON.
    """
    if window.peek() == "[":
        for _ in window.elements():
            yield from _decode_in_object(window, rows_path)
    else:
        yield from _decode_in_object(window, rows_path)


def _decode_in_object(window: Window, rows_path: RowsPath) -> Iterator[None]:
    next_char, start = window.peek(), window.mark()
    if next_char == "[":
        window.skip()
        window.refuse(rows_path.refuse(window.text_since(start), "a list"))
        yield
        return
    if next_char != "{":
        value = window.take()
        window.refuse(rows_path.refuse(to_json(value), describe_kind(value)))
        yield
        return
    names: list[str] = []
    is_found = False
    for name in window.members():
        below = rows_path.below(name)
        if below is None:
            window.skip()
            names += [name] if len(names) <= NAMES_SHOWN else []
            continue
        if is_found:
            raise SourceError(rows_path.ambiguity_message())
        is_found = True
        yield from (
            decode_at_path(window, below) if below.remaining else decode_all(window)
        )
    if not is_found:
        window.refuse(rows_path.refuse_names(window.text_since(start), names))
        yield


def decode_all(window: Window) -> Iterator[None]:
    """Decode the elements of the list here, or the single value; yield after each."""
    if window.peek() != "[":
        window.decode()
        yield
        return
    for _ in window.elements():
        window.decode()
        yield


def doubt_single(rows: pa.RecordBatch, name: str, rows_at: str | None) -> str:
    """Return a note on where in a file's only row the rows may be, or an empty text.

    Args:
        rows: The row.
        name: The file's name in messages.
        rows_at: The path at which that row was found, if one was given.
    """
    nested = _nested_columns(rows)
    lists = list(_lists_of_objects(nested))
    if lists:
        # the first of the longest: beside the rows there may be a list of their columns
        path, size = max(lists, key=lambda found: found[1])
        location = ".".join([rows_at, *path] if rows_at else path)
        return (
            f"{name} is one row, in which {'.'.join(path)} holds "
            f"{counted(size, 'object')}. If these are the rows, use "
            f"--rows-at {shlex.quote(location)} (rows_at = {json.dumps(location)})"
        )
    names = _common_names(list(nested.values()))
    if names and len(nested) == rows.num_columns:
        return (
            f"{name} is one row, in which each column is an object with the same names "
            f"({listed(names, 3)}). If it is a frame that pandas wrote, write it with "
            "orient='records'"
        )
    return ""


def _nested_columns(rows: pa.RecordBatch) -> dict[str, Any]:
    """Return the objects and lists of the first row by the names of their columns."""
    return {
        column.name: json.loads(rows.column(column.name)[0].as_py())
        for column in rows.schema
        if (column.metadata or {}).get(CREATED_AS) == b"jsonb"
    }


def _lists_of_objects(nested: dict[str, Any]) -> Iterator[tuple[list[str], int]]:
    """Yield the path and the length of each list of objects, two names deep at most."""
    for name, value in nested.items():
        members = value.items() if isinstance(value, dict) else ()
        inner = (([name, member], inside) for member, inside in members)
        for path, found in [([name], value), *inner]:
            if found and isinstance(found, list) and isinstance(found[0], dict):
                yield path, len(found)


def _common_names(values: list[Any]) -> list[str]:
    """Return the names that several objects have, if each has two or more and no other.

    pandas writes a frame so by default, with an object of values for each column.
    """
    if len(values) < 2 or not all(isinstance(value, dict) for value in values):
        return []
    names = list(values[0])
    alike = all(list(value) == names for value in values)
    return names if alike and len(names) > 1 else []


def describe_kind(value: object) -> str:
    """Return what messages call a decoded value that is not a row."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "an empty object" if value == {} else to_json(value)


def to_json(value: object) -> str:
    """Return a decoded value as JSON text, with all digits of its long numbers."""
    if value is None or isinstance(value, str):
        return json.dumps(value)
    # there may be a lone surrogate, which cannot be written to a file of rejects
    return as_text(value).encode("utf-8", "backslashreplace").decode()
