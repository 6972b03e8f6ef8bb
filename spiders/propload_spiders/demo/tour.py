"""Run `propload demo`: two days of the demo site, crawled, loaded and compared."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from propload import config
from propload.errors import ConfigError
from propload.ingesting import ingest
from propload.messages.wording import counted
from propload.running.choosing import open_database
from propload.running.planning import Plan
from propload_spiders.demo import comparing
from propload_spiders.demo.site import DemoSite
from propload_spiders.demo.tour_report import Crawl, Day, TourReport
from propload_spiders.spiders.funda import FundaSoldSpider, FundaSpider

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.options import Settings
    from propload.postgres.session.connection import Connection

#: Two days with this many listings take about 20 seconds on two busy cores.
LISTINGS = 400
#: The fewest listings with which every kind of change happens on day 2.
FEWEST = 100


def show_demo(
    tell: Callable[[str], None],
    /,
    *,
    listings: int = LISTINGS,
    keep: bool = False,
    settings: Settings | None = None,
) -> TourReport:
    """Crawl two days of the demo site into a table, and return the report.

    Args:
        tell: Called with a few lines of text whenever there is something to show.
        listings: Homes for sale on the site's first day.
        keep: Whether to keep the rows of an earlier demo instead of dropping them.
        settings: Settings of the runs, such as `to` and `state_dir`.

    Raises:
        ConfigError: A table of the same name is not a demo's, or there are too few
            listings.
        LoadError: A crawl could not be loaded.
    """
    if listings < FEWEST:
        few = counted(listings, "listing is", "listings are")
        msg = f"{few} too few for a demo: give {FEWEST} or more"
        raise ConfigError(msg)
    plan = Plan.of(config.resolve(settings or {}))
    began = time.monotonic()
    with (
        DemoSite(listings=listings) as site,
        open_database(plan) as database,
        database.connect() as session,
    ):
        tour = _Tour(site, session, tell, settings or {})
        tour.open(keep=keep)
        days = (tour.first_day(), tour.second_day())
        report = TourReport(
            database=database.label,
            is_embedded="to" not in plan.settings,
            days=days,
            changes=comparing.count_changes(session),
            price_changes=comparing.find_price_changes(session),
            seconds=time.monotonic() - began,
            commands=plan.commands,
        )
    tell(str(report))
    return report


class _Tour:
    """The two days, one after the other."""

    def __init__(
        self,
        site: DemoSite,
        session: Connection,
        tell: Callable[[str], None],
        settings: Settings,
    ) -> None:
        self._site = site
        self._session = session
        self._tell = tell
        self._settings = settings

    def open(self, *, keep: bool) -> None:
        """Drop the tables of an earlier demo unless `keep`, and introduce the site."""
        comparing.open_tables(self._session, keep=keep)
        site = self._site
        homes = [
            listing
            for listing in site.listings.values()
            if listing.home.offering == "buy"
        ]
        sold = sum(listing.is_closed for listing in homes)
        self._tell(
            f"A made-up property site is at {site.url}, on this machine. What is read "
            f"from it: {len(homes) - sold:,} homes for sale and {sold:,} sold ones in "
            f"{len(site.places)} towns.\n"
        )

    def first_day(self) -> Day:
        """Crawl day 1, and copy the table for the comparison with day 2."""
        self._site.set_day(0)
        day = Day(1, tuple(self._crawl_searches()))
        comparing.remember_day(self._session)
        self._tell(day.table())
        return day

    def second_day(self) -> Day:
        """Crawl day 2, and the detail pages of listings that no search shows now."""
        began = datetime.now(UTC)
        self._site.set_day(1)
        crawls = self._crawl_searches()
        urls = comparing.find_unseen(self._session, began)
        if urls:
            crawls.append(self._crawl(FundaSpider, "pages of the missing", urls=urls))
        day = Day(2, tuple(crawls))
        self._tell(day.table())
        return day

    def _crawl_searches(self) -> list[Crawl]:
        spiders = (FundaSpider, FundaSoldSpider)
        return [self._crawl(spider, f"spider:{spider.name}") for spider in spiders]

    def _crawl(
        self, spider: type[FundaSpider], name: str, *, urls: list[str] | None = None
    ) -> Crawl:
        site = self._site
        arguments: dict[str, object] = {"base_url": site.url}
        arguments |= {"start_urls": urls} if urls else {"place": ",".join(site.places)}
        before = _pages(site)
        try:
            report = ingest(spider, arguments=arguments, **self._target())
        finally:
            # even after a failure, so that the demo can be run again
            comparing.mark_table(self._session)
        return Crawl(name, _pages(site) - before, report)

    def _target(self) -> Settings:
        """Return a crawl's settings; its target does not depend on configuration."""
        return {
            **self._settings,
            "table": comparing.TABLE,
            "mapping": FundaSpider.mapping,
            "schema": FundaSpider.schema,
            "key": ("source", "listing_id"),
            "newest": "scraped_at",
            "mode": "upsert",
            "on_null": "keep",
        }


def _pages(site: DemoSite) -> int:
    """Return the number of pages requested so far, without robots.txt."""
    return site.served.requests - site.served.counts.get("robots", 0)
