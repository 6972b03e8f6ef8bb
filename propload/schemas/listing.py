"""The schema of property listings: one pandera model, and the target of its rows.

Names and units follow docs/listing.md, which gives the RESO and schema.org names.
An error rejects a row, for what is impossible; a warning loads and counts it, for what
is implausible. Money is in whole euros unless `currency` says otherwise; areas are in
square metres.
"""

from __future__ import annotations

# imported at runtime, because pandera evaluates the annotations
from typing import Annotated

import polars as pl
from polars import col

from propload.schemas import RowSchema
from propload.schemas.pandera_import import pa
from propload.schemas.rules import error, warning
from propload.target import TableName, Target

OFFERINGS = ("sale", "rent")
STATUSES = (
    "available",
    "under_offer",
    "sold_conditional",
    "sold",
    "rented_conditional",
    "rented",
    "withdrawn",
    "unknown",
)
PROPERTY_TYPES = ("house", "apartment", "parking", "land", "other")
RENT_PERIODS = ("day", "week", "month", "year")

#: South, north, west and east edges in degrees, slightly beyond the borders; only for
#: countries whose whole territory lies within such a box.
COUNTRY_BOXES = {
    "NL": (50.6, 53.8, 3.2, 7.4),
    "BE": (49.4, 51.7, 2.3, 6.6),
    "LU": (49.3, 50.3, 5.6, 6.7),
    "DE": (47.1, 55.2, 5.7, 15.2),
    "PL": (48.9, 55.0, 14.0, 24.3),
}


def _within_country() -> pl.Expr:
    inside = pl.lit(value=True)
    for country, (south, north, west, east) in COUNTRY_BOXES.items():
        box = col("latitude").is_between(south, north) & col("longitude").is_between(
            west, east
        )
        inside = pl.when(col("country") == country).then(box).otherwise(inside)
    return inside


def _scraped_day() -> pl.Expr:
    # dates on a page are in its own time zone, which may be a day ahead of UTC
    return col("scraped_at").dt.date().dt.offset_by("1d")


