"""How a column of one type becomes another: exactly, or not at all.

A `Conversion` is made of Polars expressions, which `row_casting` runs. A value that
becomes null though it was not is refused. So are those that would be changed
(`refused`), which are looked for only where `doubt` says that there may be some.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from propload.prepare.casting.text_out import write_text
from propload.values.temporal_text import SECONDS_OF_A_DAY, UNITS

#: Bits of the significand: whole numbers up to 2**bits are exact.
SIGNIFICAND_BITS = {"Float16": 11, "Float32": 24, "Float64": 53}
#: The largest number of 64 bits: times are counted in these.
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Conversion:
    """Expressions over one column that make it another type.

    Attributes:
        value: The column as the new type; null where that is impossible.
        refused: Which values would be changed; needed only in doubt.
        cheap_doubt: One boolean for the column, for less than `refused` takes:
            whether some values may be changed.
        retry: A slower way, for the values that `value` left null.
        as_stored: The value as the type stores it; needed only in doubt.
    """

    value: pl.Expr
    refused: pl.Expr | None = None
    cheap_doubt: pl.Expr | None = None
    retry: pl.Expr | None = None
    as_stored: pl.Expr | None = None

    @property
    def doubt(self) -> pl.Expr | None:
        """Whether `refused` and `as_stored` need a look: one boolean for the column.

        None where they never do: no value is refused that did not become null.
        """
        if self.cheap_doubt is None and self.refused is not None:
            return self.refused.any()
        return self.cheap_doubt

    @property
    def exact(self) -> pl.Expr:
        """The column as the new type, null where that would change a value."""
        exact = self.value
        if self.retry is not None:
            exact = pl.coalesce(exact, self.retry)
        if self.refused is not None:
            exact = pl.when(~self.refused.fill_null(value=False)).then(exact)
        return exact


def convert(
    column: pl.Expr, source: pl.DataType, target: pl.DataType
) -> Conversion | None:
    """Return how a column that is not text becomes another type, or None.

    Args:
        column: The column, of the type `source`.
        source: Its type; neither text nor nested nor the same as `target`.
        target: The type wanted, neither text nor nested.
    """
    if source == pl.Null:
        return Conversion(column.cast(target))
    if source.is_numeric() and target.is_numeric():
        return _between_numbers(column, source, target)
    if source == pl.Boolean and target.is_numeric():
        # Polars casts no boolean to a decimal
        return Conversion(column.cast(pl.Int8).cast(target, strict=False))
    if source.is_numeric() and target == pl.Boolean:
        is_zero = column == 0
        if source.is_float():
            # as text (beside values of other types) minus zero is no truth value either
            is_zero &= 1 / column > 0
        truth = pl.when(is_zero).then(pl.lit(value=False))
        return Conversion(truth.when(column == 1).then(pl.lit(value=True)))
    return _between_times(column, source, target)


def _between_times(
    column: pl.Expr, source: pl.DataType, target: pl.DataType
) -> Conversion | None:
    if source == pl.Date and isinstance(target, pl.Datetime):
        days = countable(column, SECONDS_OF_A_DAY * UNITS[target.time_unit])
        return Conversion(_in_zone(days.cast(pl.Datetime(target.time_unit)), target))
    if isinstance(source, pl.Datetime) and target == pl.Date:
        day = column.dt.date()
        midnight = column.dt.replace_time_zone(None) == day.cast(
            pl.Datetime(source.time_unit)
        )
        return Conversion(day, ~midnight)
    if isinstance(source, pl.Datetime) and isinstance(target, pl.Datetime):
        return _between_datetimes(column, source, target)
    if isinstance(source, pl.Duration) and isinstance(target, pl.Duration):
        if UNITS[source.time_unit] <= UNITS[target.time_unit]:
            factor = UNITS[target.time_unit] // UNITS[source.time_unit]
            return Conversion(countable(column, factor).cast(target))
        return _refusing_inexact(column.cast(target), column, source)
    return None


def countable(column: pl.Expr, factor: int) -> pl.Expr:
    """Return the times that can be counted in a finer unit, and null for others.

    Args:
        column: Dates, moments or spans.
        factor: How many of the finer unit make one of the column's own.
    """
    if factor == 1:
        return column
    most = _MOST // factor
    return pl.when(column.to_physical().is_between(-most, most)).then(column)


def _refusing_inexact(
    value: pl.Expr, column: pl.Expr, source: pl.DataType
) -> Conversion:
    """Refuse the values that do not come back as they were."""
    # infinity comes back as null
    refused = value.cast(source, strict=False).ne_missing(column)
    return Conversion(value, refused)


def _between_numbers(
    column: pl.Expr, source: pl.DataType, target: pl.DataType
) -> Conversion:
    if source.is_float() and isinstance(target, pl.Decimal):
        return _refusing_inexact(_as_decimal(column, source, target), column, source)
    value = column.cast(target, strict=False)
    if source.is_integer():
        exact = not target.is_float()
        return Conversion(value) if exact else _whole_to_float(column, value, target)
    if source.is_float() and target.is_integer():
        refused = column.floor() != column
        return Conversion(value, refused)
    if source.is_float() and target.is_float():
        return _float_to_float(column, value, source, target)
    return _refusing_inexact(value, column, source)


def _as_decimal(column: pl.Expr, source: pl.DataType, target: pl.Decimal) -> pl.Expr:
    """Return floats as the shortest decimals that stand for them, at any scale."""
    text = write_text(column, source)
    assert text is not None  # noqa: S101 - floats have texts
    return text.cast(target, strict=False)


def _whole_to_float(column: pl.Expr, value: pl.Expr, target: pl.DataType) -> Conversion:
    bits = SIGNIFICAND_BITS[str(target)]
    doubt = (column.max() > 2**bits) | (column.min() < -(2**bits))
    back = value.cast(pl.Int128, strict=False)
    refused = back.ne_missing(column.cast(pl.Int128))
    return Conversion(value, refused, doubt)


def _float_to_float(
    column: pl.Expr, value: pl.Expr, source: pl.DataType, target: pl.DataType
) -> Conversion:
    if SIGNIFICAND_BITS[str(target)] >= SIGNIFICAND_BITS[str(source)]:
        return Conversion(value)
    changed = value.cast(source) != column
    # 0.1 stays 0.1: what counts is the shortest decimal that names the value
    refused = changed & (value.cast(pl.String).cast(source) != column)
    return Conversion(value, refused, changed.any())


def _in_zone(column: pl.Expr, target: pl.Datetime) -> pl.Expr:
    """Return naive UTC times in the zone of `target`, where it has one."""
    if target.time_zone is None:
        return column
    return column.dt.replace_time_zone("UTC").dt.convert_time_zone(target.time_zone)


def _between_datetimes(
    column: pl.Expr, source: pl.Datetime, target: pl.Datetime
) -> Conversion:
    """Change unit and zone; a time without a zone is taken as UTC, and back."""
    value = column
    if source.time_zone is not None and target.time_zone is None:
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif source.time_zone is None:
        value = _in_zone(value, target)
    elif source.time_zone != target.time_zone and target.time_zone is not None:
        value = value.dt.convert_time_zone(target.time_zone)
    source_ticks, target_ticks = UNITS[source.time_unit], UNITS[target.time_unit]
    value = countable(value, max(1, target_ticks // source_ticks))
    value = value.dt.cast_time_unit(target.time_unit)
    if source_ticks <= target_ticks:
        return Conversion(value)
    refused = column.to_physical() % (source_ticks // target_ticks) != 0
    return Conversion(value, refused)
