"""Scrapy's commands that show pages, or try out a spider, load nothing."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.crawls.project import REPOSITORY

pytestmark = pytest.mark.timeout(90)

REACTORS = [(), ("TWISTED_REACTOR_ENABLED=False",)]
ADDON = 'ADDONS={"propload.sources.spiders.PropLoadAddon": 500}'
CHECKED = '''
import scrapy


class Checked(scrapy.Spider):
    name = "checked"

    def parse(self, response):
        """What the command is to find.

        @url SITE/page/1
        @returns items 1 1
        """
        yield {"url": response.url}
'''


def run_command(project, command, *arguments, settings=()):
    """Run a command of Scrapy in a project without a database; return its result."""
    options = ["-s", "PROPLOAD_TABLE=no-database"]
    for setting in settings:
        options += ["-s", setting]
    return subprocess.run(
        [sys.executable, "-m", "scrapy", command, *arguments, *options],
        cwd=project.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TAKEN": str(project.rows_file),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
@pytest.mark.parametrize("command", ["shell", "fetch"])
def test_command_that_only_shows_a_page_needs_no_database(project, command, settings):
    arguments = ["-c", "response.text"] if command == "shell" else []
    page = f"{project.site.url}/page/1"
    completed = run_command(project, command, page, *arguments, settings=settings)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == "<html>a page</html>\n"


@pytest.mark.parametrize("arguments", [(), ("--pipelines",), ("-o", "items.json")])
def test_items_that_scrapy_parse_shows_are_not_loaded(project, arguments):
    page = f"{project.site.url}/page/1"
    completed = run_command(project, "parse", page, "--spider", "homes", *arguments)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.count("'number': ") == 10
    assert "propload_failed" not in completed.stderr
    # the log says so if they go through the pipelines
    message = "items of dict are not loaded, as scrapy parse only shows them"
    assert completed.stderr.count(message) == bool(arguments)


@pytest.mark.parametrize("settings", [(), (ADDON,)], ids=["pipeline", "add-on"])
def test_scrapy_check_needs_no_database(project, settings):
    spider = project.folder / "project" / "spiders" / "checked.py"
    spider.write_text(CHECKED.replace("SITE", project.site.url))
    completed = run_command(
        project, "check", "checked", settings=(*settings, "LOG_ENABLED=True")
    )
    assert completed.returncode == 0, completed.stderr
    assert "Ran 1 contract" in completed.stderr
    assert "propload_failed" not in completed.stderr


def test_scrapy_bench_needs_no_database(project):
    ran = run_command(project, "bench", settings=("CLOSESPIDER_PAGECOUNT=1",))
    assert ran.returncode == 0, ran.stderr
    assert "'finish_reason': 'closespider_pagecount'" in ran.stderr
