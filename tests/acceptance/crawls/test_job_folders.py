"""Crawls of a Scrapy project that use one folder (JOBDIR), each in its own process."""

import pytest

pytestmark = pytest.mark.timeout(90)

ADDON = 'ADDONS={"propload.sources.spiders.PropLoadAddon": 500}'
REACTORS = [(), ("TWISTED_REACTOR_ENABLED=False",)]


@pytest.mark.parametrize("settings", REACTORS, ids=["reactor", "reactorless"])
def test_second_crawl_of_a_folder_ends_before_it_requests_a_page(project, settings):
    first = project.start("homes", "JOBDIR=job", *settings, last="hold")
    assert project.site.held.wait(60)
    code, log = project.run("homes", "JOBDIR=job", *settings, last="hold")
    assert code == 1, log
    folder = project.folder / "job"
    assert f"the folder {folder} (JOBDIR) is in use by another crawl" in log
    assert "give this crawl a JOBDIR of its own" in log
    # both begin with this page; the first may still request others meanwhile
    assert project.site.served.count("/page/0") == 1
    project.site.released.set()
    _out, log = first.communicate(timeout=60)
    assert first.returncode == 0, log
    assert len(set(project.rows)) == len(project.rows) == 60


def test_next_crawl_may_use_the_folder_of_a_killed_one(project):
    first = project.start("homes", "JOBDIR=job", last="hold")
    assert project.site.held.wait(60)
    first.kill()
    first.communicate(timeout=30)
    project.site.released.set()
    code, log = project.run("homes", "JOBDIR=job", pages=7)
    assert code == 0, log


@pytest.mark.parametrize("settings", [(), (ADDON,)], ids=["pipeline", "add-on"])
def test_a_crawl_that_continues_another_is_not_whole(project, settings):
    code, log = project.run("homes", "JOBDIR=job", *settings)
    assert code == 0, log
    assert "all rows came: True" in log
    code, log = project.run("homes", "JOBDIR=job", *settings, pages=7)
    assert code == 0, log
    assert len(project.rows) == 70
    assert "all rows came: False" in log
