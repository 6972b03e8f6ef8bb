"""What `ingest` refuses before it opens anything."""

import pytest

import propload
from propload.errors import ConfigError


def test_misspelt_setting_is_not_passed_to_a_spider():
    message = "'tabel' is not a setting; did you mean 'table'"
    with pytest.raises(ConfigError, match=message):
        propload.ingest("spider:funda", tabel="homes")


@pytest.mark.parametrize("load", [propload.ingest, propload.check])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"job": 5}, "job: an int is not a text"),
        ({"job": ["nightly"]}, "job: a list is not a text"),
        ({"to": {"host": "db"}}, "to: a dict is not a text$"),
        ({"arguments": [("a", 1)]}, "arguments: a list has no names and values"),
        ({"crawl_settings": 5}, "crawl_settings: an int has no names and values"),
        ({"mapping": {5: "id"}}, "column 5: the name 5 is not a text"),
        ({"mapping": {"columns": {5: "id"}}}, "column 5: the name 5 is not a text"),
        ({"state_dir": "a\0b"}, "state_dir: is not a path"),
    ],
)
def test_error_names_the_argument_of_the_wrong_type(load, arguments, message):
    with pytest.raises(ConfigError, match=message):
        load([{"id": 1}], table="homes", **arguments)


@pytest.mark.parametrize("metrics", [{}, propload.Metrics, 5])
def test_wrong_metrics_object_is_refused_before_a_row_is_read(metrics):
    rows = iter([{"id": 1}])
    with pytest.raises(ConfigError, match=r"counts no rows: pass propload\.Metrics"):
        propload.ingest(rows, table="homes", metrics=metrics)
    assert list(rows) == [{"id": 1}]


@pytest.mark.parametrize(
    ("name", "message"),
    [(5, "an int is not a text"), ("a\ud800", "is not text in UTF-8")],
)
def test_loader_name_must_be_text_in_utf_8(name, message):
    with pytest.raises(ConfigError, match=f"name: {message}"):
        propload.Loader(table="homes", key="id", name=name)


@pytest.mark.parametrize("function", [propload.ingest, propload.check])
@pytest.mark.parametrize("option", ["arguments", "crawl_settings"])
@pytest.mark.parametrize("source", ["homes.csv", [{"id": 1}]], ids=["file", "rows"])
def test_options_of_spiders_are_refused_for_other_sources(function, option, source):
    with pytest.raises(ConfigError, match=rf"{option}: only a spider takes them"):
        function(source, table="homes", key="id", **{option: {"place": "delft"}})
