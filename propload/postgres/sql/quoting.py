"""Names and values made safe to stand in a statement."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.target import TableName

#: Where a value stands in a statement, and what is passed over for it: what stands in
#: quotes or is a comment.
_PLACE = re.compile(
    r"""\bE'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|--[^\n]*|\$(\d+)""", re.DOTALL
)


def name(identifier: str, /) -> str:
    """Return an identifier in quotes, whatever letters it holds."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str], /) -> str:
    """Return quoted identifiers with commas between them."""
    return ", ".join(map(name, identifiers))


def path(parts: Iterable[str | None], /) -> str:
    """Return a name in quotes, with those before it that are given."""
    return ".".join(name(part) for part in parts if part)


def table(target: TableName, /) -> str:
    """Return a table's qualified name in quotes."""
    return f"{name(target.namespace)}.{name(target.table)}"


def text(value: str, /) -> str:
    """Return a text literal that reads the same under every setting."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def value(given: object, /) -> str:
    """Return the literal of a value of Python, with its type where it has one.

    Raises:
        TypeError: It is of a type that no statement needs.
    """
    if given is None:
        return "NULL"
    if isinstance(given, bool):
        return str(given)
    if isinstance(given, int):
        return f"({given})::int8"
    if isinstance(given, str):
        return f"{text(given)}::text"
    if isinstance(given, datetime):
        return f"{text(given.isoformat())}::timestamptz"
    if isinstance(given, list):
        return f"ARRAY[{', '.join(map(value, given))}]" if given else "'{}'"
    msg = f"a statement takes no {type(given).__name__}"
    raise TypeError(msg)


def with_values(sql: str, values: Sequence[object], /) -> str:
    """Return a statement with the values that stand in it as `$1`, `$2`, ...

    The server is asked once for such a text; for one with parameters it is asked twice.
    """
    if not values:
        return sql
    literals = [value(one) for one in values]
    return _PLACE.sub(
        lambda found: literals[int(found[1]) - 1] if found[1] else found[0], sql
    )
