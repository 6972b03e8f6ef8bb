"""Which capabilities each source has: to rename a member would silently lose one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import polars as pl
import pytest
import scrapy

from propload.options import SourceOptions
from propload.running.choosing import default_settings
from propload.source_capabilities import (
    Counted,
    Endable,
    HasDefaults,
    HasNotes,
    Partial,
    Prefetchable,
    Sized,
    Stoppable,
    defaults_of,
    incomplete_of,
    is_prefetchable,
    notes_of,
    rows_expected_of,
    rows_taken_of,
)
from propload.sources.files.file_source import FileSource
from propload.sources.frames.frame_source import FrameSource, open_frame
from propload.sources.items import ItemSource
from propload.sources.spiders.crawl import SpiderSource
from propload.sources.spiders.outcome import CrawlOutcome
from propload.testing import MemorySource

OPTIONS = SourceOptions()
CAPABILITIES = (
    Prefetchable,
    Counted,
    Endable,
    HasNotes,
    Partial,
    HasDefaults,
    Sized,
    Stoppable,
)


class Homes(scrapy.Spider):
    name = "homes"
    mapping = "funda"


@dataclass
class Home:
    id: int


def crawl(spider=Homes):
    return SpiderSource(spider)


def file(path="homes.csv"):
    return FileSource([path], OPTIONS, name="homes")


def frame():
    return open_frame(pl.DataFrame({"id": [1]}), OPTIONS)


def items():
    return ItemSource([{"id": 1}, {"id": 2}], OPTIONS, name="homes")


@pytest.mark.parametrize(
    ("make", "source_class", "capabilities"),
    [
        (crawl, SpiderSource, {HasNotes, Partial, HasDefaults, Stoppable}),
        (lambda: file(None), FileSource, {Prefetchable, HasNotes, Partial, Sized}),
        (frame, FrameSource, {Prefetchable, Endable, HasNotes, Sized}),
        (items, ItemSource, {Prefetchable, Counted, Endable, Sized}),
        (lambda: MemorySource([]), MemorySource, set()),
    ],
    ids=["crawl", "file", "frame", "items", "memory"],
)
def test_source_has_exactly_these_capabilities(make, source_class, capabilities):
    source = make()
    assert isinstance(source, source_class)
    assert {one for one in CAPABILITIES if isinstance(source, one)} == capabilities


def test_crawl_that_was_shut_down_is_incomplete_and_noted():
    source = crawl()
    assert (incomplete_of(source), notes_of(source)) == ("", ())
    source.outcome = CrawlOutcome(spider="homes", finish_reason="shutdown")
    assert incomplete_of(source)
    assert notes_of(source) == source.outcome.notes


def test_object_without_capabilities_gets_empty_answers():
    nothing = object()
    assert (incomplete_of(nothing), notes_of(nothing)) == ("", ())
    assert (rows_taken_of(nothing), is_prefetchable(nothing)) == (0, False)
    assert rows_expected_of(nothing) is None
    assert defaults_of(nothing) == {}


def test_rows_are_counted_as_they_are_taken():
    source = items()
    assert rows_taken_of(source) == 0
    list(source)
    assert rows_taken_of(source) == 2


def test_file_is_prefetchable_but_a_pipe_is_not(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n1\n", encoding="utf-8")
    assert is_prefetchable(file(path))
    assert not is_prefetchable(file(None))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"id": 1}, {"id": 2}], (True, 2)),
        (({"id": 1},), (True, 1)),
        ([], (True, 0)),
        # to read these as rows runs code of their own
        ([{"id": 1}, Home(2)], (False, 2)),
        ([{"id": 1}, OrderedDict(id=2)], (False, 2)),
        (iter([{"id": 1}]), (False, None)),
    ],
    ids=["dicts", "tuple", "none", "object", "subclass", "generator"],
)
def test_lists_are_counted_and_prefetchable_if_all_rows_are_dicts(rows, expected):
    source = ItemSource(rows, OPTIONS, name="homes")
    assert (is_prefetchable(source), rows_expected_of(source)) == expected


def test_files_and_eager_frames_know_how_many_rows_they_have(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n1\n2\n", encoding="utf-8")
    assert rows_expected_of(file(path)) == 2
    assert rows_expected_of(frame()) == 1
    assert rows_expected_of(open_frame(pl.LazyFrame({"id": [1]}), OPTIONS)) is None


def test_mapping_of_a_spider_applies_unless_the_user_gives_one():
    assert defaults_of(crawl()) == {"mapping": "funda"}
    assert default_settings(crawl(), {}) == {"mapping": "funda", "schema": "listing"}
    own = {"mapping": {"id": "id"}}
    assert default_settings(crawl(), own) == own


def test_spider_without_a_mapping_gives_no_defaults():
    class Bare(scrapy.Spider):
        name = "bare"

    assert defaults_of(crawl(Bare)) == {}
    assert default_settings(crawl(Bare), {}) == {}
