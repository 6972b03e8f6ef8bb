"""Listings of 20 columns, generated from a seed: the same rows for every candidate."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from benchmarks.layout import Layout, column_types

#: A prime: multiples of `STEP` modulo it visit every number below it once, so that rows
#: come in a different order than their keys, as scraped rows do.
PRIME = 100_000_007
STEP = 61_803_401
CITIES = (
    ("Amsterdam", 1000),
    ("Haarlem", 2000),
    ("Rotterdam", 3000),
    ("Utrecht", 3500),
    ("Eindhoven", 5600),
    ("Maastricht", 6200),
    ("Arnhem", 6800),
    ("Groningen", 9700),
)
STREETS = ("Dorpsstraat", "Kerkweg", "Molenlaan", "Parkzicht", "Stationsplein")
STATUSES = ("available", "under_offer", "sold")
TYPES = ("house", "apartment", "parking")
LABELS = ("A++", "A", "B", "C", "D", "E", "F", "G", None)
KEY = ("source", "listing_id")
NEWEST = "scraped_at"
SCRAPED = datetime(2026, 11, 1, 6, tzinfo=UTC)


def listings(rows: int, /, *, first: int = 0, seed: int = 1) -> pl.DataFrame:
    """Return rows that pass the schema `listing`, not in the order of their keys.

    Args:
        rows: The number of rows.
        first: The number of the first row; rows with different numbers have different
            keys, up to a hundred million.
        seed: A different seed gives the same keys different values.
    """
    number = pl.int_range(first, first + rows, dtype=pl.UInt64, eager=True)
    base = pl.DataFrame({"n": number}).with_columns(
        id=(pl.col("n") * STEP) % PRIME,
        # pseudo-random, depending on the seed
        chance=((pl.col("n") + seed * 7919) * 2_654_435_761) % 4_294_967_296,
    )
    return base.select(*_identity(), *_home(), *_address()).select(_ORDER)


def ordered(frame: pl.DataFrame, /, *, by_key: bool) -> pl.DataFrame:
    """Return the rows unchanged or, with `by_key`, in the order of their key."""
    return frame.sort(KEY) if by_key else frame


def changed(frame: pl.DataFrame, share: float, /) -> pl.DataFrame:
    """Return the rows, a share of them with a new price and a later `scraped_at`.

    Args:
        frame: Rows from `listings`.
        share: The share of rows that change, 0 to 1, evenly spread.
    """
    if not share:
        return frame
    every = max(1, round(1 / share))
    hit = pl.int_range(pl.len()) % every == 0
    later = pl.col("scraped_at") + pl.duration(days=1)
    return frame.with_columns(
        list_price=pl.when(hit)
        .then(pl.col("list_price") + 5_000)
        .otherwise(pl.col("list_price")),
        scraped_at=pl.when(hit).then(later).otherwise(pl.col("scraped_at")),
    )


def overlapping(frame: pl.DataFrame, share: float, /) -> pl.DataFrame:
    """Return as many rows: a share with stored keys and new values, the rest new.

    Args:
        frame: The stored rows: `listings(n)`, from number 0.
        share: The share of rows whose keys are stored.
    """
    overlap = round(frame.height * share)
    fresh = listings(frame.height - overlap, first=frame.height)
    return pl.concat([changed(frame.tail(overlap), 1.0), fresh])


def _pick(values: tuple[str | None, ...], salt: int) -> pl.Expr:
    place = (pl.col("chance") // salt) % len(values)
    return pl.lit(pl.Series(list(values))).gather(place)


def _number(least: int, most: int, salt: int) -> pl.Expr:
    return ((pl.col("chance") // salt) % (most - least) + least).cast(pl.Int64)


def _identity() -> tuple[pl.Expr, ...]:
    seconds = _number(0, 80_000, 17)
    return (
        pl.lit("funda").alias("source"),
        pl.col("id").cast(pl.String).str.zfill(9).alias("listing_id"),
        pl.format("https://www.example.nl/koop/{}/", "id").alias("url"),
        pl.lit("sale").alias("offering"),
        _pick(STATUSES, 3).alias("status"),
        (pl.lit(SCRAPED).dt.cast_time_unit("us") + pl.duration(seconds=seconds)).alias(
            "scraped_at"
        ),
    )


def _home() -> tuple[pl.Expr, ...]:
    area = _number(40, 240, 5)
    rooms = _number(2, 9, 11)
    price = area * _number(3_000, 7_000, 13)
    return (
        _pick(TYPES, 7).alias("property_type"),
        (price // 500 * 500).alias("list_price"),
        pl.lit("EUR").alias("currency"),
        (pl.lit(date(2026, 8, 1)) + pl.duration(days=_number(0, 90, 19)))
        .cast(pl.Date)
        .alias("listed_on"),
        area.cast(pl.Float64).alias("living_area_m2"),
        pl.when(pl.col("chance") % 3 > 0)
        .then(_number(50, 900, 23).cast(pl.Float64))
        .alias("plot_area_m2"),
        rooms.cast(pl.Int16).alias("rooms"),
        (rooms - 1).cast(pl.Int16).alias("bedrooms"),
        _number(1900, 2026, 29).cast(pl.Int16).alias("year_built"),
        _pick(LABELS, 31).alias("energy_label"),
    )


def _address() -> tuple[pl.Expr, ...]:
    city = (pl.col("chance") // 37) % len(CITIES)
    area = pl.lit(pl.Series([code for _, code in CITIES])).gather(city)
    digits = area + _number(0, 90, 41)
    letter = _pick(tuple("ABCDEFGH"), 43)
    return (
        _pick(STREETS, 47).alias("street"),
        _number(1, 300, 53).cast(pl.String).alias("house_number"),
        pl.format("{}{}{}", digits, letter, letter).alias("postal_code"),
        pl.lit(pl.Series([name for name, _ in CITIES])).gather(city).alias("city"),
    )


_ORDER = [
    "source",
    "listing_id",
    "url",
    "offering",
    "status",
    "property_type",
    "list_price",
    "currency",
    "listed_on",
    "living_area_m2",
    "plot_area_m2",
    "rooms",
    "bedrooms",
    "year_built",
    "energy_label",
    "street",
    "house_number",
    "postal_code",
    "city",
    "scraped_at",
]

#: The layout of these rows; `newest` and `on_null` are those of the schema.
LISTINGS = Layout(column_types(listings(1)), KEY, "listing", NEWEST, "keep")
