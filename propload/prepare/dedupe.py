"""Reduces a prepared batch to one row per key, in key order.

Sorting by key and comparing each row with the next one finds duplicates faster
than a hash table, and rows in key order suit the table's index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.batch import DEPTH, ROW, Deduped, Sifted, no_reasons, reason_lines
from propload.errors import SchemaMismatchError
from propload.messages.wording import listed_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.target import OnNull


def check_keys(frame: pl.DataFrame, key: Sequence[str]) -> Sifted:
    """Return the rows whose key has no null, and a reason for each null in the others.

    Raises:
        SchemaMismatchError: The rows lack a key column.
    """
    missing = [column for column in key if column not in frame.columns]
    if missing:
        msg = (
            f"key column {listed_names(missing)} is not among the columns "
            f"{listed_names([name for name in frame.columns if name != ROW])}"
        )
        raise SchemaMismatchError(msg)
    null_columns = [column for column in key if frame.get_column(column).null_count()]
    if not null_columns:
        return Sifted(frame, no_reasons())
    reasons = pl.concat([_null_reasons(frame, column) for column in null_columns])
    return Sifted(frame.drop_nulls(null_columns), reasons)


def _null_reasons(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    rows = frame.filter(pl.col(column).is_null())
    message = f"column {column}: null in the key, so the row has no identity"
    return reason_lines(
        rows, stage="check", column=column, check="key", message=pl.lit(message)
    )


def dedupe(
    frame: pl.DataFrame,
    /,
    *,
    key: Sequence[str],
    newest: str | None = None,
    on_null: OnNull = "overwrite",
    ranked: bool = True,
    first: bool = False,
) -> Deduped:
    """Return the newest row of each key, or without `newest` its last in source order.

    Args:
        frame: Rows with `ROW` and with keys without nulls.
        key: The columns that identify a row; without any, all rows are kept.
        newest: The column that orders the versions of a row; null is oldest.
        on_null: `keep` fills the nulls of the newest row from older ones.
        ranked: Whether the values of `newest` sort here as they do on the server. If
            not, all versions of a row are returned, and the server chooses.
        first: Whether to keep the first row in source order, whatever its age.
    """
    if not key or frame.height < 2:
        return Deduped((frame,))
    order = newest if ranked and not first else None
    ordered = _sorted(frame, key, order)
    is_last = ordered.select(_is_last(key)).to_series()
    if is_last.all():
        return Deduped((ordered,))
    is_first = is_last.shift(1, fill_value=True)
    if first:
        layers = [ordered.filter(is_first)]
    elif newest is not None and not ranked:
        layers = _version_layers(ordered, key)
    elif on_null == "keep":
        layers = _coalesced_layers(ordered, key, newest)
    else:
        kept = ordered.filter(is_last)
        layers = [kept] if newest is None else _tied_layers(ordered, kept, key, newest)
    return Deduped(tuple(layers), ordered.filter(~(is_first & is_last)))


def _sorted(
    frame: pl.DataFrame, key: Sequence[str], newest: str | None
) -> pl.DataFrame:
    """Return the rows in order of key, then `newest`, then position in the source."""
    columns = [*key, *([newest] if newest is not None else [])]
    first = frame.select((pl.col(columns).eq_missing(pl.col(columns).first())).all())
    # sorting by a column with a single value (a source's name, a day) is wasted work
    varying = [name for name in columns if not first.get_column(name).item()]
    by = varying if frame.get_column(ROW).is_sorted() else [*varying, ROW]
    return frame.sort(by, maintain_order=True) if by else frame


def _is_last(columns: Sequence[str]) -> pl.Expr:
    """Return whether each row differs from the next one in at least one of the columns.

    The last row always does: its next one counts as null, and the columns include the
    key, which has no nulls.
    """
    return pl.any_horizontal(
        [pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in columns]
    )


def _tied_layers(
    ordered: pl.DataFrame, kept: pl.DataFrame, key: Sequence[str], newest: str
) -> list[pl.DataFrame]:
    """Return layers with all distinct rows that are as new as the kept row of a key."""
    newest_key = [*key, newest]
    top = kept.select(newest_key).join(
        _shared_values(ordered, newest_key), on=newest_key, how="semi", nulls_equal=True
    )
    if top.is_empty():
        return [kept]
    candidates = ordered.join(
        top, on=newest_key, how="semi", nulls_equal=True, maintain_order="left"
    )
    return [kept, *_version_layers(candidates, key)[1:]]


def _shared_values(ordered: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return the combinations of column values that adjacent rows share."""
    return ordered.filter(~_is_last(columns)).select(columns).unique()


def _version_layers(ordered: pl.DataFrame, key: Sequence[str]) -> list[pl.DataFrame]:
    """Return all distinct rows of each key in layers, the last rows in the first."""
    content = [name for name in ordered.columns if name != ROW]
    # of equal rows keep the last, so that a key's last row is always kept
    rows = ordered.unique(content, keep="last", maintain_order=True)
    depth = pl.int_range(pl.len()).reverse().over(key).alias(DEPTH)
    with_depth = rows.with_columns(depth)
    levels = with_depth.get_column(DEPTH).unique().sort()
    return [with_depth.filter(pl.col(DEPTH) == level).drop(DEPTH) for level in levels]


def _coalesced_layers(
    ordered: pl.DataFrame, key: Sequence[str], newest: str | None
) -> list[pl.DataFrame]:
    """Return one row per key, but all distinct rows of a key with two of the same age.

    Among those the server keeps the greater values, in its own sort order.
    """
    if newest is None:
        return [_coalesce(ordered, key)]
    tied_keys = _shared_values(ordered, [*key, newest]).select(key).unique()
    if tied_keys.is_empty():
        return [_coalesce(ordered, key)]
    untied = ordered.join(tied_keys, on=list(key), how="anti", maintain_order="left")
    tied = ordered.join(tied_keys, on=list(key), how="semi", maintain_order="left")
    top, *others = _version_layers(tied, key)
    return [pl.concat([_coalesce(untied, key), top]).sort(list(key)), *others]


def _coalesce(ordered: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Return one row per key, with the last value of each column that is not null."""
    is_single = _is_last(key) & _is_last(key).shift(1, fill_value=True)
    single = ordered.filter(is_single)
    several = ordered.filter(~is_single)
    values = [name for name in ordered.columns if name not in (*key, ROW)]
    coalesced = several.group_by(list(key)).agg(
        *(pl.col(name).drop_nulls().last() for name in values), pl.col(ROW).last()
    )
    return pl.concat([single, coalesced.select(ordered.columns)]).sort(list(key))
