"""Dates and moments out of texts, in five languages."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.parsers import parse_date, parse_timestamp
from propload.prepare.parsers.months import MONTHS
from tests.unit.prepare.parsing import read

QUICK = settings(max_examples=25)


@QUICK
@given(st.dates(dt.date(1000, 1, 1)), st.sampled_from(list(MONTHS)), st.data())
def test_every_day_is_read_back_in_every_language(day, language, data):
    name = data.draw(st.sampled_from(MONTHS[language][day.month - 1].split()))
    shape = data.draw(st.sampled_from(["{d} {m} {y}", "{m} {d}, {y}", "{d}. {m} {y}"]))
    text = shape.format(d=day.day, m=name, y=f"{day.year:04}")
    assert read(parse_date, text, locale=language) == [day]
    assert read(parse_date, text.upper()) == [day]
    assert read(parse_date, day.isoformat()) == [day]


@QUICK
@given(st.datetimes(dt.datetime.fromisoformat("1000-01-02")), st.integers(-720, 720))
def test_every_moment_is_read_back(moment, minutes):
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    local = moment.replace(tzinfo=dt.UTC)
    try:
        text = local.astimezone(zone).isoformat()
    except OverflowError:
        return
    assert read(parse_timestamp, text) == [local]
