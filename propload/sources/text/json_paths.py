"""Where rows lie in a JSON document: at a path of names, or perhaps at one."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from propload.batch import CREATED_AS
from propload.errors import SourceError
from propload.messages.suggestions import suggest
from propload.messages.wording import counted
from propload.sources.text.json_text import NoRow
from propload.values.python_text import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from propload.sources.text.json_window import Window

#: Of an object that has not the name that is looked for, a message lists so many.
NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Place:
    """A path of names, and how much of it is left to go.

    A name may hold dots: in an object any beginning of the path is looked for.

    Attributes:
        path: The names, with dots between them.
        left: Those that come next; empty where the rows lie.
    """

    path: str
    left: str

    def below(self, name: str) -> Place | None:
        """Return the place within a member of an object, or None for another way."""
        if self.left == name:
            return replace(self, left="")
        if self.left.startswith(f"{name}."):
            return replace(self, left=self.left[len(name) + 1 :])
        return None

    @property
    def within(self) -> str:
        """What was reached by now, for messages."""
        return self.path[: len(self.path) - len(self.left)].rstrip(".") or "it"

    def refuse(self, text: str, kind: str) -> NoRow:
        """Return why a value on the way is none that rows can lie in.

        Args:
            text: The value as it stands.
            kind: Its name in messages.
        """
        why = f"no rows lie at {self.path} (--rows-at): {self.within} is {kind}"
        return NoRow(text, "rows_at", why)

    def refuse_names(self, text: str, names: Iterable[str]) -> NoRow:
        """Return why an object on the way is none that rows lie in.

        Args:
            text: The object as it stands.
            names: Those that it has.
        """
        names = tuple(names)
        shown = ", ".join(map(repr, names[:NAMES_SHOWN])) or "none"
        more = " and others" if len(names) > NAMES_SHOWN else ""
        why = (
            f"no rows lie at {self.path} (--rows-at): {self.within} has no "
            f"{self.left!r}; its names are {shown}{more}{suggest(self.left, names)}"
        )
        return NoRow(text, "rows_at", why)

    def complain_of_two(self) -> str:
        """Return what is said of an object in which two members lead on."""
        return f"{self.path} (--rows-at): {self.within} has two members of that name"


def rows_within(value: object, place: Place) -> Iterator[object]:
    """Yield what lies at a place of a decoded value; also what keeps from going there.

    Args:
        value: What may be an object, or a list of them.
        place: Where its rows lie.
    """
    for one in _each(value):
        if not isinstance(one, dict):
            yield place.refuse(written(one), kind_of(one))
            continue
        ways = [(one[name], below) for name in one if (below := place.below(name))]
        if not ways:
            yield place.refuse_names(written(one), one)
        elif len(ways) > 1:
            yield NoRow(written(one), "rows_at", place.complain_of_two())
        else:
            inner, below = ways[0]
            yield from rows_within(inner, below) if below.left else _each(inner)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def decode_within(window: Window, place: Place) -> Iterator[None]:
    """Decode what lies at a place of the value here; yield after each value.

    Args:
        window: The text; where it is wanted, a value begins.
        place: Where the rows lie.

    Raises:
        SourceError: The text is cut short or no JSON.
    """
    if window.ahead() == "[":
        for _ in window.elements():
            yield from _decode_in_object(window, place)
    else:
        yield from _decode_in_object(window, place)


def _decode_in_object(window: Window, place: Place) -> Iterator[None]:
    ahead, begun = window.ahead(), window.begin()
    if ahead == "[":
        window.skip()
        window.refuse(place.refuse(window.text_since(begun), "a list"))
        yield
        return
    if ahead != "{":
        value = window.take()
        window.refuse(place.refuse(written(value), kind_of(value)))
        yield
        return
    names: list[str] = []
    is_found = False
    for name in window.members():
        below = place.below(name)
        if below is None:
            window.skip()
            names += [name] if len(names) <= NAMES_SHOWN else []
            continue
        if is_found:
            raise SourceError(place.complain_of_two())
        is_found = True
        yield from decode_within(window, below) if below.left else decode_all(window)
    if not is_found:
        window.refuse(place.refuse_names(window.text_since(begun), names))
        yield


def decode_all(window: Window) -> Iterator[None]:
    """Decode the values of the list here, or the one that is none; yield after each."""
    if window.ahead() != "[":
        window.decode()
        yield
        return
    for _ in window.elements():
        window.decode()
        yield


def doubt_single(rows: pa.RecordBatch, name: str, told: str | None) -> str:
    """Return where the rows may be that a file's only row holds, or nothing.

    Args:
        rows: The row.
        name: What messages call the file.
        told: The path of names at which it lies, or None.
    """
    for path, value in _lists_of(rows):
        if value and isinstance(value, list) and isinstance(value[0], dict):
            within = ".".join([told, *path] if told else path)
            return (
                f"{name} is one row, in which {'.'.join(path)} holds "
                f"{counted(len(value), 'object')}. If these are the rows, use "
                f"--rows-at {shlex.quote(within)} (rows_at = {json.dumps(within)})"
            )
    return ""


def _lists_of(rows: pa.RecordBatch) -> Iterator[tuple[list[str], Any]]:
    """Yield the nested values of the first row, and what objects among them hold."""
    for column in rows.schema:
        if (column.metadata or {}).get(CREATED_AS) != b"jsonb":
            continue
        value = json.loads(rows.column(column.name)[0].as_py())
        yield [column.name], value
        if isinstance(value, dict):
            yield from (([column.name, name], inner) for name, inner in value.items())


def kind_of(value: object) -> str:
    """Return what messages call a decoded value that is no row."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "an empty object" if value == {} else written(value)


def written(value: object) -> str:
    """Return a decoded value as JSON, its long numbers with all their digits."""
    if value is None or isinstance(value, str):
        return json.dumps(value)
    # of a pair of surrogates one may be missing, which no file of rejects can hold
    return as_text(value).encode("utf-8", "backslashreplace").decode()
