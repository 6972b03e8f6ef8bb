"""Values as the text that PostgreSQL casts back to the same value."""

from __future__ import annotations

import json

import polars as pl

from propload.names.type_names import field_types, inner_type, leaf_types
from propload.values.python_text import (
    EXACT_IN_FLOAT,
    MARKED_NUMBER,
    NEGATIVE_ZERO,
    NUMBER_MARK,
)
from propload.values.temporal_text import duration_text, in_calendar, moment_text


def write_text(  # noqa: PLR0911 - one return a type
    column: pl.Expr, source: pl.DataType, *, pg_type: str = "text"
) -> pl.Expr | None:
    """Return a column as text, or None where its type has no exact text.

    Args:
        column: The column, of the type `source`.
        source: Its type.
        pg_type: The type that the text is for: an array gets `{...}`,
            anything else gets lists and structs as JSON.
    """
    if isinstance(source, (pl.List, pl.Array)) and pg_type.endswith("[]"):
        return _array_text(column, source, pg_type)
    if source.is_nested():
        has_json = pl.Object() not in leaf_types(source)
        return _json_text(column, source) if has_json else None
    if source == pl.Binary:
        return pl.lit("\\x") + column.bin.encode("hex") if "bytea" in pg_type else None
    if source in (pl.Date, pl.Time) or isinstance(source, pl.Datetime):
        return moment_text(column, source)
    if isinstance(source, pl.Duration):
        return duration_text(column, source)
    if source == pl.Object:
        return None
    if source == pl.Boolean and pg_type.startswith("numeric"):
        return column.cast(pl.Int8).cast(pl.String)
    if source.is_float():
        return _float_text(column, source)
    return column.cast(pl.String)


