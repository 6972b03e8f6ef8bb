"""What the tests of crawls share: a site, a database to load into, and its rows."""

from __future__ import annotations

from propload.ingesting import ingest
from propload.postgres.session.connection import connect
from propload_spiders.spiders.funda import FundaSpider

TABLE = "listings"


def everywhere(site):
    return ",".join(site.places)


def load(site, database, spider=FundaSpider, *, crawl_settings=None, **told):
    """Crawl the whole site into the table of a database, and return the report."""
    arguments = {"base_url": site.url, **told}
    if "start_urls" not in told:
        arguments.setdefault("place", everywhere(site))
    return ingest(
        spider,
        arguments=arguments,
        crawl_settings=crawl_settings,
        to=database,
        table=TABLE,
        progress=False,
    )


def ask(database, sql, *values):
    with connect(database) as session:
        return session.rows(sql, values)


def stored_ids(database):
    return {key for (key,) in ask(database, f"SELECT listing_id FROM {TABLE}")}


def at_once(number):
    return {
        "CONCURRENT_REQUESTS": number,
        "CONCURRENT_REQUESTS_PER_DOMAIN": number,
    }
