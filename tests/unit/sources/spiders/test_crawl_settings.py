"""A setting of a crawl that Scrapy cannot use is named before the crawl begins."""

import pytest
from scrapy.settings import Settings

from propload.errors import ConfigError
from propload.sources.spiders import SpiderSource
from propload.sources.spiders.crawl_settings import CrawlSettings, check_values
from tests.unit.sources.spiders.crawling import spider_of


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CONCURRENT_REQUESTS", "abc", "'abc', not a whole number"),
        ("CONCURRENT_REQUESTS", "2.5", "'2.5', not a whole number"),
        ("DOWNLOAD_DELAY", "slow", "'slow', not a number"),
        ("DOWNLOAD_DELAY", [1], r"\[1\], not a number"),
        ("AUTOTHROTTLE_START_DELAY", "", "'', not a number"),
        ("COOKIES_ENABLED", "maybe", "'maybe', not true or false"),
        ("TELNETCONSOLE_ENABLED", "off", "'off', not true or false"),
        ("RETRY_HTTP_CODES", "500,5xx", "'500,5xx', not HTTP codes"),
        ("RETRY_HTTP_CODES", 429, "429, not HTTP codes"),
        ("HTTPERROR_ALLOWED_CODES", ["x"], r"\['x'\], not HTTP codes"),
        ("CONCURRENT_REQUESTS", "0", "'0', not 1 or more"),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", -1, "-1, not 1 or more"),
        ("DOWNLOAD_DELAY", "-1", "'-1', not a number of seconds from 0 on"),
        ("DOWNLOAD_DELAY", "nan", "'nan', not a number of seconds from 0 on"),
        ("DOWNLOAD_TIMEOUT", "inf", "'inf', not a number of seconds from 0 on"),
        ("DUPEFILTER_CLASS", "no.Such", "'no.Such', not the path of a class that can"),
        ("SCHEDULER", "scrapy.No", "'scrapy.No', not the path of a class that can"),
        ("SCHEDULER_START_DISK_QUEUE", "no.Such", "'no.Such', not the path of a cl"),
        ("STATS_CLASS", "Plain", "'Plain', not the path of a class that can"),
    ],
)
def test_a_value_that_scrapy_cannot_use_is_named(name, value, told):
    with pytest.raises(ConfigError, match=f"the setting {name} of the crawl is {told}"):
        SpiderSource(spider_of([]), settings={name: value})


@pytest.mark.parametrize("value", ["secret", '["secret"]', '"secret"'])
def test_of_a_dict_nothing_is_shown(value):
    told = "^the setting DOWNLOADER_MIDDLEWARES of the crawl is not a JSON object$"
    with pytest.raises(ConfigError, match=told):
        check_values({"DOWNLOADER_MIDDLEWARES": value})
    settings = CrawlSettings({"PASSWORDS": value})
    with pytest.raises(ConfigError, match="PASSWORDS of the crawl is not a JSON obj"):
        settings.getdict("PASSWORDS")


def test_what_scrapy_takes_is_taken():
    given = {
        "CONCURRENT_REQUESTS": "3",
        "DOWNLOAD_DELAY": "0.25",
        "DOWNLOAD_TIMEOUT": 2.5,
        "ROBOTSTXT_OBEY": "false",
        "TELNETCONSOLE_ENABLED": "true",
        "RETRY_HTTP_CODES": "500, 502",
        "HTTPERROR_ALLOWED_CODES": [404],
        "MEMUSAGE_NOTIFY_MAIL": "a@b.example,c@d.example",
        "DOWNLOADER_MIDDLEWARES": '{"a.B": 1}',
        "DEPTH_LIMIT": None,
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
        "REFERRER_POLICY": "same-origin",
        "USER_AGENT": "5",
        "MY_OWN": object(),
    }
    check_values(given)
    ours, theirs = (kind() for kind in (CrawlSettings, Settings))
    ours.setdict(given)
    theirs.setdict(given)
    assert {**ours} == {**theirs}


def test_scrapys_own_settings_are_of_the_types_that_are_asked_for():
    CrawlSettings().require_usable()


def test_settings_that_are_frozen_stay_so():
    settings = CrawlSettings()
    settings.freeze()
    with pytest.raises(TypeError, match="immutable"):
        settings.set("DOWNLOADER_MIDDLEWARES", {})


def test_a_component_may_catch_scrapys_own_error():
    settings = CrawlSettings({"MY_LIMIT": "many"})
    with pytest.raises(ValueError, match="MY_LIMIT of the crawl is 'many', not a who"):
        settings.getint("MY_LIMIT")
    assert settings.copy().getint("NO_LIMIT", 7) == 7


@pytest.mark.parametrize("name", ["ROWS", "BYTES", "SECONDS"])
def test_a_setting_of_the_sink_is_named(name):
    named = f"the setting PROPLOAD_FLUSH_{name}: 'soon' is not"
    with pytest.raises(ConfigError, match=named):
        SpiderSource(spider_of([]), settings={f"PROPLOAD_FLUSH_{name}": "soon"})
