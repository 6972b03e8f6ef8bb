from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from propload_spiders.mapping import dates

SEEN = datetime(2026, 7, 4, 10, tzinfo=UTC)


def read(parse, text, seen=SEEN):
    frame = pl.DataFrame(
        {"text": [text], "seen": [seen]},
        schema={"text": pl.String, "seen": pl.Datetime("us", "UTC")},
    )
    return frame.select(parse(pl.col("text"))).item()


def read_day(text, seen=SEEN):
    return read(
        lambda column: dates.day(column, dates.local_day(pl.col("seen"))), text, seen
    )


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("11 oktober 2019", date(2019, 10, 11)),
        ("March 11, 2022", date(2022, 3, 11)),
        ("2 mrt 2022", date(2022, 3, 2)),
        ("1 mei 2020", date(2020, 5, 1)),
        ("vrijdag 1 mei 2020", date(2020, 5, 1)),
        ("Friday, May 1, 2020", date(2020, 5, 1)),
        ("1-11-2019", date(2019, 11, 1)),
        ("2019-10-11", date(2019, 10, 11)),
        ("2026-07-02T23:42:25.8657786+02:00", date(2026, 7, 2)),
        ("Vandaag", date(2026, 7, 4)),
        ("Today", date(2026, 7, 4)),
        ("Gisteren", date(2026, 7, 3)),
        ("3 dagen", date(2026, 7, 1)),
        ("3 weken", date(2026, 6, 13)),
        ("1 week", date(2026, 6, 27)),
        ("2 months", date(2026, 5, 4)),
        ("2½ maand", date(2026, 4, 19)),
        ("2 weeks ago", date(2026, 6, 20)),
    ],
)
def test_date_is_read_as_written_or_counted_back(text, day):
    assert read_day(text) == day


@pytest.mark.parametrize(
    "text", ["6+ maanden", "2", "32 oktober 2019", "11 foo 2019", "3/4/2022", "", None]
)
def test_text_without_a_date_is_null(text):
    assert read_day(text) is None


def test_today_is_the_date_in_the_netherlands():
    assert read_day("Vandaag", datetime(2026, 7, 3, 23, tzinfo=UTC)) == date(2026, 7, 4)


def test_counting_months_back_stays_within_the_month():
    assert read_day("1 maand", datetime(2026, 3, 31, tzinfo=UTC)) == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("text", "days"),
    [("4 weken", 28), ("2½ maand", 75), ("1 dag", 1), ("45", 45), ("lang", None)],
)
def test_time_on_the_market_is_in_days(text, days):
    assert read(dates.days, text) == days


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1922", (1922, 1922, 1922)),
        ("1922.0", (1922, 1922, 1922)),
        ("1931-1944", (None, 1931, 1944)),
        ("Voor 1906", (None, None, 1905)),
        ("Before 1906", (None, None, 1905)),
        ("na 2020", (None, 2021, None)),
        ("After 2020", (None, 2021, None)),
        ("unknown", (None, None, None)),
        ("11 m²", (None, None, None)),
    ],
)
def test_build_years_are_read(text, years):
    parsers = (dates.build_year, dates.first_build_year, dates.last_build_year)
    assert tuple(read(parse, text) for parse in parsers) == years
