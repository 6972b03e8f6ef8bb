"""What a crawl is to read, derived from its arguments."""

from __future__ import annotations

import pytest

from propload.errors import ConfigError
from propload_spiders.searching import ARGUMENTS, read_crawl_spec
from tests.unreadable_folders import unreadable_folder

LISTING = "/detail/koop/a/huis-b-1/41234567/"


def spec_for(**arguments):
    return read_crawl_spec("funda", {"place": "delft", **arguments})


def test_arguments_have_defaults():
    spec = spec_for()
    assert (spec.places, spec.offering, spec.max_pages, spec.details) == (
        ("delft",),
        "buy",
        0,
        True,
    )
    assert (spec.filters, spec.urls, spec.files) == ({}, (), ())
    assert spec.base == "https://www.funda.nl"


def test_filters_are_written_as_the_site_does():
    spec = spec_for(
        price="200.000-",
        published="3",
        rooms=4,
        object_type="house, apartment",
        energy_label=["A", "B"],
        sort="date_down",
        bedrooms="",
        plot_area=None,
    )
    assert spec.filters == {
        "price": "200000-",
        "publication_date": "3",
        "rooms": "4-4",
        "object_type": ["house", "apartment"],
        "energy_label": ["A", "B"],
        "sort": "date_down",
    }


def test_urls_are_read_from_a_file(tmp_path):
    file = tmp_path / "left.txt"
    urls = [f"https://x/detail/koop/a,b/huis-b-1/4{n:07}/" for n in range(3_000)]
    file.write_text("\n".join([urls[0], "", *urls[1:], ""]), encoding="utf-8")
    assert spec_for(place="", start_urls=f"@{file}").urls == tuple(urls)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "left.txt of start_urls cannot be read: No such file"),
        (b"\n", "left.txt of start_urls holds no address: give one a line"),
        (b"https://x/1\nx/2\n", "line 2 of file .*left.txt of start_urls holds 'x/2'"),
        (b"\xff\xfe", "left.txt of start_urls cannot be read: .*utf-8"),
    ],
)
def test_unusable_file_of_urls_is_refused(tmp_path, content, message):
    file = tmp_path / "left.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        spec_for(place="", start_urls=f"@{file}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"place": ""}, "nothing to crawl"),
        ({"details": "maybe"}, "details is 'maybe': give on or off"),
        ({"max_pages": "-1"}, "max_pages"),
        ({"price": "cheap"}, "price is 'cheap'"),
        ({"price": "5-3"}, "ends before it begins"),
        ({"price": "50.5-"}, "price is '50.5-': .* in whole numbers"),
        ({"price": "1.5-120.25"}, "in whole numbers"),
        ({"base_url": "127.0.0.1:8000"}, "base_url is '127.0.0.1:8000': give an add"),
        ({"base_url": "http://[bad"}, r"'http://\[bad': .* names a host"),
        ({"base_url": "https:///koop"}, "names a host"),
        ({"base_url": "https://fun da.nl"}, "names a host"),
        ({"published": "7"}, "knows 1, 3, 5, 10, 30 days"),
        ({"offering": "swap"}, "give buy or rent"),
        ({"place": "delft,4km"}, "radius 4 km"),
        ({"start_urls": "www.funda.nl"}, "begin with https"),
        (
            {"start_urls": "https://[bad/detail/koop/a/huis-b-1/41234567/"},
            "name a host",
        ),
        ({"start_urls": "https:///detail/koop/a/huis-b-1/41234567/"}, "name a host"),
        (
            {"start_urls": "https://www.funda.nl/koop/utrecht/p2/"},
            r"holds https://www.funda.nl/koop/utrecht/p2/, a search .*place=utrecht",
        ),
        ({"pages": "/nowhere-at-all"}, "no saved page"),
        ({"pages": "a" * 300}, "pages a{300} cannot be read: File name too long"),
    ],
)
def test_unusable_argument_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        spec_for(**arguments)


def test_saved_pages_are_read_instead_of_the_site(tmp_path):
    (tmp_path / "inner.html").mkdir()
    (tmp_path / "b.html").touch()
    (tmp_path / "inner.html" / "a.HTM").touch()
    (tmp_path / "notes.txt").touch()
    spec = spec_for(place="", pages=str(tmp_path))
    assert [path.name for path in spec.files] == ["b.html", "a.HTM"]
    with pytest.raises(ConfigError, match="instead of the net"):
        spec_for(pages=str(tmp_path))


def test_unreadable_folder_of_pages_is_refused():
    with unreadable_folder(0, "page.html") as root:
        with pytest.raises(ConfigError, match=r"page\.html cannot be read: Perm"):
            spec_for(place="", pages=str(root))
        with pytest.raises(ConfigError, match=r"a\.html cannot be read: Perm"):
            spec_for(place="", pages=f"{root}/page.html/a.html")


def test_every_argument_is_documented():
    names = [argument.name for argument in ARGUMENTS]
    assert len(set(names)) == len(names)
    assert all(argument.help for argument in ARGUMENTS)
