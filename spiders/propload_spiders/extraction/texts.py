"""Turn values of a page into texts, the only type that an item's fields have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

#: A decimal such as `59.125`, which would be parsed as thousands from a Dutch text.
_LIKE_THOUSANDS = re.compile(r"-?\d{1,3}\.\d{3}")


def text_of(value: object, /) -> str | None:
    """Return a payload's value as text; None if it is absent or empty.

    A list with one element counts as that element, because the site wraps most numbers
    in lists. A longer list becomes JSON, so that nothing is lost. Texts keep spaces.
    """
    value = _unwrap_single(value)
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


def measure_of(value: object, /) -> str | None:
    """Return an amount or area of a payload as text that parses to the same number.

    The parser takes `1.250` for more than a thousand, so a float with three decimals
    gets a fourth. The point in a text is left as it is.
    """
    text = text_of(value)
    if (
        text
        and isinstance(_unwrap_single(value), float)
        and _LIKE_THOUSANDS.fullmatch(text)
    ):
        return f"{text}0"
    return text


def _unwrap_single(value: object) -> object:
    """Return the only element of a list; None for an empty list, else the value."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else (value or None)
    return value


def joined(parts: Sequence[str], /) -> str | None:
    """Return texts as one line with whitespace collapsed; None if it is empty."""
    return " ".join(" ".join(parts).split()) or None


def get_path(value: object, *path: str) -> object:
    """Return the value at a path of nested objects; None if it is absent."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def rows_of(value: object, /) -> list[Mapping[str, object]]:
    """Return the objects in a list; [] if the value is not a list."""
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, Mapping)]


def timestamp(moment: datetime, /) -> str:
    """Return a datetime in the form of `scraped_at`: UTC, microseconds, `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
