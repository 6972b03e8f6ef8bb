"""The mapping `funda`: from texts of Funda's pages, under any names, to listings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, Sifted, join_reasons
from propload.errors import SchemaMismatchError
from propload.messages.wording import counted
from propload.prepare.checks.validation import load_schema
from propload_spiders.mapping import cells, dates, names, numbers, places, words
from propload_spiders.mapping.attributes import attributes_of
from propload_spiders.mapping.refusals import (
    misplaced_reasons,
    no_address_reasons,
    no_moment_reasons,
    unreadable_reasons,
)
from propload_spiders.mapping.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propload.prepare.mapping import MapContext

_COORDINATES = ("latitude", "longitude")
#: Up to this many rows, parsing equal texts repeatedly is faster than finding them.
FEW_ROWS = 500
_SITE = "https://www.funda.nl"


@dataclass(frozen=True, slots=True)
class FundaMapping:
    """Makes listings from the items of spiders and from any file of Funda's pages.

    Attributes:
        name: The name under which it is registered.
        schema: The default schema that its listings are checked with.
    """

    name: str = "funda"
    schema: str = "listing"

    def apply(self, frame: pl.DataFrame, context: MapContext, /) -> Sifted:
        """Return the listings made from rows, and the reasons for rejecting the others.

        Args:
            frame: The rows as read, with any column names known to `names.SYNONYMS`.
            context: Its `as_of` is used for rows that do not say when they were read.

        Raises:
            SchemaMismatchError: No column holds the addresses of listings.
        """
        rows = frame if ROW in frame.columns else frame.with_row_index(ROW)
        fields = names.recognise(name for name in rows.columns if name != ROW)
        if "url" not in fields:
            raise SchemaMismatchError(_no_url_column(frame))
        texts = cells.read_fields(rows, fields)
        if "living_area_text" not in fields:
            texts = texts.with_columns(living_area_text="area_text")
        parsed = _parse(_add_derived_texts(texts, context))
        loose = cells.unpivot_cells(rows, _unclaimed(rows.columns, fields))
        reasons = join_reasons(
            [
                no_address_reasons(parsed, fields, rows),
                misplaced_reasons(loose),
                no_moment_reasons(parsed),
                *unreadable_reasons(parsed, RULES, fields, rows),
            ]
        )
        good = parsed.join(reasons.select(ROW).unique(), on=ROW, how="anti")
        full = attributes_of(good, loose, fields, rows)
        return Sifted(full.select(ROW, *_columns()), reasons)


FUNDA = FundaMapping()


@cache
def _columns() -> tuple[str, ...]:
    """Return the columns that the mapping makes: those of the schema, in its order."""
    return tuple(load_schema(FUNDA.schema).columns)


def _no_url_column(frame: pl.DataFrame) -> str:
    own = [name for name in frame.columns if name != ROW]
    # a file may have a thousand columns
    shown = ", ".join(own[:20])
    return (
        "mapping funda finds no column of the listings' addresses (url, link, ...) "
        f"among {counted(len(own), 'column')}: {shown}. "
        "Give it a file of Funda's listings, or another mapping"
    )


def _unclaimed(columns: list[str], fields: Mapping[str, tuple[str, ...]]) -> list[str]:
    claimed = {ROW, *chain.from_iterable(fields.values())}
    return [
        name
        for name in columns
        if name not in claimed and names.normalize_name(name) not in names.NUMBERING
    ]


def _add_derived_texts(texts: pl.DataFrame, context: MapContext) -> pl.DataFrame:
    """Return the texts, with columns added that follow from several of them."""
    as_of = context.as_of.astimezone(UTC) if context.as_of else None
    relative = pl.col("url").str.starts_with("/")
    base = texts.with_columns(
        url=pl.when(relative).then(_SITE + pl.col("url")).otherwise("url"),
        seen=pl.coalesce(
            dates.moments(texts["scraped_at"]),
            pl.lit(as_of, dtype=pl.Datetime("us", "UTC")),
        ),
        country=pl.when(pl.col("country").is_null())
        .then(pl.lit("NL"))
        .otherwise(pl.coalesce(words.country(pl.col("country")), "country")),
    )
    complete = base.with_columns(
        offering=_offering(), today=dates.local_day(pl.col("seen"))
    )
    return _with_prices(complete)


def _offering() -> pl.Expr:
    price = pl.col("price_text")
    return pl.coalesce(
        words.meaning(pl.col("offering"), words.OFFERINGS),
        words.meaning(places.url_offering(pl.col("url")), words.OFFERINGS),
        pl.when(numbers.rent_period(price).is_not_null()).then(pl.lit("rent")),
        pl.when(numbers.price_condition(price).is_not_null()).then(pl.lit("sale")),
    )


def _with_prices(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the texts with the price of a sale and the rent in separate columns.

    Files may have one column for both; the row's offering or the words after the price
    say which it is. A period in brackets does not turn the price of a sale into a rent.
    """
    price, offering = pl.col("price_text"), pl.col("offering")
    sale_price = pl.when(offering == "sale").then(numbers.outside_brackets(price))
    period = numbers.rent_period(sale_price.otherwise(price))
    is_lease = period.is_not_null() | (offering == "rent").fill_null(value=False)
    return texts.with_columns(
        sale_text=pl.when(~is_lease).then(price),
        lease_text=pl.coalesce("rent_text", pl.when(is_lease).then(price)),
    )