def _float_text(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return floats as text, whole ones without a point, as PostgreSQL does.

    A whole number among floats became a float: its text must not show that.
    """
    is_small = source in (pl.Float32, pl.Float16)
    text = _small_float_text(column, source) if is_small else column.cast(pl.String)
    return _as_whole(column, text)


def _as_whole(column: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Return the texts of floats, whole ones without a point."""
    is_whole = (column.abs() <= EXACT_IN_FLOAT) & (column == column.floor())
    is_whole &= text != NEGATIVE_ZERO
    whole = pl.when(is_whole).then(column).cast(pl.Int64).cast(pl.String)
    return pl.coalesce(whole, text)


def _small_float_text(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    # the shortest text of a large whole number has other digits than the number:
    # 41292792 is written 41292790.0, which is the same only when read as a Float32
    digits = 24 if source == pl.Float32 else 11
    wide = column.cast(pl.Float64).cast(pl.String)
    return (
        pl.when(column.abs() >= 2**digits).then(wide).otherwise(column.cast(pl.String))
    )


def beyond_json(column: pl.Expr, source: pl.DataType) -> pl.Expr | None:
    """Return which values hold a number that JSON cannot express, or None.

    Args:
        column: The column, of the type `source`.
        source: Its type; NaN and infinities inside it would become null.
    """
    if source.is_float():
        return ~column.is_finite()
    if isinstance(source, pl.Struct):
        fields = _fields(column, source)
        parts = [beyond_json(value, kind) for _, value, kind in fields]
        found = [part.fill_null(value=False) for part in parts if part is not None]
        return pl.any_horizontal(found) if found else None
    if isinstance(source, (pl.List, pl.Array)):
        inside = beyond_json(pl.element(), inner_type(source))
        as_list = column.cast(pl.List(source.inner))
        return None if inside is None else as_list.list.eval(inside).list.any()
    return None


def _fields(
    value: pl.Expr, source: pl.Struct
) -> list[tuple[str, pl.Expr, pl.DataType]]:
    """Return name, value and type of each field."""
    # Polars takes some names (`*`, `^a$`) for patterns of other fields
    fields = field_types(source)
    plain = value.struct.rename_fields([str(place) for place in range(len(fields))])
    return [
        (name, plain.struct.field(str(place)), kind)
        for place, (name, kind) in enumerate(fields)
    ]


def _json_text(column: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return JSON with the spaces that `python_values.as_text` and PostgreSQL write.

    Otherwise a text would depend on how it comes, and on the rows beside it.
    """
    if isinstance(source, pl.Struct):
        return _object_text(column, source)
    if isinstance(source, (pl.List, pl.Array)):
        inner = inner_type(source)
        element = _json_text(pl.element(), inner).fill_null("null")
        elements = column.cast(pl.List(inner)).list.eval(element)
        return pl.lit("[") + elements.list.join(", ") + pl.lit("]")
    ours = _scalar_for_json(column, source)
    # Polars only encodes structs; `{"v":` and `}` are cut off again
    text = pl.struct((column if ours is None else ours).alias("v")).struct.json_encode()
    if ours is not None:
        text = text.str.replace_all(MARKED_NUMBER.pattern, "$1")
    text = text.str.slice(5).str.head(-1)
    if source.is_float():
        text = pl.when(column.is_finite()).then(text).otherwise(_odd_number(column))
        text = _as_whole(column, text)
    return pl.when(column.is_not_null()).then(text)


def _odd_number(column: pl.Expr) -> pl.Expr:
    """Return what Python's JSON has for NaN and infinities: null means something else.

    `jsonb` does not take it, but it is shown where such a value is rejected.
    """
    sign = pl.when(column < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    infinite = sign + pl.lit("Infinity")
    return pl.when(column.is_nan()).then(pl.lit("NaN")).otherwise(infinite)


def _object_text(column: pl.Expr, source: pl.Struct) -> pl.Expr:
    parts: list[pl.Expr] = []
    for name, value, kind in _fields(column, source):
        parts += [
            pl.lit(f"{', ' if parts else ''}{json.dumps(name, ensure_ascii=False)}: "),
            _json_text(value, kind).fill_null("null"),
        ]
    text = pl.concat_str([pl.lit("{"), *parts, pl.lit("}")])
    return pl.when(column.is_not_null()).then(text)


def is_json_of_polars(dtype: pl.DataType) -> bool:
    """Return whether Polars writes the values of a type as `python_values` does."""
    kinds = leaf_types(dtype)
    return all(_scalar_for_json(pl.lit(None, one), one) is None for one in kinds)


def _scalar_for_json(value: pl.Expr, source: pl.DataType) -> pl.Expr | None:
    """Return a value whose JSON is what Python writes (`python_values.as_text`).

    Otherwise a row would depend on how it comes. None where Polars writes the same.
    """
    if source.is_decimal():
        # a number with all its digits; Polars would write a text
        return pl.lit(NUMBER_MARK) + value.cast(pl.String)
    if source in (pl.Float32, pl.Float16):
        return _small_float_text(value, source).cast(pl.Float64)
    if source == pl.Time or isinstance(source, pl.Datetime):
        return _isoformat(value, source)
    if source in (pl.Binary, pl.Date) or isinstance(source, pl.Duration):
        return write_text(value, source, pg_type="bytea")
    return None


def _isoformat(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return times as Python's `isoformat` writes them, with the offset of their zone.

    Where there are nanoseconds, which it does not know, all nine digits.
    """
    known = value if source == pl.Time else in_calendar(value, source)
    day = "" if source == pl.Time else "%Y-%m-%dT"
    zone = "%::z" if isinstance(source, pl.Datetime) and source.time_zone else ""
    in_nanoseconds = not isinstance(source, pl.Datetime) or source.time_unit == "ns"
    digits = 9 if in_nanoseconds else 6
    text = known.dt.strftime(f"{day}%H:%M:%S%.{digits}f{zone}")
    text = text.str.replace(f".{'0' * digits}", "", literal=True)
    if in_nanoseconds:
        text = text.str.replace(r"(\.[0-9]{6})0{3}", "$1")
    if zone:
        text = text.str.replace(r"([+-][0-9]{2}:[0-9]{2}):00$", "$1")
    if source == pl.Time:
        return text
    return text.fill_null(moment_text(value, source).str.replace(" ", "T"))


def _array_text(
    column: pl.Expr, source: pl.List | pl.Array, pg_type: str
) -> pl.Expr | None:
    inner = inner_type(source)
    element = write_text(pl.element(), inner, pg_type=pg_type)
    if element is None:
        return None
    if not isinstance(inner, (pl.List, pl.Array)):
        escaped = element.str.replace_all(r'([\\"])', r"\$1")
        element = pl.lit('"') + escaped + pl.lit('"')
    elements = column.cast(pl.List(inner)).list.eval(element.fill_null("NULL"))
    return pl.lit("{") + elements.list.join(",") + pl.lit("}")
