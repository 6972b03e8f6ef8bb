"""Names and values made safe to stand in a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propload.target import TableName


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
