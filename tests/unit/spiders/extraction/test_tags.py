"""Tags, including pages that were made to take a long time."""

from __future__ import annotations

import json

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


def test_element_ends_at_its_first_end_tag():
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
# patterns that restart at every tag took minutes for a tenth of it
@pytest.mark.timeout(60)
def test_time_to_read_a_page_is_linear_in_its_length(read, part):
    assert not read(part * (1_000_000 // len(part)))


def test_cells_that_expand_to_too_many_values_are_left_out(monkeypatch):
    monkeypatch.setattr(payload, "_MOST_VALUES", 10_000)
    doubled = [[place + 1, place + 1] for place in range(3, 63)]
    cells = [{"bomb": 3, "price": 1}, 350_000, None, *doubled, "x"]
    page = f'<script id="__NUXT_DATA__">{json.dumps(cells)}</script>'
    found = find_payload(page)
    assert found is not None
    assert found.at("bomb") is None
    assert found.at("price") == 350_000


@pytest.mark.parametrize("text", ["9" * 5_000, "[" * 100_000])
def test_json_that_python_cannot_read_is_left_out(text):
    assert linked_data(f'<script type="application/ld+json">{text}</script>') == []
    assert find_payload(f'<script id="__NUXT_DATA__">[{text}]</script>') is None
    cells = json.dumps([{"a": 1}, ["EmptyRef", 2], text])
    found = find_payload(f'<script id="__NUXT_DATA__">{cells}</script>')
    assert found is not None
    assert found.at("a") == text
