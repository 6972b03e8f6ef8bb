"""What a spider's arguments ask for, checked before anything is fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propload.config.values import expand_path
from propload.errors import ConfigError
from propload.sources.spiders import SpiderArgument as Argument
from propload.sources.spiders.hosts import host_of, is_host
from propload_spiders.arguments import (
    read_number,
    read_range,
    read_switch,
    read_urls,
    read_words,
)
from propload_spiders.extraction.addresses import (
    SITE,
    Offering,
    is_old_search_url,
    page_url,
    search_url,
    split_places,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload_spiders.walking import Walk

ARGUMENTS = (
    Argument("place", "", "places: amsterdam,den-haag,5km,2611DX,gemeente-delft"),
    Argument("offering", "buy", "what is searched: buy or rent"),
    Argument("max_pages", "0", "most search pages of each place; 0 for all"),
    Argument("details", "on", "whether each listing's own page is read as well"),
    Argument("price", "", "price in euros: 200000-500000, 200000- or -500000"),
    Argument("published", "", "listed within this many days: 1, 3, 5, 10 or 30"),
    Argument("floor_area", "", "living area in m²: 50-120"),
    Argument("plot_area", "", "plot area in m²: 100-"),
    Argument("rooms", "", "number of rooms: 3-"),
    Argument("bedrooms", "", "number of bedrooms: 2-4"),
    Argument("object_type", "", "house,apartment,parking,land"),
    Argument("energy_label", "", "A,B,C"),
    Argument("sort", "", "order as the site names it: date_down, price_up"),
    Argument("start_urls", "", "addresses to start from, or @FILE with one a line"),
    Argument("pages", "", "a folder of saved HTML pages, read instead of the net"),
    Argument("base_url", SITE, "the site; on this machine without throttling"),
)

_RANGES = ("price", "floor_area", "plot_area", "rooms", "bedrooms")
_LISTS = ("object_type", "energy_label")
#: Numbers of days that the site offers; how it treats others is unknown.
_DAYS = ("1", "3", "5", "10", "30")
_SUFFIXES = (".html", ".htm", ".html.gz", ".htm.gz")


@dataclass(frozen=True, slots=True)
class CrawlSpec:
    """What a crawl is to read.

    Attributes:
        places: Slugs of places, each searched separately.
        offering: Whether homes for sale or for rent are searched.
        max_pages: Most search pages of a place; 0 for all.
        details: Whether detail pages are read.
        filters: Parameters of the search and their values.
        urls: Addresses to start from.
        files: Saved pages, read instead of the site.
        base: The site's address, without a trailing slash.
    """

    places: tuple[str, ...]
    offering: Offering
    max_pages: int
    details: bool
    filters: Mapping[str, object]
    urls: tuple[str, ...]
    files: tuple[Path, ...]
    base: str

    def page_of(self, walk: Walk, fixed: Mapping[str, object], /) -> str:
        """Return the address of the current page of a walk.

        Args:
            walk: The walk through a place, or through a search with a given address.
            fixed: Parameters that every search of the spider has.
        """
        if walk.url:
            return page_url(walk.url, walk.page)
        filters = {**self.filters, **fixed}
        return search_url(self.base, self.offering, walk.place, walk.page, filters)


def read_crawl_spec(spider: str, arguments: Mapping[str, object], /) -> CrawlSpec:
    """Return what the arguments ask for; those not given have their defaults.

    Args:
        spider: The spider's name, for messages.
        arguments: Arguments by name, as text or as Python values.

    Raises:
        ConfigError: An argument is malformed, or there is nothing to crawl.
    """
    values: dict[str, object] = {
        argument.name: argument.default for argument in ARGUMENTS
    }
    values |= {
        name: value for name, value in arguments.items() if value not in ("", None)
    }
    spec = CrawlSpec(
        places=_places(values["place"]),
        offering=_offering(values["offering"]),
        max_pages=read_number("max_pages", values["max_pages"]),
        details=read_switch("details", values["details"]),
        filters=_filters(values),
        urls=tuple(read_urls(values["start_urls"])) if values["start_urls"] else (),
        files=_files(values["pages"]),
        base=_site(values["base_url"]),
    )
    _check_start(spider, spec)
    return spec


def _places(value: object) -> tuple[str, ...]:
    try:
        return split_places(read_words(value))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _offering(value: object) -> Offering:
    names: dict[str, Offering] = {
        "buy": "buy",
        "koop": "buy",
        "sale": "buy",
        "rent": "rent",
        "huur": "rent",
    }
    offering = names.get(str(value).strip().lower())
    if offering is None:
        msg = f"offering is {value!r}: give buy or rent"
        raise ConfigError(msg)
    return offering


def _filters(values: Mapping[str, object]) -> dict[str, object]:
    """Return the search parameters as they appear in the site's addresses."""
    filters: dict[str, object] = {
        name: read_range(name, values[name]) for name in _RANGES if values[name]
    }
    for name in _LISTS:
        if values[name]:
            filters[name] = read_words(values[name])
    if values["published"]:
        filters["publication_date"] = _days(values["published"])
    if values["sort"]:
        filters["sort"] = str(values["sort"])
    return filters


def _days(value: object) -> str:
    days = str(value).strip()
    if days not in _DAYS:
        msg = f"published is {value!r}: the site knows {', '.join(_DAYS)} days"
        raise ConfigError(msg)
    return days


def _site(value: object) -> str:
    site = str(value).strip().rstrip("/")
    if not site.startswith(("http://", "https://")):
        msg = f"base_url is {value!r}: give an address that begins with https://"
        raise ConfigError(msg)
    if not is_host(host_of(site)):
        msg = f"base_url is {value!r}: give an address that names a host"
        raise ConfigError(msg)
    return site


def _files(value: object) -> tuple[Path, ...]:
    if not value:
        return ()
    folder = expand_path(str(value))
    try:
        paths = [folder] if folder.is_file() else _files_below(folder)
        pages = (path for path in paths if path.name.lower().endswith(_SUFFIXES))
        # in a mirror of a site, folders can have the names of pages
        files = tuple(path for path in pages if path.is_file())
    except OSError as error:
        msg = f"pages {error.filename or folder} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    if not files:
        msg = f"pages {folder} holds no saved page: give a folder of .html files"
        raise ConfigError(msg)
    return files


def _files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, in order.

    Raises:
        OSError: A folder cannot be read, so that its pages would be missing.
    """
    walked = os.walk(folder, onerror=_raise)
    return sorted(
        Path(folder_path, name) for folder_path, _, names in walked for name in names
    )


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _check_start(spider: str, spec: CrawlSpec) -> None:
    if spec.files and (spec.places or spec.urls):
        msg = "pages is read instead of the net: leave place and start_urls out"
        raise ConfigError(msg)
    old = next(filter(is_old_search_url, spec.urls), None)
    if old is not None:
        msg = (
            f"start_urls holds {old}, a search address in an old form of the site: "
            "give its place (place=utrecht), or the address that the site shows for it "
            "now"
        )
        raise ConfigError(msg)
    if not (spec.files or spec.places or spec.urls):
        msg = (
            f"spider {spider} has nothing to crawl: give place=amsterdam, "
            "start_urls=https://… or pages=FOLDER"
        )
        raise ConfigError(msg)
