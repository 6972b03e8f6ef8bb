"""Collect what a row says beyond the listing's columns in one JSON object."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload_spiders.mapping import numbers
from propload_spiders.mapping.cells import (
    as_object,
    names_of_met_conditions,
    unpivot_cells,
)
from propload_spiders.mapping.rules import RULES, origins

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Fields whose text says more than their column can hold, or that have no column.
_ALWAYS = (
    "acceptance_text",
    "bathrooms_text",
    "district",
    "listing_type",
    "ownership_fees_text",
    "stories_text",
)


def attributes_of(
    good: pl.DataFrame,
    loose: pl.DataFrame,
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    /,
) -> pl.DataFrame:
    """Return listings with `attributes`: every cell that no column holds completely.

    These are cells of columns that belong to no field, texts that their rule could not
    parse but did not refuse, values of a second column for the same field that differ
    from the first, and texts that say more than their column. An item's `features` come
    first. Names are those of the columns, with ` (column)` appended if the features
    have the same name.

    Args:
        good: The listings, with their texts in columns with the prefix `text:`.
        loose: The cells, in long form, of the columns that belong to no field.
        fields: The columns of each field.
        rows: The rows as read.
    """
    lost = _lost(good, fields)
    parts = [
        loose,
        *(_unheld_cells(good, field, fields, rows, lost) for field in fields),
    ]
    cells = pl.concat(parts).join(good, on=ROW, how="semi")
    unique = cells.unique([ROW, "column"], keep="first", maintain_order=True)
    own = as_object(_rename_if_in_features(unique, good))
    joined = good.join(own, on=ROW, how="left", maintain_order="left")
    return joined.with_columns(attributes=_merge_objects(pl.col("text:features")))


def _lost(
    good: pl.DataFrame, fields: Mapping[str, tuple[str, ...]]
) -> dict[str, pl.Expr]:
    """Return the condition of each field whose text is lost in at least one row."""
    lost = {field: _lost_condition(field) for field in fields if field not in _ALWAYS}
    return {field: lost[field] for field in names_of_met_conditions(good, lost)}


@cache
def _lost_condition(field: str) -> pl.Expr:
    return pl.col(f"text:{field}").is_not_null() & _held_nowhere(field)


def _unheld_cells(
    good: pl.DataFrame,
    field: str,
    fields: Mapping[str, tuple[str, ...]],
    rows: pl.DataFrame,
    lost: Mapping[str, pl.Expr],
) -> pl.DataFrame:
    columns = fields[field]
    if field in _ALWAYS:
        return unpivot_cells(rows, columns)
    unread = unpivot_cells(rows, ())
    if field in lost:
        of_rows = good.filter(lost[field])
        unread = unpivot_cells(rows.join(of_rows, on=ROW, how="semi"), columns)
    if len(columns) == 1:
        return unread
    chosen = good.select(ROW, pl.col(f"text:{field}").alias("chosen"))
    others = unpivot_cells(rows, columns[1:]).join(chosen, on=ROW)
    differing = others.filter(pl.col("value") != pl.col("chosen")).drop("chosen")
    return pl.concat([unread, differing])


def _held_nowhere(field: str) -> pl.Expr:
    """Return the condition that no column has what a field's text says."""
    if field == "address_text":
        is_street = pl.col("street").eq_missing(pl.col("text:address_text"))
        return pl.col("house_number").is_null() & ~is_street
    made = [rule.column for rule in RULES if field in origins(rule.field)]
    nowhere = pl.all_horizontal(pl.col(made).is_null()) if made else pl.lit(value=False)
    if field == "rooms_text":
        names_bedrooms = pl.col("text:rooms_text").str.contains(
            rf"(?i){numbers.BEDROOMS}"
        )
        return nowhere | (names_bedrooms & pl.col("bedrooms").is_null())
    return nowhere


def _rename_if_in_features(cells: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """Return the cells, renamed if the row's features contain the same name.

    If a name occurred twice in the object, one of its values would be lost.
    """
    features = good.select(ROW, features="text:features").drop_nulls()
    if features.is_empty() or cells.is_empty():
        return cells
    members = {name: _member(name) for name in cells["column"].unique()}
    pattern = pl.col("column").replace_strict(members, return_dtype=pl.String)
    is_there = pl.col("features").str.contains(pattern).fill_null(value=False)
    name = pl.when(is_there).then(pl.col("column") + " (column)").otherwise("column")
    beside = cells.join(features, on=ROW, how="left", maintain_order="left")
    return beside.select(ROW, name.alias("column"), "value")


def _member(name: str) -> str:
    """Return a pattern that finds a name in the text of a JSON object."""
    forms = (json.dumps(name, ensure_ascii=escaped) for escaped in (False, True))
    return rf"(?:{'|'.join(map(pl.escape_regex, dict.fromkeys(forms)))})\s*:"


def _merge_objects(features: pl.Expr) -> pl.Expr:
    is_object = features.str.contains(r"(?s)^\{.*\}$").fill_null(value=False)
    inner = features.str.slice(1).str.head(-1).str.strip_chars()
    own = pl.col("attributes").str.slice(1).str.head(-1)
    both = pl.concat_str(
        pl.when(is_object & (inner != "")).then(inner),
        own,
        separator=",",
        ignore_nulls=True,
    )
    return pl.when(both != "").then(pl.concat_str(pl.lit("{"), both, pl.lit("}")))
