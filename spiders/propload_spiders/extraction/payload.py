"""The state embedded in a Nuxt page, in the flat format of the library devalue.

`<script id="__NUXT_DATA__">` holds one JSON array. Cell 0 is the root. The values of an
object and the elements of an array are indexes of other cells; negative numbers are
values that JSON lacks; and an array that begins with a text is a tagged value:
`["Reactive", 6]`, `["Date", "2026-…"]`, `["Set", 4, 5]`. Cells are resolved on demand:
half of a real search page is the outline of the city, which is not needed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from propload_spiders.extraction.tags import elements

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = re.compile(r"\bid=[\"']?__NUXT_DATA__\b", re.IGNORECASE)

#: What negative references mean; -1 (undefined) and -2 (hole) count as absent.
_CONSTANTS: Mapping[int, float] = {
    -3: float("nan"),
    -4: float("inf"),
    -5: float("-inf"),
    -6: -0.0,
}
#: An array that begins with this number is sparse: indexes and references alternate.
_SPARSE = -7
#: Tags whose value is in the cell itself.
_LITERAL_TAGS = frozenset({"Date", "BigInt", "RegExp", "URL", "URLSearchParams"})
#: Tags whose cell holds the JSON of an empty value, or `_` for undefined.
_EMPTY_TAGS = frozenset({"EmptyRef", "EmptyShallowRef"})
#: Most nested wrappers; real pages have few, so more means that the page is broken.
_MOST_WRAPPERS = 32
#: Most levels of nesting; the deepest real value, a city's outline, has 9.
_MOST_LEVELS = 100
#: Most values built at one path. Cells can be referenced repeatedly, so that a page of
#: 300 bytes can stand for more values than fit into memory. No real value has so many.
_MOST_VALUES = 1_000_000


class _BrokenError(ValueError):
    """A reference leads nowhere or is circular."""


class Payload:
    """A page's payload, read by path; a value behind a broken reference is absent.

    Args:
        cells: The flat array.
    """

    __slots__ = ("_cells", "_left")

    def __init__(self, cells: list[object], /) -> None:
        self._cells = cells
        #: How many values the current call of `at` may still build.
        self._left = _MOST_VALUES

    def keys(self, *path: str | int) -> tuple[str, ...]:
        """Return the keys of the object at a path; () if it is not an object."""
        cell = self._find(path)
        return tuple(cell) if isinstance(cell, dict) else ()

    def size(self, *path: str | int) -> int:
        """Return the length of the array at a path; 0 if it is not an array."""
        cell = self._find(path)
        return len(cell) if isinstance(cell, list) else 0

    def at(self, *path: str | int) -> object:
        """Return the value at a path with everything below it; None if it is absent."""
        self._left = _MOST_VALUES
        try:
            return self._value(self._find(path), 0)
        except _BrokenError:
            return None

    def _find(self, path: tuple[str | int, ...]) -> object:
        """Return the cell at a path; None if a step or a reference is broken."""
        try:
            cell = self._cell(0)
            for step in path:
                cell = self._cell(_reference(cell, step))
        except _BrokenError:
            return None
        return cell

    def _cell(self, reference: object) -> object:
        """Return the cell that a reference leads to, through any wrappers."""
        for _ in range(_MOST_WRAPPERS):
            if not isinstance(reference, int) or isinstance(reference, bool):
                raise _BrokenError
            if reference < 0:
                return _CONSTANTS.get(reference)
            if reference >= len(self._cells):
                raise _BrokenError
            cell = self._cells[reference]
            if not _is_wrapper(cell):
                return cell
            reference = cast("list[object]", cell)[1]
        raise _BrokenError

    def _value(self, cell: object, level: int) -> object:
        self._left -= 1
        if level > _MOST_LEVELS or self._left < 0:
            raise _BrokenError
        if isinstance(cell, dict):
            return {
                key: self._value(self._cell(reference), level + 1)
                for key, reference in cell.items()
                if reference != -1
            }
        if not isinstance(cell, list):
            return cell
        if cell and isinstance(cell[0], str):
            return self._tagged(cell[0], cell[1:], level)
        if cell and cell[0] == _SPARSE:
            cell = cell[3::2]
        return [self._value(self._cell(each), level + 1) for each in cell]

    def _tagged(self, tag: str, rest: list[object], level: int) -> object:
        if tag == "Set":
            return [self._value(self._cell(each), level + 1) for each in rest]
        if tag in ("Map", "null"):
            return self._pairs(tag, rest, level)
        if tag in _EMPTY_TAGS and rest:
            return _empty(self._cell(rest[0]))
        # literal tags, boxed primitives and binary arrays have their value here
        return rest[0] if rest else None

    def _pairs(self, tag: str, rest: list[object], level: int) -> dict[str, object]:
        """Return a Map, whose keys are references, or an object with literal keys.

        devalue tags an object without a prototype as "null".
        """
        keys = rest[::2]
        if tag == "Map":
            keys = [self._value(self._cell(key), level + 1) for key in keys]
        return {
            str(key): self._value(self._cell(reference), level + 1)
            for key, reference in zip(keys, rest[1::2], strict=False)
        }


def find_payload(html: str, /) -> Payload | None:
    """Return the payload of a page, or None if it has no readable one."""
    scripts = elements(html, "script")
    content = next((text for mark, text in scripts if _MARK.search(mark)), None)
    if content is None:
        return None
    try:
        cells = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return Payload(cells) if isinstance(cells, list) and cells else None


def _reference(cell: object, step: str | int) -> object:
    """Return the reference at a key or index of a cell; None if there is none."""
    if isinstance(cell, dict):
        return cell.get(step)
    if isinstance(cell, list) and isinstance(step, int) and 0 <= step < len(cell):
        return cell[step]
    return None


def _is_wrapper(cell: object) -> bool:
    """Return whether a cell only refers to another one: `["Ref", 7]`."""
    return (
        isinstance(cell, list)
        and len(cell) == 2
        and isinstance(cell[0], str)
        and isinstance(cell[1], int)
        and cell[0] not in _EMPTY_TAGS
        and cell[0] not in _LITERAL_TAGS
        and cell[0] not in ("Set", "Object")
    )


def _empty(text: object) -> object:
    if not isinstance(text, str) or text == "_":
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
