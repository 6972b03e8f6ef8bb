"""Offsets of 16 hours or more from UTC are rejected, as PostgreSQL rejects them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from propload.prepare.casting.inference import infer_types
from propload.prepare.parsers.dates import parse_timestamp
from tests.unit.prepare.casts import cast_values, moment

CLOCKS = ["2024-01-16 03:04:05", "2024-01-16T03:04:05.123", "2024-01-16T03:04"]
NEAR = ["Z", "+15:59", "-15:59", "+00", "-1200", " +14:00"]
FAR = ["+16", "-16:00", "+1630", "+23:59", " -23:00", "-19 :00", "\u221216:00"]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(
    "wanted", [pl.Datetime("us", "UTC"), pl.Datetime("us"), pl.Datetime("ms", "UTC")]
)
def test_timestamp_with_far_offset_is_rejected(clock, wanted):
    near = NEAR[: 5 if "." in clock or len(clock) < len(CLOCKS[0]) else 6]
    texts = [clock + offset for offset in (*near, *FAR)]
    kept, refused = cast_values(texts, None, wanted)
    assert list(kept) == list(range(len(near)))
    assert refused == list(range(len(near), len(texts)))
    in_utc = moment(f"{clock}+15:59").astimezone(dt.UTC)
    assert kept[1].replace(tzinfo=dt.UTC) == in_utc


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("2024-01-16T00:00:00Z", True),
        ("2024-01-16T16:00:00+16:00", False),
        ("2024-01-16T16:00:00-08:00", True),
    ],
)
def test_date_from_timestamp_with_far_offset_is_rejected(text, is_kept):
    kept, _ = cast_values([text], None, pl.Date())
    assert bool(kept) is is_kept


def test_far_offset_is_not_guessed_as_timestamp_and_later_rejected():
    near, far = "2024-01-16T03:04:05+02:00", "2024-01-16T03:04:05+16:00"
    in_utc = pl.Datetime("us", "UTC")
    assert infer_types(pl.DataFrame({"seen": [near]})) == {"seen": in_utc}
    assert infer_types(pl.DataFrame({"seen": [near, far]})) == {"seen": pl.String()}
    kept, refused = cast_values([near, far], None, in_utc, inferred=True)
    assert (list(kept), refused) == ([0], [1])


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("16-10-2024 10:00 {}", "%d-%m-%Y %H:%M %z"),
        ("2024-10-16T10:00:00{}", "%Y-%m-%dT%H:%M:%S%#z"),
        ("Wed Oct 16 10:00:16 {} 2024", "%a %b %d %H:%M:%S %z %Y"),
        ("{} 2024-10-16 10:00", "%z %Y-%m-%d %H:%M"),
    ],
)
def test_format_does_not_match_far_offset(text, date_format):
    offsets = ["+0200", "+1459", "+1500", "-2300"]
    texts = pl.DataFrame({"t": [text.format(offset) for offset in offsets]})
    found = texts.select(parse_timestamp(pl.col("t"), formats=[date_format]))["t"]
    assert found.is_null().to_list() == [False, False, True, True]
