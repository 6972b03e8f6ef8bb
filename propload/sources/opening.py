"""Opens every kind of source."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, cast

from propload.batch import Batch
from propload.errors import ConfigError
from propload.messages.wording import with_article
from propload.names.spider_names import is_spider, refuse_among, spider_name
from propload.options import CRAWL, CrawlOptions
from propload.sources.files.file_source import FileSource
from propload.sources.files.finding import find_files
from propload.sources.files.readers import refuse_unused
from propload.sources.frames.frame_source import open_frame
from propload.sources.items import ItemSource

if TYPE_CHECKING:
    from scrapy import Spider

    from propload.options import SourceOptions
    from propload.sources.source import Source


def open_source(
    source: object, options: SourceOptions, /, crawl: CrawlOptions = CRAWL
) -> Source:
    """Return the source that reads the given files, frame, rows or spider.

    Args:
        source: A path, glob, folder or `-` (stdin), or several of them; a Polars,
            pandas or pyarrow table or anything with `__arrow_c_stream__`; an
            iterable of dicts, dataclasses, attrs, pydantic or msgspec objects, of
            tables or of batches; a `Batch`; a spider's class, `spider:NAME` or
            `module:Class`.
        options: How to read it, and how much goes into one batch.
        crawl: The arguments and settings of a spider.

    Raises:
        SourceError: A file does not exist.
        ConfigError: The source is of a type that cannot be read, a spider is one of
            several sources, or an option was given that this source does not take.
    """
    paths = None if is_spider(source) else _paths(source)
    if paths is not None:
        notes: list[str] = []
        files = [
            file for path in paths for file in find_files(path, options.format, notes)
        ]
        file_source = FileSource(files, options, name=_label(paths), notes=notes)
        file_source.refuse_unused()
        return file_source
    row_source = _open_rows(source, options, crawl)
    # only files take options that say how to read them
    refuse_unused(options, (), row_source.name)
    return row_source


def _open_rows(source: object, options: SourceOptions, crawl: CrawlOptions) -> Source:
    if is_spider(source):
        return _open_spider(source, crawl)
    frame = open_frame(source, options)
    if frame is not None:
        return frame
    if isinstance(source, Batch):
        return ItemSource([source], options, name=source.source)
    if isinstance(source, io.IOBase):
        msg = "an open file cannot be read: give its path, or its rows as a frame"
        raise ConfigError(msg)
    if isinstance(source, Iterable) and not isinstance(source, Mapping | bytes):
        return ItemSource(source, options, name=_item_name(source))
    kind = "None" if source is None else with_article(type(source).__name__)
    msg = f"{kind} cannot be read: {_alternative(source)}"
    raise ConfigError(msg)


def _alternative(source: object) -> str:
    """Return what to pass instead of a source that cannot be read."""
    if isinstance(source, Mapping):
        return "give a row in a list, [row], and columns as a frame, pl.DataFrame(...)"
    if isinstance(source, Awaitable):
        return "await it, and pass what it returns"
    if isinstance(source, AsyncIterable):
        return "put its rows into a propload.Loader as they come"
    if type(source).__name__ == "DuckDBPyConnection":
        # `execute` returns the connection too, so it is unclear which rows are meant
        return "give a relation, connection.sql(QUERY)"
    return "give a path, a frame or an iterable of rows"


def _open_spider(source: object, crawl: CrawlOptions) -> Source:
    from propload.sources.spiders import (  # noqa: PLC0415 - Scrapy takes 0.5 s
        SpiderSource,
    )

    spider = spider_name(source) if isinstance(source, str) else source
    return SpiderSource(
        cast("type[Spider] | str", spider), crawl.arguments, crawl.settings
    )


def _paths(source: object) -> list[str] | None:
    if isinstance(source, str | os.PathLike):
        return [os.fspath(cast("str | os.PathLike[str]", source))]
    if not isinstance(source, list | tuple) or not source:
        return None
    if not all(isinstance(entry, str | os.PathLike) for entry in source):
        return None
    refuse_among(source)
    return [os.fspath(entry) for entry in source]


def _label(paths: list[str]) -> str:
    if len(paths) == 1:
        return "stdin" if paths[0] == "-" else paths[0]
    return f"{len(paths)} sources from {paths[0]} to {paths[-1]}"


def _item_name(source: Iterable[object]) -> str:
    name = getattr(source, "__name__", None)
    return name if isinstance(name, str) else type(source).__name__