class Listing(pa.DataFrameModel):
    """One version of a listing, as a page shows it."""

    source: pl.String = pa.Field(str_length={"min_value": 1})
    listing_id: pl.String = pa.Field(str_length={"min_value": 1})
    source_global_id: pl.String | None = pa.Field(nullable=True)
    url: pl.String = pa.Field(str_matches=r"^https?://[^/\s]+")
    offering: pl.String | None = pa.Field(nullable=True, isin=OFFERINGS)
    status: pl.String | None = pa.Field(nullable=True, isin=STATUSES)
    status_raw: pl.String | None = pa.Field(nullable=True)
    property_type: pl.String | None = pa.Field(nullable=True, isin=PROPERTY_TYPES)
    property_subtype: pl.String | None = pa.Field(nullable=True)
    is_new_construction: pl.Boolean | None = pa.Field(nullable=True)
    # no home was ever offered for a billion euros
    list_price: pl.Int64 | None = pa.Field(nullable=True, ge=1, le=1_000_000_000)
    rent_price: pl.Int64 | None = pa.Field(nullable=True, ge=1, le=10_000_000)
    rent_period: pl.String | None = pa.Field(nullable=True, isin=RENT_PERIODS)
    price_condition: pl.String | None = pa.Field(nullable=True)
    original_list_price: pl.Int64 | None = pa.Field(
        nullable=True, ge=1, le=1_000_000_000
    )
    close_price: pl.Int64 | None = pa.Field(nullable=True, ge=1, le=1_000_000_000)
    currency: pl.String | None = pa.Field(nullable=True, str_matches=r"^[A-Z]{3}$")
    monthly_fee: Annotated[pl.Decimal, 10, 2] | None = pa.Field(
        nullable=True, ge=0, le=1_000_000
    )
    listed_on: pl.Date | None = pa.Field(nullable=True)
    sold_on: pl.Date | None = pa.Field(nullable=True)
    days_on_market: pl.Int32 | None = pa.Field(nullable=True, ge=0)
    # estates reach hundreds of hectares; 100 square kilometres is a town
    living_area_m2: pl.Float64 | None = pa.Field(nullable=True, gt=0, le=1e5)
    plot_area_m2: pl.Float64 | None = pa.Field(nullable=True, ge=0, le=1e8)
    volume_m3: pl.Float64 | None = pa.Field(nullable=True, gt=0, le=1e6)
    rooms: pl.Int16 | None = pa.Field(nullable=True, ge=0, le=500)
    bedrooms: pl.Int16 | None = pa.Field(nullable=True, ge=0, le=500)
    bathrooms: pl.Int16 | None = pa.Field(nullable=True, ge=0, le=200)
    stories: pl.Int16 | None = pa.Field(nullable=True, ge=0, le=200)
    floor_level: pl.String | None = pa.Field(nullable=True)
    # the oldest inhabited houses of Europe are from the eleventh century
    year_built: pl.Int16 | None = pa.Field(nullable=True, ge=1000, le=2200)
    year_built_min: pl.Int16 | None = pa.Field(nullable=True, ge=1000, le=2200)
    year_built_max: pl.Int16 | None = pa.Field(nullable=True, ge=1000, le=2200)
    energy_label: pl.String | None = pa.Field(
        nullable=True, str_matches=r"^(A\+{0,5}|[B-G])$"
    )
    ownership: pl.String | None = pa.Field(nullable=True)
    street: pl.String | None = pa.Field(nullable=True)
    house_number: pl.String | None = pa.Field(nullable=True)
    house_number_suffix: pl.String | None = pa.Field(nullable=True)
    postal_code: pl.String | None = pa.Field(nullable=True)
    city: pl.String | None = pa.Field(nullable=True)
    municipality: pl.String | None = pa.Field(nullable=True)
    neighbourhood: pl.String | None = pa.Field(nullable=True)
    province: pl.String | None = pa.Field(nullable=True)
    country: pl.String | None = pa.Field(nullable=True, str_matches=r"^[A-Z]{2}$")
    latitude: pl.Float64 | None = pa.Field(nullable=True, ge=-90, le=90)
    longitude: pl.Float64 | None = pa.Field(nullable=True, ge=-180, le=180)
    agent_id: pl.String | None = pa.Field(nullable=True)
    agent_name: pl.String | None = pa.Field(nullable=True)
    photo_count: pl.Int16 | None = pa.Field(nullable=True, ge=0)
    description: pl.String | None = pa.Field(nullable=True)
    attributes: pl.String | None = pa.Field(nullable=True, str_matches=r"(?s)^\{.*\}$")
    scraped_at: Annotated[pl.Datetime, "us", "UTC"] = pa.Field()

    bedrooms_within_rooms = error(
        col("bedrooms") <= col("rooms"), "more bedrooms than rooms"
    )
    sold_by_scraping = error(
        col("sold_on") <= _scraped_day(), "sold_on lies after scraped_at"
    )
    volume_above_living_area = error(
        col("volume_m3") >= col("living_area_m2"),
        "volume_m3 under living_area_m2: rooms less than a metre high",
    )
    built_by_scraping = error(
        # new buildings are sold before they are built, but rarely ten years before
        col("year_built") <= col("scraped_at").dt.year() + 10,
        "year_built lies more than ten years after scraped_at",
    )
    years_in_order = error(
        (col("year_built_min") <= col("year_built_max"))
        & (col("year_built") >= col("year_built_min")).fill_null(value=True)
        & (col("year_built") <= col("year_built_max")).fill_null(value=True),
        "year_built outside year_built_min to year_built_max",
    )
    rent_has_period = error(
        col("rent_price").is_null() | col("rent_period").is_not_null(),
        "rent_price without rent_period: a month or a year?",
    )
    coordinates_in_pairs = error(
        col("latitude").is_null() == col("longitude").is_null(),
        "one of latitude and longitude without the other",
    )
    coordinates_in_country = error(
        _within_country(), "latitude and longitude lie outside country"
    )
    dutch_postal_code = error(
        (col("country") != "NL")
        # cast, because a column that rows lack is a null without a type
        | col("postal_code").cast(pl.String).str.contains(r"^[1-9]\d{3}([A-Z]{2})?$"),
        "postal_code is not 1234AB",
    )

    listed_by_scraping = warning(
        col("listed_on") <= _scraped_day(), "listed_on lies after scraped_at"
    )
    listed_before_sold = warning(
        col("listed_on") <= col("sold_on"), "listed_on lies after sold_on"
    )
    sold_has_status = warning(
        col("sold_on").is_null() | ~col("status").is_in(("available", "under_offer")),
        "sold_on of a listing that is still open",
    )
    price_has_currency = warning(
        pl.coalesce("list_price", "rent_price").is_null()
        | col("currency").is_not_null(),
        "a price without currency",
    )
    plausible_sale_price = warning(
        # from the cheapest garage to the dearest villa of the Netherlands
        (col("currency") != "EUR") | col("list_price").is_between(5_000, 30_000_000),
        "list_price outside 5,000 to 30,000,000 euros",
    )
    plausible_price_per_m2 = warning(
        (col("currency") != "EUR")
        | (col("list_price") / col("living_area_m2")).is_between(500, 40_000),
        "list_price by living_area_m2 outside 500 to 40,000 euros",
    )
    plausible_rent = warning(
        (col("currency") != "EUR")
        | (col("rent_period") != "month")
        | col("rent_price").is_between(50, 30_000),
        "rent_price outside 50 to 30,000 euros a month",
    )
    plausible_fee = warning(
        col("monthly_fee") <= pl.lit(5_000), "monthly_fee above 5,000"
    )
    plausible_height = warning(
        # the area excludes walls and stairs, so the quotient is a height of 2 to 8 m
        (col("volume_m3") / col("living_area_m2")).is_between(2, 8),
        "volume_m3 is not 2 to 8 times living_area_m2",
    )
    plausible_living_area = warning(
        (~col("property_type").is_in(("house", "apartment")))
        | col("living_area_m2").is_between(10, 2_000),
        "living_area_m2 of a home outside 10 to 2,000",
    )
    plausible_room_size = warning(
        (~col("property_type").is_in(("house", "apartment")))
        | (col("living_area_m2") / col("rooms")).is_between(5, 200),
        "living_area_m2 by rooms outside 5 to 200",
    )

    class Config:
        """Rows are already cast; they may have more columns than these."""

        name = "listing"
        coerce = False
        strict = False


LISTING = RowSchema(
    name="listing",
    model=Listing,
    target_defaults=Target(
        table=TableName("public", "listings"),
        key=("source", "listing_id"),
        newest="scraped_at",
        on_null="keep",
    ),
    pg_types={"attributes": "jsonb"},
)
