"""What a crawl logs, and where."""

import logging

import pytest

from propload.sources.spiders import SpiderSource
from tests.unit.sources.spiders.crawling import spider_of

pytestmark = pytest.mark.timeout(30)


def crawl():
    return list(SpiderSource(spider_of([{"id": 1}])))


def test_a_crawl_leaves_logging_and_stdout_alone(capsys):
    handlers = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    crawl()
    after = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    assert after == handlers
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("wanted", "least"), [(10, 20), (20, 20), (30, 30)])
def test_a_crawl_logs_no_more_than_a_program_wants(wanted, least, caplog):
    caplog.set_level(logging.NOTSET, logger="scrapy")
    caplog.set_level(wanted)
    # a handler takes what comes, as that of basicConfig
    caplog.handler.setLevel(logging.NOTSET)
    crawl()
    told = {one.levelno for one in caplog.records if one.name.startswith("scrapy")}
    assert min(told, default=least) == least
