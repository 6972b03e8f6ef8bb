from __future__ import annotations

import pytest

from propload_spiders.extraction.kinds import kind_of, title_of


@pytest.mark.parametrize(
    ("html", "status", "kind"),
    [
        ("<title>Huurwoningen Delft</title>", 200, "page"),
        (
            "<title>Je bent bijna op de pagina die je zoekt [funda]</title>",
            200,
            "blocked",
        ),
        ("<title>\n Just a\n moment...</title>", 200, "blocked"),
        ("<title>Huis</title><script>window._cf_chl_opt = {}</script>", 200, "blocked"),
        ("<title>Forbidden</title>", 403, "blocked"),
        ("", 429, "blocked"),
        ("<title>Deze pagina kunnen we niet vinden</title>", 404, "gone"),
        ("<title>Deze pagina kunnen we niet vinden</title>", 200, "gone"),
        ("<title>We can\u2019t find this page</title>", 200, "gone"),
        ("", 410, "gone"),
        ("", 200, "page"),
        # a long page that only mentions the marker is a page
        ("<title>Huis</title>_cf_chl_opt" + " " * 200_000, 200, "page"),
    ],
)
def test_kind_of_response_is_recognized(html, status, kind):
    assert kind_of(html, status) == kind


def test_title_is_returned_in_one_line():
    assert title_of("<head><title data-x>\n a \n b</title>") == "a b"
    assert title_of("<p>") == ""
