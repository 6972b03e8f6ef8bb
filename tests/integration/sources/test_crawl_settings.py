"""Settings of a crawl that are misspelt, of the wrong type, or meant for a run."""

import pytest

from propload.errors import ConfigError
from propload.sources.spiders import SpiderSource
from tests.unit.sources.spiders.crawling import spider_of

pytestmark = pytest.mark.timeout(30)


def read(source):
    return [row for batch in source for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("DOWNLOAD_DELY", ["DOWNLOAD_DELAY"]),
        ("DOWNLOAD_DELAY", []),
        ("MY_OWN_COLOUR", []),
        ("PROPLOAD_FLUSH_ROWS", []),
    ],
)
def test_warning_suggests_the_scrapy_setting_that_was_meant(caplog, name, hints):
    read(SpiderSource(spider_of([{"id": 1}]), settings={name: 1}))
    warnings = [
        one.getMessage() for one in caplog.records if one.levelname == "WARNING"
    ]
    expected = [
        f"perhaps nothing reads the setting {name!r} of the crawl; did you mean "
        f"{hint!r}?"
        for hint in hints
    ]
    assert warnings == expected


def test_error_names_a_setting_of_the_spider_of_the_wrong_type():
    spider = spider_of([{"id": 1}])
    spider.custom_settings = {"AUTOTHROTTLE_MAX_DELAY": "long"}
    with pytest.raises(ConfigError, match="AUTOTHROTTLE_MAX_DELAY of the crawl is 'lo"):
        read(SpiderSource(spider))


def test_error_names_a_setting_that_a_component_cannot_read():
    class Limiting:
        @classmethod
        def from_crawler(cls, crawler):
            crawler.settings.getint("MY_LIMIT")
            return cls()

    settings = {"EXTENSIONS": {Limiting: 1}, "MY_LIMIT": "many"}
    source = SpiderSource(spider_of([{"id": 1}]), settings=settings)
    with pytest.raises(ConfigError, match="MY_LIMIT of the crawl is 'many', not a who"):
        read(source)


def test_setting_of_the_run_is_refused_as_a_setting_of_the_crawl():
    message = r"PROPLOAD_TABLE .* use --table \(table=\.\.\. in Python\)"
    with pytest.raises(ConfigError, match=message):
        SpiderSource(spider_of([{"id": 1}]), settings={"PROPLOAD_TABLE": "homes"})


def test_warning_names_a_setting_of_the_run_in_custom_settings(caplog):
    spider = spider_of([{"id": 1}])
    spider.custom_settings = {"PROPLOAD_KEY": "id", "PROPLOAD_FLUSH_ROWS": 1}
    read(SpiderSource(spider, settings={"PROPLOAD_AS_OF": "2026-01-01T00:00:00Z"}))
    (warning,) = [
        one.getMessage() for one in caplog.records if one.levelname == "WARNING"
    ]
    assert warning.startswith(
        "the setting PROPLOAD_KEY is not read where a spider is a"
    )
    assert warning.endswith("use --key (key=... in Python)")


def test_targets_cause_a_warning_in_a_spider_and_an_error_as_a_setting(caplog):
    targets = {"PROPLOAD_TARGETS": {"Home": {"table": "homes"}}}
    spider = spider_of([{"id": 1}])
    spider.custom_settings = targets
    assert read(SpiderSource(spider)) == [{"id": 1}]
    (warning,) = [
        one.getMessage() for one in caplog.records if one.levelname == "WARNING"
    ]
    assert "PROPLOAD_TARGETS is not read where a spider is a source: all its" in warning
    with pytest.raises(ConfigError, match="PROPLOAD_TARGETS is not read"):
        SpiderSource(spider, settings=targets)
