"""Tags, also of pages that were made to take long."""

from __future__ import annotations

import json
import time

import pytest

from propload_spiders.extraction import payload
from propload_spiders.extraction.kinds import title_of
from propload_spiders.extraction.payload import find_payload
from propload_spiders.extraction.scripts import linked_data, own_address
from propload_spiders.extraction.tags import elements, tags

PAGE = """<html><SCRIPT src="a.js"></SCRIPT>
<script>document.write("<script>")</script><scripture>
<script type="x" id=y>
 {"a": 1}</script><script>no end"""


def test_elements_end_at_their_first_end_tag():
    assert list(elements(PAGE, "script")) == [
        (' src="a.js"', ""),
        ("", 'document.write("<script>")'),
        (' type="x" id=y', '\n {"a": 1}'),
    ]
    assert list(tags('<link a><LINK b="c"/><linked><link', "link")) == [" a", ' b="c"/']


@pytest.mark.parametrize("read", [linked_data, own_address, find_payload, title_of])
@pytest.mark.parametrize(
    "part",
    [
        "<script ",
        "<script id=__NUXT_DATA__ ",
        "<script type=application/ld+json>",
        "<link rel=canonical ",
        "<meta property=og:url content=",
        "<title>",
        "<!-- saved from url=(1)x",
    ],
)
def test_a_page_takes_no_longer_than_it_is_long(read, part):
    began = time.monotonic()
    assert not read(part * (1_000_000 // len(part)))
    # of patterns that begin anew at each tag, a tenth of it took minutes
    assert time.monotonic() - began < 5


def test_few_cells_stand_for_no_more_values_than_memory_holds(monkeypatch):
    monkeypatch.setattr(payload, "_MOST_VALUES", 10_000)
    doubled = [[place + 1, place + 1] for place in range(3, 63)]
    cells = [{"bomb": 3, "price": 1}, 350_000, None, *doubled, "x"]
    page = f'<script id="__NUXT_DATA__">{json.dumps(cells)}</script>'
    found = find_payload(page)
    assert found is not None
    assert found.at("bomb") is None
    assert found.at("price") == 350_000


@pytest.mark.parametrize("text", ["9" * 5_000, "[" * 100_000])
def test_json_that_python_does_not_read_is_left_out(text):
    assert linked_data(f'<script type="application/ld+json">{text}</script>') == []
    assert find_payload(f'<script id="__NUXT_DATA__">[{text}]</script>') is None
    cells = json.dumps([{"a": 1}, ["EmptyRef", 2], text])
    found = find_payload(f'<script id="__NUXT_DATA__">{cells}</script>')
    assert found is not None
    assert found.at("a") == text
