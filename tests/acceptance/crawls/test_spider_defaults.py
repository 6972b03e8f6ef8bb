"""The sink takes mapping and schema from the spider's class, as the command does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from propload.ingesting import ingest
from propload_spiders.demo import DemoSite
from propload_spiders.spiders.funda import FundaSpider
from tests.integration.reading import query

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]
REPOSITORY = Path(__file__).resolve().parents[3]

#: The minimal settings of a project with the spiders that come with propload.
SETTINGS = """
SPIDER_MODULES = ["propload_spiders.spiders"]
ITEM_PIPELINES = {"propload.sources.spiders.PropLoadPipeline": 800}
"""


@pytest.fixture
def crawl(tmp_path, database):
    """Create a project with minimal settings; return a function that crawls.

    It returns the log of the crawl.
    """
    (tmp_path / "shortest.py").write_text(SETTINGS)
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = shortest\n")
    path = os.pathsep.join(map(str, [tmp_path, REPOSITORY, REPOSITORY / "spiders"]))

    def run(site, *settings):
        command = [sys.executable, "-m", "scrapy", "crawl", "funda"]
        command += ["-a", f"place={site.places[0]}", "-a", f"base_url={site.url}"]
        completed = subprocess.run(
            command + [word for one in settings for word in ("-s", one)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "PROPLOAD_TO": database},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stderr

    return run


#: A mapping of only those columns that the schema requires.
OWN = """
[columns]
source = "source"
listing_id = "listing_id"
url = "url"
scraped_at = { from = "scraped_at", parse = "timestamp" }
"""


def listings(database, table):
    # all columns but the time of reading
    sql = f"SELECT to_jsonb(t) - 'scraped_at' FROM {table} AS t ORDER BY listing_id"
    return query(database, sql)


def key_of(database, table):
    sql = (
        "SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a "
        "ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
        "WHERE i.indisprimary AND i.indrelid = $1::text::regclass ORDER BY 1"
    )
    return [name for (name,) in query(database, sql, table)]


def test_pipeline_alone_loads_the_same_rows_as_the_command(crawl, database):
    with DemoSite(seed=1, listings=30) as site:
        log = crawl(site)
        arguments = {"place": site.places[0], "base_url": site.url}
        ingest(FundaSpider, arguments=arguments, to=database, table="by_the_command")
    assert "'propload/rows_rejected': 0" in log
    assert key_of(database, "listings") == ["listing_id", "source"]
    stored = listings(database, "listings")
    assert stored
    assert stored == listings(database, "by_the_command")


def test_settings_of_the_project_override_those_of_the_spider(
    crawl, database, tmp_path
):
    (tmp_path / "own.toml").write_text(OWN)
    with DemoSite(seed=1, listings=30) as site:
        crawl(site, f"PROPLOAD_MAPPING={tmp_path / 'own.toml'}", "PROPLOAD_TABLE=own")
    # the schema of the class still applies, as it does with the command
    assert key_of(database, "own") == ["listing_id", "source"]
    [(row,)] = query(database, "SELECT to_jsonb(t) FROM own AS t LIMIT 1")
    assert set(json.loads(row)) == {"source", "listing_id", "url", "scraped_at"}
