"""Names and values made safe to stand in a statement."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.target import TableName

#: Where a value stands in a statement, the type that it has there, and what is passed
#: over for it: what stands in quotes or is a comment.
_PLACE = re.compile(
    r"""\bE'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|--[^\n]*|\$(\d+)(::\w+)?""", re.DOTALL
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


def value(given: object, pg_type: str = "", /) -> str:
    """Return the literal of a value of Python.

    Args:
        given: The value.
        pg_type: What casts it (`::text`); by default to the type that it has.

    Raises:
        TypeError: It is of a type that no statement needs.
    """
    if given is None:
        return f"NULL{pg_type}"
    if isinstance(given, bool):
        return f"{given}{pg_type}"
    if isinstance(given, int):
        return f"({given}){pg_type or '::int8'}"
    if isinstance(given, str):
        return f"{text(given)}{pg_type or '::text'}"
    if isinstance(given, datetime):
        return f"{text(given.isoformat())}{pg_type or '::timestamptz'}"
    if isinstance(given, list):
        # an array of nothing has no type of its own
        literal = f"ARRAY[{', '.join(map(value, given))}]" if given else "'{}'"
        return literal + pg_type
    msg = f"a statement takes no {type(given).__name__}"
    raise TypeError(msg)


def with_values(sql: str, values: Sequence[object], /) -> str:
    """Return a statement with the values that stand in it as `$1`, `$2`, ...

    The server is asked once for such a text; for one with parameters it is asked twice.
    """

    def stand(found: re.Match[str]) -> str:
        number, pg_type = found.groups(default="")
        return value(values[int(number) - 1], pg_type) if number else found[0]

    return _PLACE.sub(stand, sql) if values else sql
