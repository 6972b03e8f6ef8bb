"""What `ingest` refuses before it opens anything."""

import pytest

import propload
from propload.errors import ConfigError


def test_a_slip_of_the_pen_is_no_argument_of_a_spider():
    message = "'tabel' is not a setting; did you mean 'table'"
    with pytest.raises(ConfigError, match=message):
        propload.ingest("spider:funda", tabel="homes")


@pytest.mark.parametrize("load", [propload.ingest, propload.check])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"job": 5}, "job: is not a text"),
        ({"job": ["nightly"]}, "job: is not a text"),
        ({"arguments": [("a", 1)]}, "arguments: a list has no names and values"),
        ({"crawl_settings": 5}, "crawl_settings: an int has no names and values"),
        ({"mapping": {5: "id"}}, "column 5: the name 5 is not a text"),
        ({"mapping": {"columns": {5: "id"}}}, "column 5: the name 5 is not a text"),
        ({"state_dir": "a\0b"}, "state_dir: is not a path"),
    ],
)
def test_what_is_of_another_type_is_told_by_its_name(load, given, told):
    with pytest.raises(ConfigError, match=told):
        load([{"id": 1}], table="homes", **given)


@pytest.mark.parametrize("metrics", [{}, propload.Metrics, 5])
def test_what_counts_nothing_is_told_before_a_row_is_read(metrics):
    rows = iter([{"id": 1}])
    with pytest.raises(ConfigError, match=r"counts no rows: pass propload\.Metrics"):
        propload.ingest(rows, table="homes", metrics=metrics)
    assert list(rows) == [{"id": 1}]


@pytest.mark.parametrize(
    ("name", "told"), [(5, "is not a text"), ("a\ud800", "is not text in UTF-8")]
)
def test_a_loader_has_a_name_that_can_be_written(name, told):
    with pytest.raises(ConfigError, match=f"name: {told}"):
        propload.Loader(table="homes", key="id", name=name)


@pytest.mark.parametrize("what", [propload.ingest, propload.check])
@pytest.mark.parametrize("told", ["arguments", "crawl_settings"])
@pytest.mark.parametrize("source", ["homes.csv", [{"id": 1}]], ids=["file", "rows"])
def test_only_a_spider_is_told_something(what, told, source):
    with pytest.raises(ConfigError, match=rf"{told}: only a spider takes them"):
        what(source, table="homes", key="id", **{told: {"place": "delft"}})