def _parse(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the listing's columns, beside the texts (prefix `text:`)."""
    kept = texts.select(
        ROW, "seen", pl.exclude(ROW, "seen", "today").name.prefix("text:")
    )
    by_rules = _apply_rules(texts)
    as_is = pl.col("agent_id", "agent_name", "description")
    plain = _select(texts, [*_identity(), *_kind(), *_place(), as_is])
    parsed = pl.concat([kept, plain, by_rules], how="horizontal")
    return parsed.with_columns(*_from_several())


def _select(texts: pl.DataFrame, columns: Iterable[pl.Expr]) -> pl.DataFrame:
    """Return the columns made from texts, in sequence if there are few rows.

    Each thread of Polars caches the 32 patterns that it used last, and compiling one
    again takes longer than matching it against a few rows.
    """
    is_few = texts.height <= FEW_ROWS
    return texts.select_seq(columns) if is_few else texts.select(columns)


def _apply_rules(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that the rules make; of many rows, parse equal texts once."""
    inputs = dict.fromkeys(_inputs(rule) for rule in RULES)
    is_empty = texts.select(pl.all().is_null().all()).row(0, named=True)
    filled = [names for names in inputs if not is_empty[names[0]]]
    # most files lack most of the columns
    empty = [names for names in inputs if is_empty[names[0]]]
    frames = [_columns_from(names).clear(texts.height) for names in empty]
    if texts.height <= FEW_ROWS:
        # rules for days come last, as the others share most of their patterns
        rules = map(_rules_of, sorted(filled, key=len))
        frames.append(_select(texts, chain.from_iterable(rules)))
    else:
        frames.extend(_apply_rules_once(texts.select(names)) for names in filled)
    return pl.concat(frames, how="horizontal")


def _apply_rules_once(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that rules make from these texts, parsing equal rows once."""
    distinct = texts.unique()
    made = distinct.select(_rules_of(tuple(texts.columns)))
    # prefixed, because a column may have the same name as the text it is made from
    names = {name: f"text:{name}" for name in texts.columns}
    read = pl.concat([distinct.rename(names), made], how="horizontal")
    joined = texts.rename(names).join(
        read, on=[*names.values()], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.drop(names.values())


def _inputs(rule: Rule) -> tuple[str, ...]:
    return (rule.field, *rule.extra_inputs)


@cache
def _rules_of(inputs: tuple[str, ...]) -> tuple[pl.Expr, ...]:
    # cached: building the expressions takes longer than running them on a few rows
    return tuple(
        rule.parse(pl.col(rule.field)).alias(rule.column)
        for rule in RULES
        if _inputs(rule) == inputs
    )


@cache
def _columns_from(inputs: tuple[str, ...]) -> pl.DataFrame:
    """Return the columns that the rules of these fields make, without rows."""
    types = {name: pl.Date if name == "today" else pl.String for name in inputs}
    return pl.DataFrame(schema=types).select(_rules_of(inputs))


def _identity() -> list[pl.Expr]:
    url = pl.col("url")
    own_id = pl.col("listing_id").str.extract(r"^(\d{7,9})(?:\.0)?$", 1)
    return [
        pl.col("source").str.to_lowercase().fill_null("funda"),
        pl.coalesce(own_id, places.listing_id(url)).alias("listing_id"),
        pl.col("global_id").alias("source_global_id"),
        places.path(url).alias("url"),
        pl.col("seen").alias("scraped_at"),
    ]


def _kind() -> list[pl.Expr]:
    url, offering = pl.col("url"), pl.col("offering")
    status = pl.coalesce("status_text", places.url_status(url))
    by_label = pl.coalesce(
        pl.when(pl.col("apartment_text").is_not_null()).then(pl.lit("apartment")),
        pl.when(pl.col("house_text").is_not_null()).then(pl.lit("house")),
    )
    return [
        offering,
        words.status(status, offering).alias("status"),
        pl.col("status_text").alias("status_raw"),
        pl.coalesce(
            words.meaning(pl.col("object_type"), words.PROPERTY_TYPES),
            by_label,
            words.property_type(places.url_object_type(url)),
            words.property_type(pl.col("object_type")),
        ).alias("property_type"),
        pl.coalesce("subtype_text", "apartment_text", "house_text").alias(
            "property_subtype"
        ),
        pl.col("floor_text").alias("floor_level"),
        pl.col("ownership_text").alias("ownership"),
    ]


def _place() -> list[pl.Expr]:
    parts = (pl.col(name) for name in ("street", "house_number", "house_number_suffix"))
    return [
        *places.street_and_number(pl.col("address_text"), *parts),
        places.city(pl.col("city"), places.url_city(pl.col("url"))).alias("city"),
        pl.col("municipality", "neighbourhood", "province"),
    ]


def _from_several() -> list[pl.Expr]:
    """Return the columns that are derived from several columns and texts."""
    lease, condition = pl.col("text:lease_text"), pl.col("text:rent_condition_text")
    price = pl.coalesce("list_price", "rent_price", "original_list_price")
    rooms_text = pl.col("text:rooms_text")
    # geocoders return 0, 0, in the Gulf of Guinea, if they find nothing
    nowhere = pl.all_horizontal(pl.col(_COORDINATES) == 0).fill_null(value=False)
    return [
        pl.when(pl.col("rent_price").is_not_null())
        .then(
            pl.coalesce(
                numbers.rent_period(lease),
                numbers.rent_period(condition),
            )
        )
        .alias("rent_period"),
        pl.coalesce(
            numbers.price_condition(pl.col("text:price_text")),
            numbers.price_condition(pl.col("text:price_condition_text")),
        ).alias("price_condition"),
        # the site does not know the price paid
        pl.lit(None, dtype=pl.Int64).alias("close_price"),
        pl.when(price.is_not_null() | pl.col("monthly_fee").is_not_null())
        .then(pl.lit("EUR"))
        .alias("currency"),
        *(pl.when(~nowhere).then(name).alias(name) for name in _COORDINATES),
        pl.coalesce("bedrooms", numbers.bedrooms_in_rooms(rooms_text)),
        pl.coalesce(
            "living_area_m2",
            numbers.part_of_area(pl.col("text:area_text"), "wonen|residential|living"),
        ),
        pl.coalesce(
            "plot_area_m2",
            numbers.part_of_area(pl.col("text:area_text"), "perceel|plot"),
        ),
        pl.coalesce("postal_code", places.postal_code_in(pl.col("text:address_text"))),
    ]
