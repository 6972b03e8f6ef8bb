"""Quotes names and values for use in a statement."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propload.target import TableName

#: Matches a parameter ($1) and the cast that follows it; and, so that they are skipped,
#: quoted texts and names, and comments.
_PARAMETER = re.compile(
    r"""\bE'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|--[^\n]*|\$(\d+)(::\w+)?""", re.DOTALL
)


def name(identifier: str, /) -> str:
    """Return a quoted identifier; it may contain any character."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str], /) -> str:
    """Return quoted identifiers, separated by commas."""
    return ", ".join(map(name, identifiers))


def path(parts: Iterable[str | None], /) -> str:
    """Return a quoted name, qualified by the parts before it that are not None."""
    return ".".join(name(part) for part in parts if part)


def table(target: TableName, /) -> str:
    """Return a table's qualified name, quoted."""
    return f"{name(target.namespace)}.{name(target.table)}"


def text(value: str, /) -> str:
    """Return a text literal that means the same under any server setting."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def value(obj: object, pg_type: str = "", /) -> str:
    """Return a Python value as an SQL literal.

    Args:
        obj: The value.
        pg_type: The cast to append (`::text`); by default the one that the value needs,
            if any.

    Raises:
        TypeError: The type of the value is not supported.
    """
    if obj is None:
        return f"NULL{pg_type}"
    if isinstance(obj, bool):
        return f"{obj}{pg_type}"
    if isinstance(obj, int):
        return f"({obj}){pg_type or '::int8'}"
    if isinstance(obj, str):
        return f"{text(obj)}{pg_type or '::text'}"
    if isinstance(obj, datetime):
        return f"{text(obj.isoformat())}{pg_type or '::timestamptz'}"
    if isinstance(obj, list):
        # ARRAY[] without elements needs a cast
        literal = f"ARRAY[{', '.join(map(value, obj))}]" if obj else "'{}'"
        return literal + pg_type
    msg = f"a statement takes no {type(obj).__name__}"
    raise TypeError(msg)


def with_values(sql: str, values: Sequence[object], /) -> str:
    """Return a statement with literals in place of its parameters `$1`, `$2`, ...

    The driver sends such a text in one round trip; with parameters it takes two.
    """

    def substitute(match: re.Match[str]) -> str:
        number, pg_type = match.groups(default="")
        return value(values[int(number) - 1], pg_type) if number else match[0]

    return _PARAMETER.sub(substitute, sql) if values else sql
