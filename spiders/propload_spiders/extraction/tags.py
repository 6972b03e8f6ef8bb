"""Find tags in one pass: a single regular expression could take hours on some pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def tags(html: str, name: str, /) -> Iterator[str]:
    """Yield the attributes, as text, of each tag with the given name."""
    for _, attributes in _tags(html, name):
        yield attributes


def elements(html: str, name: str, /) -> Iterator[tuple[str, str]]:
    """Yield attributes and content of each element with the given name.

    It is meant for elements such as `script` and `title`, which contain only text. As
    in a browser, the content ends at the first end tag of that name.
    """
    ends = re.finditer(f"</{name}>", html, re.IGNORECASE)
    end = next(ends, None)
    behind = 0
    for begin, attributes in _tags(html, name):
        if begin < behind:
            # this tag is part of the content of the previous element
            continue
        while end is not None and end.start() < begin:
            end = next(ends, None)
        if end is None:
            return
        yield attributes, html[begin : end.start()]
        behind = end.end()


def _tags(html: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the end position and the attributes of each tag with the given name."""
    begins, behind = re.compile(rf"<{name}\b", re.IGNORECASE), 0
    while begin := begins.search(html, behind):
        end = html.find(">", begin.end())
        if end < 0:
            return
        behind = end + 1
        yield behind, html[begin.end() : end]
