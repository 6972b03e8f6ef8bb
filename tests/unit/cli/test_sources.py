"""What a command reads: files, or one spider with its arguments."""

from __future__ import annotations

import pytest

from propload.cli.sources import ChosenSources, pairs
from propload.errors import ConfigError

NOTHING = {"sources": None, "job": None, "argument": None, "set": None}


@pytest.fixture
def choose(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def choose(**options):
        chosen = ChosenSources({**NOTHING, **options})
        return chosen.source(), chosen.crawl()

    return choose


def test_spider_gets_its_arguments_and_settings_as_text(choose):
    options = {"argument": ["place=delft", "price=1=2"], "set": ["DOWNLOAD_DELAY=0"]}
    crawl = {
        "arguments": {"place": "delft", "price": "1=2"},
        "crawl_settings": {"DOWNLOAD_DELAY": "0"},
    }
    assert choose(sources=["spider:funda"], **options) == ("spider:funda", crawl)
    assert choose(sources=["shop:Home"], **options) == ("shop:Home", crawl)


def test_files_come_without_arguments_of_a_crawl(choose):
    assert choose(sources=["a.csv"]) == ("a.csv", {})
    assert choose(sources=["a.csv", "-"]) == (["a.csv", "-"], {})


def test_arguments_of_the_command_override_those_of_the_job(choose, tmp_path):
    (tmp_path / "propload.toml").write_text(
        '[jobs.j]\nsource = "spider:funda"\n'
        'argument = {place = "delft", max_pages = 3}\nset = {LOG_LEVEL = "INFO"}',
        encoding="utf-8",
    )
    source, crawl = choose(job="j", argument=["place=leiden"])
    assert source == "spider:funda"
    assert crawl["arguments"] == {"place": "leiden", "max_pages": 3}
    assert crawl["crawl_settings"] == {"LOG_LEVEL": "INFO"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no source"),
        ({"sources": ["a.csv", "spider:funda"]}, "cannot be one of several"),
        ({"sources": ["a.csv"], "argument": ["a=b"]}, "only a spider"),
        ({"sources": ["a.csv"], "set": ["a=b"]}, "only a spider"),
        ({"sources": ["spider:funda"], "argument": ["place"]}, "not NAME=VALUE"),
        ({"sources": ["spider:funda"], "set": ["=1"]}, "not NAME=VALUE"),
        (
            {"sources": ["spider:funda"], "argument": ["place=a", "place=b"]},
            "place is given twice, as 'a' and 'b'",
        ),
    ],
)
def test_sources_and_arguments_that_do_not_fit_are_refused(options, message, choose):
    with pytest.raises(ConfigError, match=message):
        choose(**options)


def test_arguments_of_a_job_must_be_a_table(choose, tmp_path):
    (tmp_path / "propload.toml").write_text(
        '[jobs.j]\nsource = "spider:funda"\nargument = "place=delft"',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="argument is not a table"):
        choose(job="j")


def test_settings_may_be_empty_and_the_last_of_a_name_applies():
    assert pairs("--set", ["A="]) == {"A": ""}
    assert pairs("--set", ["A=1", "A=2"]) == {"A": "2"}
