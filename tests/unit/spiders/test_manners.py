"""How a crawl behaves towards a site."""

from __future__ import annotations

import pytest
from scrapy.crawler import Crawler

from propload.sources.spiders.hosts import host_of
from propload_spiders.spiders.funda import FundaSpider

NEAR = {
    "by its number": "http://127.0.0.1:1",
    "by another one": "http://127.0.0.9:1",
    "by its name": "http://localhost:1",
    "by its new number": "http://[::1]:1",
}


def test_crawl_of_a_remote_site_is_polite_by_default():
    crawler = Crawler(FundaSpider)
    FundaSpider.from_crawler(crawler, place="amsterdam")
    settings = crawler.settings
    assert settings.getbool("ROBOTSTXT_OBEY")
    assert settings["USER_AGENT"].startswith("propload/")
    assert settings.getbool("AUTOTHROTTLE_ENABLED")
    assert settings.getfloat("DOWNLOAD_DELAY") >= 1
    assert settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") <= 2
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
    assert 403 not in [int(code) for code in settings.getlist("RETRY_HTTP_CODES")]


@pytest.mark.parametrize("base_url", [*NEAR.values(), "https://example.org"])
def test_only_hosts_of_this_machine_are_crawled_without_delay(base_url):
    crawler = Crawler(FundaSpider)
    FundaSpider.from_crawler(crawler, place="a", base_url=base_url)
    settings, slots = crawler.settings, crawler.settings.getdict("DOWNLOAD_SLOTS")
    assert settings.getfloat("DOWNLOAD_DELAY") >= 1
    assert settings.getbool("AUTOTHROTTLE_ENABLED")
    assert settings.getbool("ROBOTSTXT_OBEY")
    here = host_of(base_url)
    assert (here in slots) is (base_url in NEAR.values())
    assert "example.org" not in slots
    assert {slot["delay"] for slot in slots.values()} == {0}


def test_settings_of_the_user_override_the_defaults():
    own = {"": {"delay": 3}}
    crawler = Crawler(FundaSpider, {"DOWNLOAD_DELAY": 7, "DOWNLOAD_SLOTS": own})
    FundaSpider.from_crawler(crawler, place="a", base_url="http://127.0.0.1:1")
    slots = crawler.settings.getdict("DOWNLOAD_SLOTS")
    assert crawler.settings.getfloat("DOWNLOAD_DELAY") == 7
    assert slots["127.0.0.1"]["delay"] == 7
    assert slots[""] == {"delay": 3}
