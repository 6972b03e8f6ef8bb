"""The lock of a crawl's JOBDIR, in crawls started by Scrapy."""

import os

import pytest

from propload.errors import LockedError
from propload.private_files import lock_file
from propload.sources.spiders.job_folder import LOCK
from tests.unit.sources.spiders.crawling import crawl, spider_of

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("settings", [{}, {"PROPLOAD_TABEL": "homes"}])
def test_lock_is_released_even_if_the_crawl_never_began(tmp_path, settings):
    crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path), **settings)
    assert not (tmp_path / LOCK).exists()
    os.close(lock_file(tmp_path / LOCK))


def test_crawl_is_refused_while_another_holds_the_folder(tmp_path):
    lock = lock_file(tmp_path / LOCK)
    with pytest.raises(LockedError, match="wait for it to end") as caught:
        crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path))
    # Scrapy logs it with all that is shown with it
    assert caught.value.__suppress_context__
    os.close(lock)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_folder_that_cannot_be_locked_is_used_with_a_warning(tmp_path, caplog):
    (tmp_path / LOCK).mkdir()
    _, loaders = crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path))
    (loader,) = loaders.values()
    assert len(loader.rows) == 1
    assert f"{tmp_path} (JOBDIR) cannot be locked against other crawls" in caplog.text


def test_crawl_without_folder_creates_no_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    crawl(spider_of([{"id": 1}]))
    assert not list(tmp_path.iterdir())
