"""Crawl settings that Scrapy cannot use are refused by name before the crawl begins."""

import pytest
from scrapy.settings import Settings

from propload.errors import ConfigError
from propload.sources.spiders import SpiderSource
from propload.sources.spiders.crawl_settings import CrawlSettings, check_values
from tests.unit.sources.spiders.crawling import spider_of


@pytest.mark.parametrize(
    ("name", "value", "message"),
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
def test_error_names_setting_with_unusable_value(name, value, message):
    with pytest.raises(
        ConfigError, match=f"the setting {name} of the crawl is {message}"
    ):
        SpiderSource(spider_of([]), settings={name: value})


@pytest.mark.parametrize("value", ["secret", '["secret"]', '"secret"'])
def test_error_shows_nothing_of_a_dict_setting(value):
    message = "^the setting DOWNLOADER_MIDDLEWARES of the crawl is not a JSON object$"
    with pytest.raises(ConfigError, match=message):
        check_values({"DOWNLOADER_MIDDLEWARES": value})
    settings = CrawlSettings({"PASSWORDS": value})
    with pytest.raises(ConfigError, match="PASSWORDS of the crawl is not a JSON obj"):
        settings.getdict("PASSWORDS")


def test_values_that_scrapy_accepts_are_accepted():
    values = {
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
    check_values(values)
    ours, theirs = (settings_class() for settings_class in (CrawlSettings, Settings))
    ours.setdict(values)
    theirs.setdict(values)
    assert {**ours} == {**theirs}


def test_default_settings_of_scrapy_are_usable():
    CrawlSettings().require_usable()


def test_frozen_settings_cannot_be_changed():
    settings = CrawlSettings()
    settings.freeze()
    with pytest.raises(TypeError, match="immutable"):
        settings.set("DOWNLOADER_MIDDLEWARES", {})


def test_error_of_getint_is_a_value_error():
    settings = CrawlSettings({"MY_LIMIT": "many"})
    with pytest.raises(ValueError, match="MY_LIMIT of the crawl is 'many', not a who"):
        settings.getint("MY_LIMIT")
    assert settings.copy().getint("NO_LIMIT", 7) == 7


@pytest.mark.parametrize("name", ["ROWS", "BYTES", "SECONDS"])
def test_error_names_unusable_setting_of_the_sink(name):
    message = f"the setting PROPLOAD_FLUSH_{name}: 'soon' is not"
    with pytest.raises(ConfigError, match=message):
        SpiderSource(spider_of([]), settings={f"PROPLOAD_FLUSH_{name}": "soon"})
