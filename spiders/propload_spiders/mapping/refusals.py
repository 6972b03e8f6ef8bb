"""Reasons for rejecting rows, each with the column and its raw text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, no_reasons, reason_lines
from propload_spiders.mapping.cells import (
    clean_text,
    names_of_met_conditions,
    unpivot_cells,
)
from propload_spiders.mapping.dates import moments
from propload_spiders.mapping.names import LABELS
from propload_spiders.mapping.rules import origins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload_spiders.mapping.rules import Rule

#: Fewest label cells that prove misplacement: a single one may be a coincidence.
_LEAST_LABELS = 2


def unreadable_reasons(
    parsed: pl.DataFrame,
    rules: Sequence[Rule],
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    /,
) -> list[pl.DataFrame]:
    """Return reasons for texts that a rule cannot parse but that state a value."""
    failed = {rule: _failed(rule) for rule in rules if not rule.keep_unparsed}
    return [
        _unreadable_by(parsed.filter(failed[rule]), rule, fields, rows)
        for rule in names_of_met_conditions(parsed, failed)
    ]


@cache
def _failed(rule: Rule) -> pl.Expr:
    return pl.col(f"text:{rule.field}").is_not_null() & pl.col(rule.column).is_null()


def _unreadable_by(
    failed: pl.DataFrame,
    rule: Rule,
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
) -> pl.DataFrame:
    text = pl.col(f"text:{rule.field}")
    bad = failed.filter(~text.str.contains(rule.no_value_pattern)).select(
        ROW, text.alias("value")
    )
    if not bad.height:
        return no_reasons()
    with_source = _with_source_column(bad, rule.field, fields, rows)
    message = pl.format(
        "column '{}' holds '{}': not {}",
        "source_column",
        "value",
        pl.lit(rule.expected),
    )
    return _reasons(with_source, rule.column, "parse", message)


def _with_source_column(
    bad: pl.DataFrame,
    field: str,
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """Return the bad texts, each with the column it came from (`source_column`)."""
    columns = [name for origin in origins(field) for name in fields.get(origin, ())]
    schema = rows.schema
    candidates = [
        pl.when(clean_text(column, schema[column], field) == pl.col("value")).then(
            pl.lit(column)
        )
        for column in columns
    ]
    named = pl.coalesce(*candidates, pl.lit(field)) if candidates else pl.lit(field)
    # a raw column may also be named `value`; it is not needed
    joined = bad.join(rows.drop("value", strict=False), on=ROW, how="left")
    return joined.select(ROW, "value", named.alias("source_column"))


def no_address_reasons(
    parsed: pl.DataFrame,
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    /,
) -> pl.DataFrame:
    """Return reasons for rows without the address of a listing, or without its id."""
    bad = parsed.filter(pl.col("listing_id").is_null() | pl.col("url").is_null())
    if not bad.height:
        return no_reasons()
    addresses = bad.select(ROW, value="text:url")
    strayed = _misplaced_addresses(rows.join(addresses, on=ROW, how="semi"), fields)
    with_source = addresses.join(strayed, on=ROW, how="left").with_columns(
        source_column=pl.lit(fields["url"][0])
    )
    return _reasons(with_source, "url", "listing address", _address_message())


def _address_message() -> pl.Expr:
    """Return the message about an address (`value`) in the column `source_column`."""
    cut = pl.format(
        "column '{}' holds '{}': not a listing's address, which has an id of 7 to 9 "
        "digits; it may be cut short",
        "source_column",
        "value",
    )
    elsewhere = pl.format(
        "column '{}' is empty and the address stands in column '{}': "
        "the row's cells are in the wrong columns",
        "source_column",
        "stray",
    )
    nowhere = pl.format(
        "column '{}' is empty: nothing says which listing it is", "source_column"
    )
    return (
        pl.when(pl.col("value").is_not_null())
        .then(cut)
        .when(pl.col("stray").is_not_null())
        .then(elsewhere)
        .otherwise(nowhere)
    )


def _misplaced_addresses(
    rows: pl.DataFrame, fields: Mapping[str, tuple[str, ...]]
) -> pl.DataFrame:
    others = [name for name in rows.columns if name not in (ROW, *fields["url"])]
    cells = unpivot_cells(rows, others)
    addresses = cells.filter(
        pl.col("value").str.contains(r"^https?://\S*/(?:koop|huur)/")
    )
    return addresses.unique(ROW, keep="first").select(ROW, stray="column")


def misplaced_reasons(loose: pl.DataFrame, /) -> pl.DataFrame:
    """Return reasons for rows whose cells contain labels instead of values.

    Args:
        loose: The cells, in long form, of the columns that belong to no field.
    """
    held = loose.filter(
        pl.col("value").is_in(LABELS) & (pl.col("value") != pl.col("column"))
    )
    bad = (
        held.group_by(ROW, maintain_order=True)
        .agg(pl.col("column", "value").first(), pl.len().alias("labels"))
        .filter(pl.col("labels") >= _LEAST_LABELS)
    )
    message = pl.format(
        "column '{}' holds the label '{}', and {} more cells hold labels: "
        "the row's cells are in the wrong columns",
        "column",
        "value",
        pl.col("labels") - 1,
    )
    return _reasons(bad, None, "misplaced", message)


def no_moment_reasons(parsed: pl.DataFrame, /) -> pl.DataFrame:
    """Return reasons for rows without a valid time at which the page was read."""
    text = pl.col("text:scraped_at")
    unread = moments(parsed["text:scraped_at"]).is_null()
    bad = parsed.filter(pl.col("scraped_at").is_null() | (text.is_not_null() & unread))
    message = (
        pl.when(pl.col("value").is_null())
        .then(pl.lit("nothing says when the page was read: give --as-of"))
        .otherwise(pl.format("'{}' is not a timestamp; ISO 8601 is read", "value"))
    )
    bad_texts = bad.select(ROW, value="text:scraped_at")
    return _reasons(bad_texts, "scraped_at", "parse", message)


def _reasons(
    bad: pl.DataFrame, column: str | None, check: str, message: pl.Expr
) -> pl.DataFrame:
    if not bad.height:
        return no_reasons()
    value = pl.col("value")
    return reason_lines(
        bad, stage="map", column=column, check=check, value=value, message=message
    )
