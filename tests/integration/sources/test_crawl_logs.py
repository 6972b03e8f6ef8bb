"""What a crawl logs, and where."""

import logging

import pytest

from propload.sources.spiders import SpiderSource
from tests.unit.sources.spiders.crawling import spider_of

pytestmark = pytest.mark.timeout(30)


def crawl():
    return list(SpiderSource(spider_of([{"id": 1}])))


def test_crawl_leaves_logging_handlers_and_stdout_alone(capsys):
    handlers = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    crawl()
    after = list(logging.root.handlers), list(logging.getLogger("scrapy").handlers)
    assert after == handlers
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "lowest"), [(10, 20), (20, 20), (30, 30)])
def test_crawl_logs_at_the_level_of_the_program_but_no_debugging(level, lowest, caplog):
    caplog.set_level(logging.NOTSET, logger="scrapy")
    caplog.set_level(level)
    # the handler accepts every level, like that of basicConfig
    caplog.handler.setLevel(logging.NOTSET)
    crawl()
    levels = {one.levelno for one in caplog.records if one.name.startswith("scrapy")}
    assert min(levels, default=lowest) == lowest
