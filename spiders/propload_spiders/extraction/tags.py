"""Tags of a page, found in one pass: a crafted page may take one pattern hours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def tags(html: str, name: str, /) -> Iterator[str]:
    """Yield what follows the name in each tag of that name."""
    for _, attributes in _tags(html, name):
        yield attributes


def elements(html: str, name: str, /) -> Iterator[tuple[str, str]]:
    """Yield attributes and content of each element of a name that holds no elements.

    As in a browser, the content ends at the first end tag of that name.
    """
    ends = re.finditer(f"</{name}>", html, re.IGNORECASE)
    end = next(ends, None)
    behind = 0
    for begin, attributes in _tags(html, name):
        if begin < behind:
            # it is part of the content of the one before
            continue
        while end is not None and end.start() < begin:
            end = next(ends, None)
        if end is None:
            return
        yield attributes, html[begin : end.start()]
        behind = end.end()


def _tags(html: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield where each tag ends, and what follows the name in it."""
    begins, behind = re.compile(rf"<{name}\b", re.IGNORECASE), 0
    while begin := begins.search(html, behind):
        end = html.find(">", begin.end())
        if end < 0:
            return
        behind = end + 1
        yield behind, html[begin.end() : end]
