"""Map rows of listings, like those of a file or a crawl."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, cached_property

import polars as pl

from propload.batch import ROW
from propload.prepare.mapping import MapContext
from propload_spiders.items import ListingItem
from propload_spiders.mapping import FUNDA

AS_OF = datetime(2022, 4, 8, 12, tzinfo=UTC)
URL = "https://www.funda.nl/en/koop/delft/appartement-42638761-lange-geer-1-a/"
NEEDED = {"url": URL, "scraped_at": "2026-07-04T10:00:00.000000+00:00"}


def apply(*rows, as_of=AS_OF):
    frame = pl.from_dicts(list(rows), infer_schema_length=None)
    return FUNDA.apply(frame, MapContext(as_of=as_of, source="here"))


def listings(*cells):
    """Return the mapped row of each dict, all of one frame, which has a fixed cost."""
    sifted = apply(*({"url": URL} | one for one in cells))
    assert sifted.reasons.is_empty(), sifted.reasons["message"].to_list()
    return sifted.frame.rows(named=True)


def listing(**cells):
    (row,) = listings(cells)
    return row


@cache
def cases_mapped(cases):
    """Return the mapped row and the reason of each case, all mapped as one frame.

    Args:
        cases: The cases, each with a row's columns and texts as pairs; a URL is added.
    """
    sifted = apply(*({"url": URL} | dict(cells) for cells in cases))
    good = {row[ROW]: row for row in sifted.frame.rows(named=True)}
    bad = {reason[ROW]: reason for reason in sifted.reasons.rows(named=True)}
    assert len(good) + sifted.reasons.height == len(cases)
    return {case: (good.get(n), bad.get(n)) for n, case in enumerate(cases)}


class MappedTogether:
    """Rows of several tests, mapped as one frame when the first of them is needed."""

    def __init__(self, as_of=AS_OF):
        self._as_of = as_of
        self._given = []

    def of(self, **cells):
        """Add a row, and return a function that returns it mapped."""
        number = len(self._given)
        self._given.append({"url": URL} | cells)
        return lambda: self._mapped[number]

    @cached_property
    def _mapped(self):
        sifted = apply(*self._given, as_of=self._as_of)
        assert sifted.reasons.is_empty(), sifted.reasons["message"].to_list()
        return sifted.frame.rows(named=True)


def item(**texts):
    key = {"source": "funda", "listing_id": "42638761", "page": "detail"}
    return asdict(ListingItem(**(key | NEEDED | texts)))
