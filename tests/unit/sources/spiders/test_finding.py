from pathlib import Path
from typing import ClassVar

import pytest
import scrapy

from propload.errors import (
    ConfigError,
)
from propload.sources.spiders import (
    SpiderSource,
    find_spider,
    list_spiders,
)
from tests.unit.sources.spiders.crawling import spider_of

pytestmark = pytest.mark.timeout(30)


def test_spider_is_found_by_its_registered_name():
    pytest.importorskip("propload_spiders")
    names = {entry.name for entry in list_spiders()}
    if "funda" not in names:
        pytest.skip("propload is not installed, so nothing is registered")
    assert find_spider("funda").name == "funda"


def test_source_of_registered_spider_has_its_registered_name():
    entries = [entry for entry in list_spiders() if not entry.is_broken]
    if not entries:
        pytest.skip("propload is not installed, so nothing is registered")
    for entry in entries:
        source = SpiderSource(entry.name, {"place": "delft"})
        assert source.name == entry.name


def test_spider_is_found_by_module_and_class(tmp_path, monkeypatch):
    (tmp_path / "given_spider_module.py").write_text(
        "import scrapy\nclass Mine(scrapy.Spider):\n    name = 'mine'\nnumber = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert find_spider("given_spider_module:Mine").name == "mine"
    with pytest.raises(ConfigError, match="is not a spider"):
        find_spider("given_spider_module:number")


@pytest.mark.parametrize("name", ["nobody", "no_such_module:Spider", "json:Spider"])
def test_unknown_spider_is_a_config_error(name):
    with pytest.raises(ConfigError, match=name.partition(":")[0]):
        SpiderSource(name)


def test_spider_without_name_is_a_config_error():
    class Nameless(scrapy.Spider):
        pass

    with pytest.raises(ConfigError, match=r"Nameless has no name: give its class one"):
        SpiderSource(Nameless)


def test_spider_with_only_start_requests_is_a_config_error():
    class Old(scrapy.Spider):
        name = "old"

        def start_requests(self):
            yield scrapy.Request("data:,homes")

    class Both(Old):
        async def start(self):
            for each in self.start_requests():
                yield each

    with pytest.raises(ConfigError, match=r"Old begins with start_requests\(\)"):
        SpiderSource(Old)
    assert SpiderSource(Both).name == "old"


def test_unrelated_attributes_of_spider_are_ignored_with_a_warning(caplog):
    class Own(scrapy.Spider):
        name = "own"
        mapping: ClassVar = {"price": "span.price::text"}

        def schema(self):
            pass

        async def start(self):
            yield {"id": 1}

    source = SpiderSource(Own)
    assert source.defaults == {}
    assert [one.rows.to_pylist() for one in source] == [[{"id": 1}]]
    warnings = [
        one.getMessage() for one in caplog.records if one.levelname == "WARNING"
    ]
    assert warnings == [
        f"the attribute {name} of spider own is a {kind}, which is taken to be its "
        f"own: to load its items with a {name}, name it, as in {name} = "
        f"'project.loading:{name}'"
        for name, kind in [("mapping", "dict"), ("schema", "function")]
    ]


@pytest.mark.parametrize("mapping", ["homes.toml", Path("homes.toml"), scrapy.Item])
def test_mapping_attribute_may_be_text_path_or_class(mapping):
    source = SpiderSource(spider_of([], mapping=mapping))
    assert source.defaults == {"mapping": mapping}
