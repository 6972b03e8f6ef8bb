"""Dates and timestamps parsed from texts, in five languages."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.prepare.parsers import parse_date, parse_timestamp
from propload.prepare.parsers.months import MONTHS, month_numbers
from tests.unit.prepare.parsing import read


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-10-11", dt.date(2024, 10, 11)),
        ("2024/10/11", dt.date(2024, 10, 11)),
        ("2024-10-11 00:00:00", dt.date(2024, 10, 11)),
        ("2024-10-11T00:00:00.000", dt.date(2024, 10, 11)),
        ("11 oktober 2019", dt.date(2019, 10, 11)),
        ("vrijdag 11 oktober 2019", dt.date(2019, 10, 11)),
        ("11-okt-2019", dt.date(2019, 10, 11)),
        ("3 mrt. 2020", dt.date(2020, 3, 3)),
        ("Oct. 3rd, 2020", dt.date(2020, 10, 3)),
        ("OCTOBER 3, 2020", dt.date(2020, 10, 3)),
        ("3 of May 2020", dt.date(2020, 5, 3)),
        ("3. März 2021", dt.date(2021, 3, 3)),
        ("Donnerstag, 4. Jänner 2024", dt.date(2024, 1, 4)),
        ("1er août 2020", dt.date(2020, 8, 1)),
        ("le 14 juillet 2021", dt.date(2021, 7, 14)),
        ("5 września 2023", dt.date(2023, 9, 5)),
        ("2020 May 3", dt.date(2020, 5, 3)),
    ],
)
def test_date_is_parsed_without_a_format(text, day):
    assert read(parse_date, text) == [day]


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "2 weken",
        "maandag",
        "32 oktober 2019",
        "2024-10-11 00:00:01",
        "May 2020",
        "2024-02-30",
        "1/2/18",
        "12-10-2019",
        "11 oktobr 2019",
        "Mayor 3 2020",
    ],
)
def test_ambiguous_or_invalid_date_is_null(text):
    assert read(parse_date, text) == [None]


def test_numeric_date_is_read_if_its_locale_puts_days_first():
    days = [dt.date(2019, 10, 12)] * 3
    texts = ["12-10-2019", "12/10/2019", "12.10.2019"]
    for locale in ("nl", "de_DE", "fr", "pl-PL"):
        assert read(parse_date, *texts, locale=locale) == days
    assert read(parse_date, "12/10/2019", locale="en") == [None]


def test_only_the_given_formats_are_read():
    formats = ["%m/%d/%Y", "%Y-%m-%d"]
    texts = ["01/22/2018", "2018-01-22", "1/22/18", "22 januari 2018"]
    day = dt.date(2018, 1, 22)
    assert read(parse_date, *texts, formats=formats) == [day, day, None, None]


def test_formats_may_name_months_and_weekdays():
    texts = ["vrijdag 11 oktober 2019", "okt 11 2019"]
    formats = ["%A %d %B %Y", "%b %d %Y"]
    assert (
        read(parse_date, *texts, formats=formats, locale="nl")
        == [dt.date(2019, 10, 11)] * 2
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-02T11:42:25.8657786+02:00", "2026-07-02T09:42:25.865778"),
        ("2024-01-02", "2024-01-01T23:00:00"),
        ("2024-01-02 10:00", "2024-01-02T09:00:00"),
        ("2024-01-02T10:00:00Z", "2024-01-02T10:00:00"),
        ("2024-01-02 10:00:00 +0530", "2024-01-02T04:30:00"),
        ("2024-01-02 10:00-08", "2024-01-02T18:00:00"),
        ("11 oktober 2019 om 10.30 uur", "2019-10-11T08:30:00"),
        ("11 oktober 2019 10:00:01.5", "2019-10-11T08:00:01.500000"),
        ("Oct 3, 2020 1:05 PM", "2020-10-03T11:05:00"),
        ("Oct 3, 2020, 12:05 a.m.", "2020-10-02T22:05:00"),
        # the clock shows this time twice: the earlier one counts
        ("2024-10-27 02:30:00", "2024-10-27T00:30:00"),
    ],
)
def test_timestamp_becomes_utc(text, moment):
    [found] = read(parse_timestamp, text, time_zone="Europe/Amsterdam")
    assert found == dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["2024-03-31 02:30", "2024-01-02T25:00:00", "10:00", "now", "", None]
)
def test_invalid_timestamp_is_null(text):
    assert read(parse_timestamp, text, time_zone="Europe/Amsterdam") == [None]


def test_timestamp_is_parsed_by_format():
    moment = dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)
    assert read(parse_timestamp, "1700000000", "x", formats=["epoch"]) == [moment, None]
    assert read(parse_timestamp, "1700000000000", formats=["epoch_ms"]) == [moment]
    texts = ["2023-11-14 23:13:20+01:00", "14.11.2023 22:13"]
    formats = ["%Y-%m-%d %H:%M:%S%#z", "%d.%m.%Y %H:%M"]
    found = read(parse_timestamp, *texts, formats=formats)
    assert found == [moment, moment.replace(second=0)]
    assert read(parse_timestamp, "2023-11-14", formats=["%Y-%m-%d"]) == [
        moment.replace(hour=0, minute=0, second=0)
    ]


def test_unsupported_part_of_a_format_is_refused():
    for part in ("%X", "%r", "%c", "%x", "%+", "%s", "%Z"):
        with pytest.raises(ConfigError, match=f"{part[:1]}.*cannot be read"):
            read(parse_timestamp, "x", formats=[f"%Y {part}"])
    doubled = read(parse_date, "%2024-10-11%", formats=["%%%Y-%m-%d%%"])
    assert doubled == [dt.date(2024, 10, 11)]


@pytest.mark.parametrize("parser", [parse_date, parse_timestamp])
@pytest.mark.parametrize(
    ("date_format", "message"),
    [
        ("%Y-%m", "can read no date"),
        ("%d/%m", "can read no date"),
        ("%H:%M", "can read no date"),
        ("%Y-%m-%d %H", "hours and minutes"),
        ("%Y-%m-%d %I:%M", "%I:%M %p"),
        ("dd-mm-yyyy", "can read no date"),
        ("%d-%m-%Q", "has a part that is not known"),
        ("%Y-%m-%d%", "has a part that is not known"),
    ],
)
def test_format_that_fits_no_date_is_refused(parser, date_format, message):
    with pytest.raises(ConfigError, match=f"format '{date_format}'.*{message}"):
        read(parser, "x", formats=["%Y-%m-%d", date_format])


def test_epoch_is_a_format_of_timestamps_only():
    with pytest.raises(ConfigError, match="format 'epoch_ms' can read no date"):
        read(parse_date, "x", formats=["epoch_ms"])
    assert read(parse_timestamp, "0", formats=["epoch_ms"]) != [None]


def test_non_english_weekday_after_other_parts_is_refused():
    with pytest.raises(ConfigError, match="at the start"):
        read(parse_date, "x", formats=["%d %A %B %Y"], locale="nl")
    date_format = "%d %A %B %Y"
    found = read(
        parse_date, "23 Wednesday October 2024", formats=[date_format], locale="en"
    )
    assert found == [dt.date(2024, 10, 23)]


@pytest.mark.parametrize(
    "date_format",
    [
        "%d.%m.%y",
        "%-d/%-m/%Y",
        "%Y%m%d",
        "%Y-%j",
        "%G-W%V-%u",
        "%A, %e. %B %Y",
        "%d %b %Y, %I:%M:%S %p",
        "%Y-%m-%dT%H:%M:%S%.f%:z",
        "%FT%T%z",
    ],
)
@pytest.mark.parametrize("locale", [None, "nl", "pl"])
def test_format_that_fits_dates_is_accepted(date_format, locale):
    for parser in (parse_date, parse_timestamp):
        assert read(parser, "x", formats=[date_format], locale=locale) == [None]


def test_single_format_needs_no_list():
    assert read(parse_date, "11/10/2024", formats="%d/%m/%Y") == [dt.date(2024, 10, 11)]


def test_date_with_offset_is_the_date_as_written():
    texts = ["2024-10-11T00:30:00+02:00", "2024-10-11T00:30:00Z"]
    for offset_part in ("%z", "%#z"):
        found = read(parse_date, *texts, formats=[f"%Y-%m-%dT%H:%M:%S{offset_part}"])
        assert found == [dt.date(2024, 10, 11)] * 2


def test_impossible_offset_or_far_epoch_is_null():
    texts = ["2024-10-11T10:00:00+99:99", "2024-10-11T10:00:00+14:00"]
    assert [one and one.day for one in read(parse_timestamp, *texts)] == [None, 10]
    epochs = ["1700000000", "1700000000000000"]
    found = read(parse_timestamp, *epochs, formats=["epoch"])
    assert [one and one.year for one in found] == [2023, None]
    found = read(parse_timestamp, *epochs, formats=["epoch", "epoch_us"])
    assert [one.year for one in found] == [2023, 2023]


def test_letter_z_in_a_format_is_no_offset():
    date_format = "%d.%m.%Y godz. %H:%M"
    [found] = read(
        parse_timestamp,
        "01.07.2024 godz. 12:00",
        formats=[date_format],
        time_zone="Europe/Warsaw",
    )
    assert found.hour == 10


def test_unknown_time_zone_or_locale_is_refused():
    with pytest.raises(ConfigError, match="Mars"):
        parse_timestamp(pl.col("text"), time_zone="Mars")
    with pytest.raises(ConfigError, match="known are: nl, en, de, fr, pl"):
        parse_date(pl.col("text"), locale="xx")


def test_month_name_means_the_same_month_in_all_languages():
    for language in MONTHS:
        for name, number in month_numbers(language).items():
            assert month_numbers(None)[name] == number
