"""A check of a crawl leaves the state that the crawl continues from as it is."""

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


def test_check_takes_no_page_from_the_job_folder_of_a_crawl(
    database, state_dir, tmp_path
):
    settings = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    crawl = {
        "JOBDIR": str(tmp_path / "job"),
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
    }
    checked = propload.check(Pages, crawl_settings=crawl, progress=False, **settings)
    assert checked.rows == 3
    assert not (tmp_path / "job").exists()
    propload.ingest(Pages, crawl_settings=crawl, progress=False, **settings)
    assert sorted(read_table(database, "homes")["id"]) == list("012")
