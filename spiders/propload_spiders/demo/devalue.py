"""Write the state embedded in a Nuxt page, in the flat format of devalue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag, such as `["Reactive", 6]`."""

    tag: str
    value: object


#: JavaScript's `undefined`, which JSON lacks; it is written as -1, without a cell.
UNDEFINED: Final = object()


def flatten(value: object, /) -> str:
    """Return a value as the JSON of one flat array; equal scalars share a cell."""
    cells: list[object] = []
    index_of: dict[tuple[type, object], int] = {}

    def add(part: object) -> int:
        if part is UNDEFINED:
            return -1
        if part is None or isinstance(part, str | int | float):
            key = (type(part), part)
            if key not in index_of:
                index_of[key] = len(cells)
                cells.append(part)
            return index_of[key]
        index = len(cells)
        cells.append(None)
        if isinstance(part, Tagged):
            cells[index] = [part.tag, add(part.value)]
        elif isinstance(part, dict):
            cells[index] = {key: add(item) for key, item in part.items()}
        elif isinstance(part, set):
            cells[index] = ["Set", *(add(item) for item in sorted(part))]
        elif isinstance(part, list | tuple):
            cells[index] = [add(item) for item in part]
        else:
            msg = f"{type(part).__name__} has no place in a payload"
            raise TypeError(msg)
        return index

    add(value)
    # a text that contains </script> must not end the script
    return json.dumps(cells, ensure_ascii=False).replace("</", "<\\/")


def state_script(state: object, /) -> str:
    """Return the script element that contains the state of a page."""
    kind = 'type="application/json" data-nuxt-data="nuxt-app" data-ssr="true"'
    cells = flatten(Tagged("ShallowReactive", state))
    return f'<script {kind} id="__NUXT_DATA__">{cells}</script>'
