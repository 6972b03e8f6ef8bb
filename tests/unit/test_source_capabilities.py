"""Which source can what: a member that is renamed is an ability that is lost."""

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
ABILITIES = (
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
    ("make", "kind", "abilities"),
    [
        (crawl, SpiderSource, {HasNotes, Partial, HasDefaults, Stoppable}),
        (lambda: file(None), FileSource, {Prefetchable, HasNotes, Partial, Sized}),
        (frame, FrameSource, {Prefetchable, Endable, HasNotes, Sized}),
        (items, ItemSource, {Prefetchable, Counted, Endable, Sized}),
        (lambda: MemorySource([]), MemorySource, set()),
    ],
    ids=["crawl", "file", "frame", "items", "memory"],
)
def test_what_a_source_can(make, kind, abilities):
    source = make()
    assert isinstance(source, kind)
    assert {one for one in ABILITIES if isinstance(source, one)} == abilities


def test_a_crawl_that_lacks_pages_says_so():
    source = crawl()
    assert (incomplete_of(source), notes_of(source)) == ("", ())
    source.outcome = CrawlOutcome(spider="homes", finish_reason="shutdown")
    assert incomplete_of(source)
    assert notes_of(source) == source.outcome.notes


def test_what_no_source_can_is_nothing():
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


def test_a_file_is_at_hand_and_a_pipe_is_not(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n1\n", encoding="utf-8")
    assert is_prefetchable(file(path))
    assert not is_prefetchable(file(None))


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ([{"id": 1}, {"id": 2}], (True, 2)),
        (({"id": 1},), (True, 1)),
        ([], (True, 0)),
        # their own code is called to make rows of them
        ([{"id": 1}, Home(2)], (False, 2)),
        ([{"id": 1}, OrderedDict(id=2)], (False, 2)),
        (iter([{"id": 1}]), (False, None)),
    ],
    ids=["dicts", "tuple", "none", "object", "subclass", "generator"],
)
def test_dicts_of_a_list_are_at_hand_and_counted(given, known):
    source = ItemSource(given, OPTIONS, name="homes")
    assert (is_prefetchable(source), rows_expected_of(source)) == known


def test_a_file_and_a_frame_tell_how_many_rows_they_have(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id\n1\n2\n", encoding="utf-8")
    assert rows_expected_of(file(path)) == 2
    assert rows_expected_of(frame()) == 1
    assert rows_expected_of(open_frame(pl.LazyFrame({"id": [1]}), OPTIONS)) is None


def test_a_spider_says_how_its_items_are_loaded():
    assert defaults_of(crawl()) == {"mapping": "funda"}
    assert default_settings(crawl(), {}) == {"mapping": "funda", "schema": "listing"}
    own = {"mapping": {"id": "id"}}
    assert default_settings(crawl(), own) == own


def test_a_spider_that_says_nothing_leaves_all_to_the_user():
    class Bare(scrapy.Spider):
        name = "bare"

    assert defaults_of(crawl(Bare)) == {}
    assert default_settings(crawl(Bare), {}) == {}
