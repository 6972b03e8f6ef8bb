"""A local copy of a site whose pages lead to the original site."""

import json

import pytest

from tests.acceptance.crawls.timed_site import SiteResponse, timed_site
from tests.acceptance.spiders.reading import crawl

#: The original site: the test's server answers for it, as its proxy.
HOST = "homes.example"


def listing(number, site=""):
    return f"{site}/detail/koop/delft/huis-kade-{number}/4123456{number}/"


def at_original(number):
    return listing(number, f"http://{HOST}")


def card(href):
    return (
        '<div class="@container"><a data-testid="listingDetailsAddress" '
        f'href="{href}"><div>Kade 1</div><div>2611 DX Delft</div></a></div>'
    )


def linked_data(*urls):
    each = [{"@type": "ListItem", "url": url} for url in urls]
    data = {"@type": ["ItemList", "WebPage"], "itemListElement": each}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def search(*parts):
    return SiteResponse(
        body=f'<h1 data-testid="pageHeader">2 koopwoningen</h1>{"".join(parts)}'
    )


def redirect(url, status=302):
    return SiteResponse(status, "", {"Location": url})


DETAIL = SiteResponse(
    body="<dl><dt>Vraagprijs</dt><dd>€ 105.000 kosten koper</dd></dl>"
)
MOVED = SiteResponse(
    body=f'<meta http-equiv="refresh" content="0; url={at_original(4)}">'
)
#: How the pages of the copy, or the responses to requests, lead to the original site.
WAYS = {
    "linked data": (search(linked_data(*map(at_original, (1, 2)))), {}),
    "links": (search(*(card(at_original(n)) for n in (1, 2))), {}),
    "links without a scheme": (
        search(*(card(listing(n, f"//{HOST}")) for n in (1, 2))),
        {},
    ),
    "answers that lead on": (
        search(*(card(listing(n)) for n in (1, 2))),
        {listing(n): [redirect(at_original(n + 2)), DETAIL] for n in (1, 2)},
    ),
    "pages that lead on": (
        search(*(card(listing(n)) for n in (1, 2))),
        {
            listing(1): [MOVED, DETAIL],
            listing(2): [redirect(at_original(3), 301), DETAIL],
        },
    ),
    "a search that leads on": (redirect(f"http://{HOST}/zoeken/huur"), {}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.timeout(90)
def test_original_site_is_requested_at_its_own_pace(monkeypatch, way):
    first, answers = WAYS[way]
    other_search = search(*(card(listing(n)) for n in (1, 2)))
    with timed_site(zoeken_koop=[first], zoeken_huur=[other_search], **answers) as site:
        monkeypatch.setenv("http_proxy", site.url)
        result = crawl(place="delft", base_url=site.url)
        assert result.reason == "finished"
        assert len(site.paths(HOST)) >= 3
        # the delay is two seconds, half of it random
        assert min(site.gaps(HOST)) > 0.9
        assert max(site.gaps(), default=0) < 0.9


def test_copy_and_original_are_each_requested_at_their_own_pace(monkeypatch):
    with timed_site() as site:
        monkeypatch.setenv("http_proxy", site.url)
        at_copy = [listing(number, site.url) for number in range(5)]
        urls = [at_original(6), *at_copy, at_original(7)]
        crawl(start_urls=urls)
        # each with its robots.txt
        assert (len(site.paths()), len(site.paths(HOST))) == (6, 3)
        assert min(site.gaps(HOST)) > 0.9
        assert max(site.gaps()) < 0.9
