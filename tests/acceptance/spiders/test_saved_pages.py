"""Pages that were saved, instead of the net."""

from __future__ import annotations

import gzip
import os
import re

import pytest

from tests.acceptance.spiders.reading import crawl, open_ids, site_answer


def test_saved_pages_instead_of_the_net(site, tmp_path):
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
    read = crawl(pages=str(tmp_path))
    details = [item for item in read.items if item.page == "detail"]
    assert [item.listing_id for item in details] == [listing.home.listing_id]
    # when the page was read is when its file was written
    assert details[0].scraped_at == "2025-06-15T15:06:40.000000+00:00"
    assert len([item for item in read.items if item.page == "search"]) >= 14
    assert read.reason == "finished"


def test_saved_pages_that_are_blocked_or_empty_are_said(tmp_path):
    (tmp_path / "a.html").write_text("<title>Just a moment...</title>")
    read = crawl(pages=str(tmp_path))
    assert (read.reason, read.items) == ("blocked", [])
    (tmp_path / "b.html").write_text("<title>Over ons</title>")
    read = crawl(pages=str(tmp_path))
    assert (read.reason, read.items, len(read.missing)) == ("finished", [], 2)


@pytest.mark.parametrize("length", [2, 30])
def test_a_packed_page_that_was_cut_off_is_said(tmp_path, length):
    packed = gzip.compress(b"<title>Kade 1</title>" * 10)
    (tmp_path / "a.html.gz").write_bytes(packed[:length])
    read = crawl(pages=str(tmp_path))
    assert "spider_exceptions/count" not in read.stats
    (missing,) = read.missing
    assert missing == f"{tmp_path}/a.html.gz holds no listing that can be read"


def spoil(page, ids):
    """Return a page whose listings' ids are no ids any more."""
    for key in ids:
        page = re.sub(rb"(?<!\d)%s(?!\d)" % key.encode(), key.encode() + b"999", page)
    return page


@pytest.mark.parametrize("spoiled", [2, 15])
def test_listings_that_cannot_be_read_are_said(site, tmp_path, spoiled):
    page = site_answer(site, "/zoeken/koop?selected_area=%5B%22duinhaven%22%5D")
    first = tmp_path / "zoeken" / "koop"
    first.parent.mkdir()
    first.write_bytes(page)
    ids = sorted(crawl(start_urls=first.as_uri(), max_pages=1, details="off").ids)
    assert len(ids) == 15
    first.write_bytes(spoil(page, ids[:spoiled]))
    read = crawl(start_urls=first.as_uri(), max_pages=1, details="off")
    assert read.ids == set(ids[spoiled:])
    assert read.count("listings_unread") == spoiled
    said = f"holds {spoiled} listings in a form that cannot be read"
    assert read.missing == [f"page 1 of the search {first.as_uri()} {said}"]
    saved = first.rename(tmp_path / "saved.html")
    read = crawl(pages=str(saved))
    assert read.ids == set(ids[spoiled:])
    assert read.missing == [f"{saved} {said}"]
