"""Saved pages are read instead of a site."""

from __future__ import annotations

import gzip
import os
import re

import pytest

from tests.acceptance.spiders.reading import crawl, open_ids, site_answer


def test_saved_pages_are_read_instead_of_a_site(site, tmp_path):
    listing = site.listings[min(open_ids(site))]
    pages = {
        "search.html": "/zoeken/koop?selected_area=%5B%22duinhaven%22%5D",
        "detail.html": listing.path,
    }
    for name, path in pages.items():
        body = site_answer(site, path)
        address = f'<link rel="canonical" href="https://www.funda.nl{path}">'
        (tmp_path / name).write_bytes(
            body.replace(b"<head>", b"<head>" + address.encode())
        )
    packed = gzip.compress((tmp_path / "detail.html").read_bytes())
    (tmp_path / "detail.html").unlink()
    (tmp_path / "detail.html.gz").write_bytes(packed)
    os.utime(tmp_path / "detail.html.gz", (1_750_000_000, 1_750_000_000))
    result = crawl(pages=str(tmp_path))
    details = [item for item in result.items if item.page == "detail"]
    assert [item.listing_id for item in details] == [listing.home.listing_id]
    # the page counts as read when its file was written
    assert details[0].scraped_at == "2025-06-15T15:06:40.000000+00:00"
    assert len([item for item in result.items if item.page == "search"]) >= 14
    assert result.reason == "finished"


def test_saved_pages_that_are_blocked_or_empty_are_reported(tmp_path):
    (tmp_path / "a.html").write_text("<title>Just a moment...</title>")
    result = crawl(pages=str(tmp_path))
    assert (result.reason, result.items) == ("blocked", [])
    (tmp_path / "b.html").write_text("<title>Over ons</title>")
    result = crawl(pages=str(tmp_path))
    assert (result.reason, result.items, len(result.missing)) == ("finished", [], 2)


@pytest.mark.parametrize("length", [2, 30])
def test_truncated_gz_page_is_reported(tmp_path, length):
    packed = gzip.compress(b"<title>Kade 1</title>" * 10)
    (tmp_path / "a.html.gz").write_bytes(packed[:length])
    result = crawl(pages=str(tmp_path))
    assert "spider_exceptions/count" not in result.stats
    (missing,) = result.missing
    assert missing == f"{tmp_path}/a.html.gz holds no listing that can be read"


def spoil(page, ids):
    """Return a page in which these ids of listings are no longer valid."""
    for key in ids:
        page = re.sub(rb"(?<!\d)%s(?!\d)" % key.encode(), key.encode() + b"999", page)
    return page


@pytest.mark.parametrize("spoiled", [2, 15])
def test_listings_that_cannot_be_read_are_reported(site, tmp_path, spoiled):
    page = site_answer(site, "/zoeken/koop?selected_area=%5B%22duinhaven%22%5D")
    first = tmp_path / "zoeken" / "koop"
    first.parent.mkdir()
    first.write_bytes(page)
    ids = sorted(crawl(start_urls=first.as_uri(), max_pages=1, details="off").ids)
    assert len(ids) == 15
    first.write_bytes(spoil(page, ids[:spoiled]))
    result = crawl(start_urls=first.as_uri(), max_pages=1, details="off")
    assert result.ids == set(ids[spoiled:])
    assert result.count("listings_unread") == spoiled
    message = f"holds {spoiled} listings in a form that cannot be read"
    assert result.missing == [f"page 1 of the search {first.as_uri()} {message}"]
    saved = first.rename(tmp_path / "saved.html")
    result = crawl(pages=str(saved))
    assert result.ids == set(ids[spoiled:])
    assert result.missing == [f"{saved} {message}"]
