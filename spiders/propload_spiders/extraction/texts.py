"""Values of a page as texts, the only type that an item's fields have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

#: A number that looks like thousands to a reader of texts: `59.125`.
_LIKE_THOUSANDS = re.compile(r"-?\d{1,3}\.\d{3}")


def text_of(value: object, /) -> str | None:
    """Return a payload's value as text; None for nothing.

    A list of one counts as its element, because the site wraps most numbers in lists; a
    list of several becomes JSON, so that nothing is lost. Text keeps its spaces.
    """
    value = _alone(value)
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


def measure_of(value: object, /) -> str | None:
    """Return an amount or area of a payload as text that is read as the same number.

    Only a number's point is a decimal one: the text `1.250` means more than a thousand.
    """
    text = text_of(value)
    if text and isinstance(_alone(value), float) and _LIKE_THOUSANDS.fullmatch(text):
        return f"{text}0"
    return text


def _alone(value: object) -> object:
    """Return the element of a list of one; None for an empty list."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else (value or None)
    return value


def joined(parts: Sequence[str], /) -> str | None:
    """Return a page's texts in one line, whitespace joined; None for nothing."""
    return " ".join(" ".join(parts).split()) or None


def branch(value: object, *path: str) -> object:
    """Return what stands at a path of nested objects; None where it does not."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def rows_of(value: object, /) -> list[Mapping[str, object]]:
    """Return the objects of a list; anything else counts as none."""
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, Mapping)]


def timestamp(moment: datetime, /) -> str:
    """Return a moment as an item's `scraped_at`: UTC, microseconds, `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
