"""Scrapy's commands that look at pages, or try a spider out, load nothing."""

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


def look(project, command, *words, settings=()):
    """Return what a command of Scrapy did, in a project without a database."""
    told = ["-s", "PROPLOAD_TABLE=no-database"]
    for setting in settings:
        told += ["-s", setting]
    return subprocess.run(
        [sys.executable, "-m", "scrapy", command, *words, *told],
        cwd=project.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TAKEN": str(project.taken),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
@pytest.mark.parametrize("command", ["shell", "fetch"])
def test_a_command_that_only_looks_at_a_page_needs_no_database(
    project, command, settings
):
    words = ["-c", "response.text"] if command == "shell" else []
    page = f"{project.site.url}/page/1"
    ran = look(project, command, page, *words, settings=settings)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "<html>a page</html>\n"


@pytest.mark.parametrize("words", [(), ("--pipelines",), ("-o", "items.json")])
def test_items_that_scrapy_parse_shows_are_not_loaded(project, words):
    page = f"{project.site.url}/page/1"
    ran = look(project, "parse", page, "--spider", "homes", *words)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("'number': ") == 10
    assert "propload_failed" not in ran.stderr
    # who lets them go through the pipelines is told
    told = "items of dict are not loaded, as scrapy parse only shows them"
    assert ran.stderr.count(told) == bool(words)


@pytest.mark.parametrize("settings", [(), (ADDON,)], ids=["pipeline", "add-on"])
def test_scrapy_check_needs_no_database(project, settings):
    spider = project.folder / "project" / "spiders" / "checked.py"
    spider.write_text(CHECKED.replace("SITE", project.site.url))
    ran = look(project, "check", "checked", settings=(*settings, "LOG_ENABLED=True"))
    assert ran.returncode == 0, ran.stderr
    assert "Ran 1 contract" in ran.stderr
    assert "propload_failed" not in ran.stderr
