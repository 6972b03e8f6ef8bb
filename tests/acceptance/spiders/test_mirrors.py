"""A copy of a site on this machine whose pages lead to the site itself."""

import json

import pytest

from tests.acceptance.crawls.timed_site import SiteResponse, timed_site
from tests.acceptance.spiders.reading import crawl

#: The site itself: the test's server answers for it, as its proxy.
HOST = "homes.example"


def listing(number, site=""):
    return f"{site}/detail/koop/delft/huis-kade-{number}/4123456{number}/"


def there(number):
    return listing(number, f"http://{HOST}")


def card(href):
    return (
        '<div class="@container"><a data-testid="listingDetailsAddress" '
        f'href="{href}"><div>Kade 1</div><div>2611 DX Delft</div></a></div>'
    )


def linked(*urls):
    each = [{"@type": "ListItem", "url": url} for url in urls]
    data = {"@type": ["ItemList", "WebPage"], "itemListElement": each}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def search(*parts):
    return SiteResponse(
        body=f'<h1 data-testid="pageHeader">2 koopwoningen</h1>{"".join(parts)}'
    )


def led(url, status=302):
    return SiteResponse(status, "", {"Location": url})


DETAIL = SiteResponse(
    body="<dl><dt>Vraagprijs</dt><dd>€ 105.000 kosten koper</dd></dl>"
)
MOVED = SiteResponse(body=f'<meta http-equiv="refresh" content="0; url={there(4)}">')
#: How a page of the copy, or who asks for it, leads to the site itself.
WAYS = {
    "linked data": (search(linked(*map(there, (1, 2)))), {}),
    "links": (search(*(card(there(n)) for n in (1, 2))), {}),
    "links without a scheme": (
        search(*(card(listing(n, f"//{HOST}")) for n in (1, 2))),
        {},
    ),
    "answers that lead on": (
        search(*(card(listing(n)) for n in (1, 2))),
        {listing(n): [led(there(n + 2)), DETAIL] for n in (1, 2)},
    ),
    "pages that lead on": (
        search(*(card(listing(n)) for n in (1, 2))),
        {listing(1): [MOVED, DETAIL], listing(2): [led(there(3), 301), DETAIL]},
    ),
    "a search that leads on": (led(f"http://{HOST}/zoeken/huur"), {}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.timeout(90)
def test_the_site_itself_is_asked_at_its_own_pace(monkeypatch, way):
    first, answers = WAYS[way]
    there_too = search(*(card(listing(n)) for n in (1, 2)))
    with timed_site(zoeken_koop=[first], zoeken_huur=[there_too], **answers) as site:
        monkeypatch.setenv("http_proxy", site.url)
        read = crawl(place="delft", base_url=site.url)
        assert read.reason == "finished"
        assert len(site.paths(HOST)) >= 3
        # two seconds, half of them at random
        assert min(site.gaps(HOST)) > 0.9
        assert max(site.gaps(), default=0) < 0.9


def test_addresses_of_both_are_each_asked_at_their_own_pace(monkeypatch):
    with timed_site() as site:
        monkeypatch.setenv("http_proxy", site.url)
        near = [listing(number, site.url) for number in range(5)]
        urls = [there(6), *near, there(7)]
        crawl(start_urls=urls)
        # each with its robots.txt
        assert (len(site.paths()), len(site.paths(HOST))) == (6, 3)
        assert min(site.gaps(HOST)) > 0.9
        assert max(site.gaps()) < 0.9
