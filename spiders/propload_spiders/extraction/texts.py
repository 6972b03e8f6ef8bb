"""Values of a page as texts, the only type that an item's fields have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime


def text_of(value: object, /) -> str | None:
    """Return a payload's value as text; None for nothing.

    A list of one reads as its element, as the site wraps most numbers in lists; a
    list of several reads as JSON, so that nothing is lost. Text keeps its spaces.
    """
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else (value or None)
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


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
