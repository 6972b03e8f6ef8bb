"""The sink with its real loader: the log of a crawl reports rejected rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]
REPOSITORY = Path(__file__).resolve().parents[3]
SPIDER = """
import scrapy


class Homes(scrapy.Spider):
    name = "homes"
    custom_settings = {
        "ITEM_PIPELINES": {"propload.sources.spiders.PropLoadPipeline": 800},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "PROPLOAD_TABLE": "homes",
        "PROPLOAD_KEY": "id",
    }

    async def start(self):
        for number in range(20):
            yield {"id": number}
"""


@pytest.mark.parametrize(
    ("limit", "code", "message"),
    [
        (20, 0, ""),
        (15, 0, "WARNING: homes → public.homes"),
        (0, 1, "ERROR: homes → public.homes"),
    ],
)
def test_rejected_rows_are_logged_as_a_warning_or_an_error(
    database, tmp_path, limit, code, message
):
    run_sql(
        database, f"CREATE TABLE homes (id bigint PRIMARY KEY CHECK (id < {limit}))"
    )
    path = tmp_path / "homes.py"
    path.write_text(SPIDER)
    command = [sys.executable, "-m", "scrapy", "runspider", str(path)]
    completed = subprocess.run(
        [*command, "-s", "LOG_LEVEL=WARNING", "-s", f"PROPLOAD_TO={database}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert completed.returncode == code, completed.stderr
    assert read_table(database, "homes").height == limit
    # a crawl without rejected rows logs nothing
    assert message in completed.stderr if message else not completed.stderr, (
        completed.stderr
    )
