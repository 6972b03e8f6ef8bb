"""When saved pages say that they were read."""

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
def saved(tmp_path):
    file = tmp_path / "kaai.html"
    file.write_text(PAGE, encoding="utf-8")
    os.utime(file, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return {"arguments": {"pages": str(file)}, "progress": False}


def days(database):
    (told,) = query(
        database, "SELECT scraped_at::date::text, listed_on::text FROM listings"
    )
    return told


def test_the_files_time_dates_a_page(database, saved):
    report = ingest(FundaSpider, to=database, **saved)
    assert days(database) == ("2025-06-15", "2025-05-25")
    (note,) = [note for note in report.notes if "dated by" in note]
    assert note.startswith("1 saved page is dated by the time of its file")
    assert "--as-of" in note


def test_as_of_goes_before_the_files_time(database, saved):
    report = ingest(FundaSpider, to=database, as_of="2026-07-04", **saved)
    assert days(database) == ("2026-07-04", "2026-06-13")
    assert "dated by" not in " ".join(report.notes)


def test_a_note_keeps_no_replace_from_its_table(database, saved):
    report = ingest(FundaSpider, to=database, mode="replace", **saved)
    assert report.status == "loaded"
    assert "dated by" in " ".join(report.notes)


def test_a_check_dates_pages_as_a_load_does(database, saved):
    ingest(FundaSpider, to=database, as_of="2026-07-04", **saved)
    found = check(FundaSpider, to=database, as_of="2026-07-04", **saved)
    assert found.expected is not None
    assert found.expected.unchanged == 1
