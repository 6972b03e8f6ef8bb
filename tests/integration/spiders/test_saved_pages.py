"""The time at which saved pages count as read."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from propload.checking.check import check
from propload.ingesting import ingest
from propload_spiders.spiders.funda import FundaSpider
from tests.integration.reading import query

pytestmark = [pytest.mark.one_server, pytest.mark.timeout(60)]

URL = "https://www.funda.nl/detail/koop/delft/huis-kaai-1/41000001/"
PAGE = f"""<html><head><title>Kaai 1</title><link rel="canonical" href="{URL}"></head>
<dl><dt>Vraagprijs</dt><dd>€ 495.000 kosten koper</dd>
<dt>Aangeboden sinds</dt><dd>3 weken</dd></dl></html>"""
WRITTEN = datetime(2025, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def saved_page(tmp_path):
    file = tmp_path / "kaai.html"
    file.write_text(PAGE, encoding="utf-8")
    os.utime(file, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return {"arguments": {"pages": str(file)}, "progress": False}


def stored_days(database):
    (row,) = query(
        database, "SELECT scraped_at::date::text, listed_on::text FROM listings"
    )
    return row


def test_page_is_dated_by_the_time_of_its_file(database, saved_page):
    report = ingest(FundaSpider, to=database, **saved_page)
    assert stored_days(database) == ("2025-06-15", "2025-05-25")
    (note,) = [note for note in report.notes if "dated by" in note]
    assert note.startswith("1 saved page is dated by the time of its file")
    assert "--as-of" in note


def test_as_of_takes_precedence_over_the_time_of_the_file(database, saved_page):
    report = ingest(FundaSpider, to=database, as_of="2026-07-04", **saved_page)
    assert stored_days(database) == ("2026-07-04", "2026-06-13")
    assert "dated by" not in " ".join(report.notes)


def test_note_about_the_date_does_not_prevent_a_replace(database, saved_page):
    report = ingest(FundaSpider, to=database, mode="replace", **saved_page)
    assert report.status == "loaded"
    assert "dated by" in " ".join(report.notes)


def test_check_dates_pages_as_a_load_does(database, saved_page):
    ingest(FundaSpider, to=database, as_of="2026-07-04", **saved_page)
    found = check(FundaSpider, to=database, as_of="2026-07-04", **saved_page)
    assert found.expected is not None
    assert found.expected.unchanged == 1
