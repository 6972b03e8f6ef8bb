"""What a command reads: files, or one spider with its arguments."""

from __future__ import annotations

import pytest

from propload.cli.sources import ChosenSources, pairs
from propload.errors import ConfigError

NOTHING = {"sources": None, "job": None, "argument": None, "set": None}


@pytest.fixture
def choose(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def choose(**told):
        chosen = ChosenSources({**NOTHING, **told})
        return chosen.source(), chosen.crawl()

    return choose


def test_a_spider_gets_its_arguments_and_settings_as_texts(choose):
    told = {"argument": ["place=delft", "price=1=2"], "set": ["DOWNLOAD_DELAY=0"]}
    crawl = {
        "arguments": {"place": "delft", "price": "1=2"},
        "crawl_settings": {"DOWNLOAD_DELAY": "0"},
    }
    assert choose(sources=["spider:funda"], **told) == ("spider:funda", crawl)
    assert choose(sources=["shop:Home"], **told) == ("shop:Home", crawl)


def test_files_need_nothing_more(choose):
    assert choose(sources=["a.csv"]) == ("a.csv", {})
    assert choose(sources=["a.csv", "-"]) == (["a.csv", "-"], {})


def test_arguments_of_the_command_win_over_those_of_the_job(choose, tmp_path):
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
    ("told", "message"),
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
def test_what_cannot_be_read_is_a_usage_error(told, message, choose):
    with pytest.raises(ConfigError, match=message):
        choose(**told)


def test_a_table_of_a_job_must_be_one(choose, tmp_path):
    (tmp_path / "propload.toml").write_text(
        '[jobs.j]\nsource = "spider:funda"\nargument = "place=delft"',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="argument is not a table"):
        choose(job="j")


def test_an_empty_value_is_a_value():
    assert pairs("--set", ["A="]) == {"A": ""}
    assert pairs("--set", ["A=1", "A=2"]) == {"A": "2"}
