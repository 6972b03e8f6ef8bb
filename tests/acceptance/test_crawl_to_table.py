"""Crawls of the demo site over real HTTP, loaded into a real database, row by row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from propload.checking.check import check
from propload.errors import LoadError
from propload.postgres.session.connection import connect
from propload_spiders.demo import ALL_TRAPS, DemoSite, Traps
from propload_spiders.demo.tour import show_demo
from propload_spiders.spiders.funda import FundaSoldSpider, FundaSpider
from tests.acceptance.crawling import (
    TABLE,
    all_places,
    load,
    requests_at_once,
    stored_ids,
)
from tests.faults.server import wait_until
from tests.integration.reading import query

pytestmark = [
    pytest.mark.timeout(240),
    # these tests are of crawls; other tests load into both servers
    pytest.mark.one_server,
]

REPOSITORY = Path(__file__).resolve().parents[2]
LISTINGS = 150
MANY_LISTINGS = 2000
#: The fewest that a demo accepts.
DEMO_LISTINGS = 100


def stored(database):
    columns = "listing_id, status, list_price, living_area_m2, city, postal_code"
    rows = query(database, f"SELECT {columns} FROM {TABLE}")
    return {key: tuple(values) for key, *values in rows}


def true_values(site, key):
    listing = site.market.on(1).get(key)
    listing = site.listings.get(key, listing)
    home = listing.home
    area = None if home.living_area is None else float(home.living_area)
    return listing.price, area, home.town.name, home.postal_code


# detail pages make a crawl ten times as long: one of these crawls is a large one
@pytest.mark.parametrize(
    ("number", "details", "listings"),
    [
        (1, "on", LISTINGS),
        (16, "on", MANY_LISTINGS),
        (64, "on", LISTINGS),
        (1, "off", MANY_LISTINGS),
        (16, "off", MANY_LISTINGS),
        (64, "off", MANY_LISTINGS),
    ],
)
def test_table_holds_exactly_what_the_site_served(database, number, details, listings):
    with DemoSite(listings=listings, traps=ALL_TRAPS) as site:
        report = load(
            site, database, crawl_settings=requests_at_once(number), details=details
        )
        rows = stored(database)
        assert set(rows) == site.served.listings
        assert report.status == "loaded"
        assert report.counts.inserted == report.counts.read == len(rows)
        gone = {key for key, (status, *_) in rows.items() if status == "withdrawn"}
        assert gone == site.served.gone
        wrong = {
            key: (values, true_values(site, key))
            for key, (_, *values) in rows.items()
            if tuple(values) != true_values(site, key)
        }
        assert wrong == {}
        assert bool(site.served.details) == (details == "on")


@pytest.mark.parametrize("as_class", [True, False])
def test_crawl_can_be_checked_without_writing(database, as_class):
    arguments = {"max_pages": 1, "details": "off"}
    with DemoSite(listings=LISTINGS) as site:
        arguments |= {"place": all_places(site), "base_url": site.url}
        target = {"to": database, "table": TABLE}
        # arguments of a spider may also be keywords, as for ingest
        found = (
            check(FundaSpider, **arguments, **target)
            if as_class
            else check("spider:funda", arguments=arguments, **target)
        )
        assert found.rows == len(site.served.listings) > 0
    assert (found.problems, found.rejected, found.exists) == ((), 0, False)
    assert query(database, "SELECT to_regclass($1)::text", TABLE) == [(None,)]


def test_interrupted_check_of_a_crawl_reports_the_rows_read_so_far(database):
    slow = ["--set", "CONCURRENT_REQUESTS=1", "--set", "DOWNLOAD_DELAY=0.5"]
    with DemoSite(listings=LISTINGS) as site:
        spider_arguments = [
            "-a",
            f"place={all_places(site)}",
            "-a",
            f"base_url={site.url}",
        ]
        arguments = [
            "check",
            "spider:funda",
            *spider_arguments,
            *slow,
            "--to",
            database,
            "--json",
        ]
        with subprocess.Popen(
            [sys.executable, "-m", "propload", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(lambda: len(site.served.details) > 2)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 130, stderr
    found = json.loads(stdout)
    assert found["interrupted"]
    assert 0 < found["rows"] < LISTINGS
    assert "SIGINT: rows already read are still checked" in stderr
    assert "ERROR" not in stderr
    assert "Traceback" not in stderr


def test_demo_reports_exactly_the_changes_between_two_days(database):
    lines = []
    report = show_demo(
        lines.append, listings=DEMO_LISTINGS, settings=quiet_settings(database)
    )
    with DemoSite(listings=DEMO_LISTINGS) as site:
        truth = site.changes(1)
        before, after = site.market.on(0), site.market.on(1)
    assert report.changes.new == len(truth.new)
    assert report.changes.sold == len(truth.closed)
    assert report.changes.withdrawn == len(truth.withdrawn)
    assert sorted((one.before, one.now) for one in report.price_changes) == sorted(
        (before[key].price, after[key].price) for key in truth.price_changed
    )
    assert report.changes.price_changed == len(truth.price_changed) > 0
    for day in report.days:
        assert all(one.report.status == "loaded" for one in day.crawls)
    shown = "\n".join(lines)
    assert f"{len(truth.new):,} new, {len(truth.closed):,} sold" in shown
    assert "SELECT city" in shown
    sale, sold = (one.report.counts.read for one in report.days[0].crawls)
    assert f"read from it: {sale} homes for sale and {sold} sold ones" in lines[0]

    # a second demo starts over, or keeps what is there
    again = json.loads(
        run_propload(*demo_arguments(database), "--json", "--keep").stdout
    )
    assert again["changes"]["stored"] == report.changes.stored
    assert again["changes"]["price_changed"] == report.changes.price_changed
    assert again["changes"]["new"] == 0
    assert again["days"][1]["crawls"][0]["report"]["status"] == "loaded"

    # it never drops a table that no demo made
    for table in ("demo_listings", "demo_listings_day_1"):
        run_statement(database, f"COMMENT ON TABLE {table} IS NULL")
        refused = run_propload(*demo_arguments(database), check=2)
        assert f"{table} is there and was not made by a demo" in refused.stderr
        run_statement(database, f"COMMENT ON TABLE {table} IS 'made by propload demo'")


def quiet_settings(database):
    return {"to": database, "progress": False}


def run_statement(database, statement):
    with connect(database) as session:
        session.execute(statement)
        session.commit()


def demo_arguments(database):
    return ("demo", "--listings", str(DEMO_LISTINGS), "--to", database)


def run_propload(*arguments, check=0):
    completed = subprocess.run(
        [sys.executable, "-m", "propload", *arguments],
        env={**os.environ, "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert completed.returncode == check, completed.stdout + completed.stderr
    return completed


# ---- sites that fail ----


def test_each_page_missing_after_a_site_died_is_noted(database):
    with DemoSite(listings=LISTINGS) as site:
        stop_after(site, details=40)
        report = load(site, database, crawl_settings=requests_at_once(8))
        assert stored_ids(database) == site.served.listings
        missing = len(site.served.listings) - len(site.served.details)
        assert missing > 0
        lost = [note for note in report.notes if "the listing's page" in note]
        assert len(lost) == min(missing, 100)
        assert "its search page's texts were kept" in lost[0]
        assert any("pages could not be fetched" in note for note in report.notes)
        shown = str(report)
        assert f"more: propload runs show {report.run_id} --json" in shown


def test_search_page_that_never_arrives_is_noted(database):
    with DemoSite(listings=LISTINGS) as site:
        stop_after(site, searches=3)
        report = load(site, database, crawl_settings=requests_at_once(1), details="off")
        assert stored_ids(database) == site.served.listings
        # listings behind a missing page are missing too, and are noted
        assert len(site.served.listings) < LISTINGS
        missing = [note for note in report.notes if "of the search" in note]
        assert missing
        assert all("is missing" in note for note in missing)


def test_crawl_of_a_site_that_is_down_is_an_error(database):
    with DemoSite(listings=LISTINGS) as site:
        site.stop()
        with pytest.raises(LoadError, match="and all after it") as caught:
            load(site, database, place="duinhaven")
    assert caught.value.exit_code == 4
    assert caught.value.report.counts.read == 0


def stop_after(site, **limits):
    """Stop a site, as by a crash, when it has sent so many pages of a kind."""
    page_kind, limit = next(iter(limits.items()))
    page_kind = {"details": "detail", "searches": "search"}[page_kind]
    reached = threading.Event()
    note = site.served.note

    def noting(served_kind, ids=()):
        note(served_kind, ids)
        if site.served.counts.get(page_kind, 0) >= limit:
            reached.set()

    def stop():
        reached.wait(100)
        site.stop()

    site.served.note = noting
    threading.Thread(target=stop, daemon=True).start()


def test_blocked_crawl_exits_with_5_and_keeps_its_rows(database):
    with DemoSite(listings=LISTINGS, traps=Traps(block_after=60)) as site:
        completed = run_propload(
            "ingest",
            "spider:funda",
            *("-a", f"place={all_places(site)}", "-a", f"base_url={site.url}"),
            *("--set", "CONCURRENT_REQUESTS=4", "--to", database, "--json"),
            check=5,
        )
        report = json.loads(completed.stdout)
        assert report["status"] == "blocked"
        assert report["target"]["table"] == "public.listings"
        assert stored_ids(database) == site.served.listings != set()
        assert "refuses this crawl" in completed.stderr
        assert "nothing waits" in report["message"]


@pytest.mark.parametrize("status", [403, 429])
def test_refusal_of_the_first_page_counts_as_blocked(database, status):
    traps = Traps(block_after=0, block_status=status)
    with (
        DemoSite(listings=LISTINGS, traps=traps) as site,
        pytest.raises(LoadError, match="refused by the site") as caught,
    ):
        load(site, database, crawl_settings={"RETRY_TIMES": 1})
    assert caught.value.exit_code == 5
    assert caught.value.report.status == "blocked"


def test_pages_that_robots_txt_forbids_are_not_requested(database):
    with DemoSite(listings=LISTINGS, traps=Traps(robots="nothing")) as site:
        # several requests wait for robots.txt together
        with pytest.raises(LoadError, match=r"start_urls.*saved pages") as caught:
            load(site, database)
        assert site.served.counts == {"robots": 1}
    assert caught.value.exit_code == 5
    assert caught.value.report.counts.read == 0


def test_unknown_place_is_an_error_and_an_empty_search_is_not(database):
    with DemoSite(listings=LISTINGS) as site:
        with pytest.raises(LoadError, match="does not know the place") as caught:
            load(site, database, place="nowhere")
        assert caught.value.exit_code == 4
        report = load(site, database, price="1-2")
        assert (report.status, report.counts.read) == ("loaded", 0)
        assert any("found nothing" in note for note in report.notes)


def test_sold_or_withdrawn_page_erases_no_stored_values(database):
    with DemoSite(listings=LISTINGS) as site:
        load(site, database)
        before = stored(database)
        site.set_day(1)
        load(site, database, FundaSoldSpider)
        closed, gone = site.changes(1).closed, site.changes(1).withdrawn & set(before)
        paths = [f"{site.url}{site.listings[key].path}" for key in sorted(gone)]
        report = load(site, database, start_urls=paths)
        after = stored(database)
    assert report.counts.updated == len(gone) > 0
    assert {after[key][0] for key in closed} == {"sold"}
    for key in gone:
        assert after[key] == ("withdrawn", *before[key][1:])


# ---- several crawls ----


def test_two_concurrent_crawls_both_load_their_rows(database):
    with DemoSite(listings=LISTINGS) as site:
        # the table is created beforehand, as both crawls would create it
        load(site, database, max_pages=1, details="off")
        reports = {}

        def crawl(spider):
            reports[spider] = load(site, database, spider)

        threads = [
            threading.Thread(target=crawl, args=(spider,), daemon=True)
            for spider in (FundaSpider, FundaSoldSpider)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        assert {one.status for one in reports.values()} == {"loaded"}
        assert len(reports) == 2
        assert stored_ids(database) == site.served.listings


def test_scrapy_crawl_loads_through_the_sink(database, tmp_path):
    with DemoSite(listings=LISTINGS) as site:
        sink = "propload.sources.spiders.PropLoadAddon"
        settings = {
            "ADDONS": json.dumps({sink: 500}),
            "PROPLOAD_TO": database,
            "PROPLOAD_MAPPING": "funda",
            "PROPLOAD_SCHEMA": "listing",
        }
        arguments = ["-a", f"place={all_places(site)}", "-a", f"base_url={site.url}"]
        for one in settings.items():
            arguments += ["-s", "=".join(one)]
        completed = subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", "funda", *arguments],
            cwd=REPOSITORY / "spiders",
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        assert stored_ids(database) == site.served.listings
        assert (
            f"'propload/rows_inserted': {len(site.served.listings)}" in completed.stderr
        )
