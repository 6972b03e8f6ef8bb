"""The lock of a crawl's folder, in crawls of Scrapy's own."""

import os

import pytest

from propload.errors import LockedError
from propload.private_files import lock_file
from propload.sources.spiders.job_folder import LOCK
from tests.unit.sources.spiders.crawling import crawl, spider_of

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("told", [{}, {"PROPLOAD_TABEL": "homes"}])
def test_a_crawl_that_has_ended_frees_it_also_where_it_never_began(tmp_path, told):
    crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path), **told)
    assert not (tmp_path / LOCK).exists()
    os.close(lock_file(tmp_path / LOCK))


def test_a_folder_that_is_held_is_not_read(tmp_path):
    held = lock_file(tmp_path / LOCK)
    with pytest.raises(LockedError, match="wait for it to end"):
        crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path))
    os.close(held)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_folder_that_cannot_be_locked_is_used_with_a_warning(tmp_path, caplog):
    (tmp_path / LOCK).mkdir()
    _, loaders = crawl(spider_of([{"id": 1}]), JOBDIR=str(tmp_path))
    (loader,) = loaders.values()
    assert len(loader.rows) == 1
    assert f"{tmp_path} (JOBDIR) cannot be locked against other crawls" in caplog.text


def test_a_crawl_without_a_folder_locks_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    crawl(spider_of([{"id": 1}]))
    assert not list(tmp_path.iterdir())
