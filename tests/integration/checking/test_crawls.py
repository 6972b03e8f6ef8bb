"""A check of a crawl leaves what the crawl goes on with as it is."""

import pytest
import scrapy

import propload
from tests.integration.reading import read_table

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


class Pages(scrapy.Spider):
    name = "pages"

    async def start(self):
        for number in range(3):
            yield scrapy.Request(f"data:,{number}")

    def parse(self, response):
        yield {"id": response.text}


def test_a_check_takes_no_page_from_the_folder_of_a_crawl(
    database, state_dir, tmp_path
):
    told = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    crawl = {
        "JOBDIR": str(tmp_path / "job"),
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
    }
    found = propload.check(Pages, crawl_settings=crawl, progress=False, **told)
    assert found.rows == 3
    assert not (tmp_path / "job").exists()
    propload.ingest(Pages, crawl_settings=crawl, progress=False, **told)
    assert sorted(read_table(database, "homes")["id"]) == list("012")
