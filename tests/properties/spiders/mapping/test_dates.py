"""Dates of any text are read alike in both languages, or are null."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from propload_spiders.mapping import dates

SEEN = datetime(2026, 7, 4, 10, tzinfo=UTC)
DUTCH = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
]
ENGLISH = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def read_days(texts):
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    today = dates.local_day(pl.lit(SEEN, dtype=pl.Datetime("us", "UTC")))
    return frame.select(dates.day(pl.col("text"), today)).to_series().to_list()


# many texts in one frame, because a frame has a fixed cost
MANY = settings(max_examples=15)


@MANY
@given(st.lists(st.dates(date(1900, 1, 1), date(2199, 12, 31)), min_size=1))
def test_a_day_reads_the_same_in_both_languages(days):
    dutch = [f"{day.day} {DUTCH[day.month - 1]} {day.year}" for day in days]
    english = [f"{ENGLISH[day.month - 1]} {day.day}, {day.year}" for day in days]
    for texts in (dutch, english, [day.isoformat() for day in days]):
        assert read_days(texts) == days


@MANY
@given(st.lists(st.text(), min_size=1))
def test_any_text_gives_a_value_or_null(texts):
    assert len(read_days(texts)) == len(texts)
    frame = pl.DataFrame({"text": texts})
    for parse in (dates.days, dates.first_build_year, dates.last_build_year):
        assert frame.select(parse(pl.col("text"))).height == len(texts)
