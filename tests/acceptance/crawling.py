"""Helpers for tests of crawls: load the demo site into a database, read the rows."""

from __future__ import annotations

from propload.ingesting import ingest
from propload_spiders.spiders.funda import FundaSpider
from tests.integration.reading import query

TABLE = "listings"


def all_places(site):
    return ",".join(site.places)


def load(
    site, database, spider=FundaSpider, *, crawl_settings=None, **spider_arguments
):
    """Crawl the whole site into the table of a database, and return the report."""
    arguments = {"base_url": site.url, **spider_arguments}
    if "start_urls" not in spider_arguments:
        arguments.setdefault("place", all_places(site))
    return ingest(
        spider,
        arguments=arguments,
        crawl_settings=crawl_settings,
        to=database,
        table=TABLE,
        progress=False,
    )


def stored_ids(database):
    return {key for (key,) in query(database, f"SELECT listing_id FROM {TABLE}")}


def requests_at_once(number):
    return {
        "CONCURRENT_REQUESTS": number,
        "CONCURRENT_REQUESTS_PER_DOMAIN": number,
    }
