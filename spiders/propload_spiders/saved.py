"""Saved pages as a source, read with the same parsing as a crawl."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy.http import HtmlResponse

from propload.config.values import read_moment
from propload_spiders.extraction.addresses import is_search_url, read_listing_url
from propload_spiders.extraction.detail import gone_item, read_detail
from propload_spiders.extraction.kinds import Kind, kind_of
from propload_spiders.extraction.scripts import own_address
from propload_spiders.extraction.search import read_search
from propload_spiders.extraction.texts import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from scrapy.settings import BaseSettings

    from propload_spiders.items import ListingItem

#: The setting that says when saved pages were read: of the sink, or from `--as-of`.
_AS_OF = "PROPLOAD_AS_OF"
#: The first bytes of a gzip file, whatever its name.
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class SavedPage:
    """One saved page.

    Attributes:
        html: Its text.
        url: The address that it says it came from, or else that of the site.
        scraped_at: When the page was read, as far as is known.
    """

    html: str
    url: str
    scraped_at: str

    @property
    def kind(self) -> Kind:
        """The kind of the page."""
        return kind_of(self.html)

    def listings(self) -> tuple[tuple[ListingItem, ...], int]:
        """Return its listings, and how many others on it cannot be read."""
        origin = {"url": self.url, "scraped_at": self.scraped_at}
        if self.kind == "gone":
            gone = gone_item(self.url, scraped_at=self.scraped_at)
            return (gone,) if gone else (), 0
        is_search = is_search_url(self.url)
        detail = None if is_search else read_detail(self.html, **origin)
        if detail and read_listing_url(self.url):
            return (detail,), 0
        search_page = read_search(self.html, **origin)
        return search_page.items or ((detail,) if detail else ()), search_page.unread


def stated_as_of(settings: BaseSettings, /) -> datetime | None:
    """Return when saved pages were read according to the user; None if not given."""
    moment = settings.get(_AS_OF)
    return read_moment(moment) if moment else None


def open_saved(
    path: Path, body: bytes, /, *, base: str, as_of: datetime | None
) -> SavedPage:
    """Return a saved page.

    Args:
        path: Its file.
        body: The file's bytes, gzipped or not; the page itself names its encoding.
        base: The site that relative addresses belong to.
        as_of: When the page was read; None for the modification time of the file.
    """
    html = HtmlResponse(path.as_uri(), body=_unpacked(body)).text
    read = as_of or datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    return SavedPage(html, own_address(html) or f"{base}/", timestamp(read))


def _unpacked(body: bytes) -> bytes:
    """Return a file's content, unzipped; b"" if it is truncated or damaged gzip."""
    if not body.startswith(_GZIP):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return b""
