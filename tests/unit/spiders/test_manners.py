"""How a crawl behaves towards a site."""

from __future__ import annotations

from scrapy.crawler import Crawler

from propload_spiders.spiders.funda import FundaSpider


def test_manners_towards_a_site_elsewhere():
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
    near = Crawler(FundaSpider)
    FundaSpider.from_crawler(near, place="a", base_url="http://127.0.0.1:1")
    assert near.settings.getfloat("DOWNLOAD_DELAY") == 0
    assert near.settings.getbool("ROBOTSTXT_OBEY")


def test_what_a_user_sets_wins_over_the_manners():
    crawler = Crawler(FundaSpider, {"DOWNLOAD_DELAY": 7})
    FundaSpider.from_crawler(crawler, place="a", base_url="http://127.0.0.1:1")
    assert crawler.settings.getfloat("DOWNLOAD_DELAY") == 7
