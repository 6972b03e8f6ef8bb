"""What counts as a spider, on the command line and in Python alike."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import scrapy

import propload
from propload.cli.sources import ChosenSources
from propload.errors import ConfigError
from propload.names.spider_names import is_spider, refuse_among, spider_name
from propload.options import SourceOptions
from propload.sources import open_source
from propload.tuning import tune

SHOP = """
import scrapy

class Home(scrapy.Spider):
    name = "homes"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("spider:funda", True),
        ("spider:shop.spiders:HomeSpider", True),
        ("shop.spiders:HomeSpider", True),
        ("spiders:Home", True),
        (scrapy.Spider, True),
        ("a.csv", False),
        ("-", False),
        ("exports/*.csv", False),
        ("C:\\rows.csv", False),
        ("/a:b", False),
        ("a:b.csv", False),
        (Path("spiders:Home"), False),
        (["spiders:Home"], False),
        (dict, False),
    ],
)
def test_spiders_are_distinguished_from_other_sources(source, expected):
    assert is_spider(source) is expected


def test_existing_file_with_a_name_like_a_class_is_a_file(folder):
    (folder / "rows:today").write_text("id\n1\n")
    assert not is_spider("rows:today")
    (batch,) = open_source("rows:today", SourceOptions(format="csv"))
    assert batch.rows.to_pylist() == [{"id": "1"}]


@pytest.mark.parametrize(
    ("written", "name"),
    [("spider:funda", "funda"), ("spider:a:B", "a:B"), ("a:B",) * 2],
)
def test_spider_name_has_no_prefix(written, name):
    assert spider_name(written) == name


@pytest.mark.parametrize("prefix", ["", "spider:"])
def test_python_and_command_line_open_the_same_spider_class(
    prefix, folder, monkeypatch
):
    (folder / "shop_of_names.py").write_text(SHOP)
    # so that the module is forgotten afterwards
    monkeypatch.setitem(sys.modules, "shop_of_names", None)
    monkeypatch.delitem(sys.modules, "shop_of_names")
    name = f"{prefix}shop_of_names:Home"
    chosen = ChosenSources({"sources": [name], "job": None}).source()
    for source in (name, chosen):
        opened = open_source(source, SourceOptions())
        assert (opened.name, opened.spider.__module__) == ("homes", "shop_of_names")


@pytest.mark.parametrize("prefix", ["", "spider:"])
def test_ingest_treats_the_name_of_a_class_as_a_spider(prefix):
    # a keyword that is not a setting is passed to the spider
    with pytest.raises(ConfigError, match="spider 'no_such_shop:Home' cannot be"):
        propload.ingest(f"{prefix}no_such_shop:Home", place="delft", table="homes")


@pytest.mark.parametrize("source", ["spider:funda", "shop:Home", scrapy.Spider])
def test_tune_refuses_a_crawl(source):
    with pytest.raises(ConfigError, match="is a crawl: tune with a file of its rows"):
        tune(source)


@pytest.mark.parametrize("spider", ["spider:funda", "shop:Home"])
def test_crawl_among_other_sources_is_refused(spider):
    message = f"^{spider} is a crawl .* in a run of its own"
    with pytest.raises(ConfigError, match=message):
        refuse_among(["a.csv", spider])
    with pytest.raises(ConfigError, match=message):
        open_source(["a.csv", spider], SourceOptions())
    with pytest.raises(ConfigError, match=message):
        ChosenSources({"sources": ["a.csv", spider], "job": None}).source()
