"""Definition lists of a detail page, which have titles among the rows.

`Gebruiksoppervlakten` is a `dt` without a `dd` of its own, or one whose `dd` contains
another list: pairing the n-th `dt` with the n-th `dd` would shift every row after it.
So rows are paired by the order of `dt` and `dd` in the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsel import Selector

from propload_spiders.extraction.rows import Row, visible
from propload_spiders.extraction.texts import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTER_LISTS = "//dl[not(ancestor::dl)]"
#: The parts of a list itself, without those of nested lists; sites may wrap each pair
#: in a `div`.
_PARTS = "./dt | ./dd | ./div/dt | ./div/dd | ./dl"
_HEADING = "(preceding::h2 | preceding::h3)[last()]//text()"
_ANSWER = ".//text()[not(ancestor::button) and not(ancestor::svg)]"


def definition_rows(html: str, /) -> Iterator[Row]:
    """Yield the rows of a page's definition lists, in order."""
    if "<dl" not in html:
        return
    for outer in Selector(html, type="html").xpath(_OUTER_LISTS):
        heading = joined(outer.xpath(_HEADING).getall())
        yield from _rows(outer, (heading,) if heading else ())


def _rows(part: Selector, titles: tuple[str, ...]) -> Iterator[Row]:
    """Yield a list's rows; a `dt` directly followed by another `dt` is a title."""
    label: str | None = None
    title: str | None = None
    for element in part.xpath(_PARTS):
        kind = element.root.tag
        if kind == "dt":
            title = label or title
            label = joined(element.xpath(".//text()").getall())
            continue
        above = tuple(name for name in (*titles, title) if name)
        inner = [element] if kind == "dl" else element.xpath("./dl | ./div/dl")
        if inner:
            path = (*above, label) if label else above
            for nested in inner:
                yield from _rows(nested, path)
        elif label and (value := visible(joined(element.xpath(_ANSWER).getall()))):
            yield Row((*above, label), value)
        label = None
