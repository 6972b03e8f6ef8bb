"""Reading the columns of a rule: which texts mean null, which values they name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, join_reasons, no_reasons
from propload.errors import SchemaMismatchError
from propload.names.type_names import type_name
from propload.prepare.casting.row_casting import Cast, cast_types, refuse
from propload.prepare.casting.text_in import read_text
from propload.prepare.casting.text_out import write_text
from propload.prepare.parsers.words import fold, fold_word

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Sequence

    from propload.prepare.mapping.nested import NestedColumns
    from propload.prepare.mapping.rules import Rule

#: If there are fewer distinct texts than this share of the rows, each is parsed once.
DISTINCT_SHARE = 0.5


def read_rule(
    rows: pl.DataFrame,
    target: str,
    rule: Rule,
    names: Sequence[str],
    numbers: abc.Mapping[str, pl.Expr],
) -> tuple[pl.Series, pl.DataFrame]:
    """Return a rule's values, and a reason for each text that it cannot read.

    Args:
        rows: Rows as read, with `ROW`.
        target: The column that is made.
        rule: How, with all words that mean null.
        names: The columns that it reads.
        numbers: Which texts are numbers in the source, by the column.

    Raises:
        SchemaMismatchError: A column is of a type that has no text.
    """
    first = rows.get_column(names[0])
    words = {fold_word(word) for word in rule.null_words}
    if len(names) == 1 and not _is_text(first.dtype) and rule.pattern is None:
        typed = _read_values(rows, target, rule, _with_null_words(first, words))
        if typed is not None:
            return typed
    texts = [_text_or_null(rows, name, words, rule) for name in names]
    original = rows.select(ROW, pl.coalesce(texts).alias(target))
    text = original.get_column(target)
    is_number = None
    if rule.parser.write_number is not None:
        is_number = _is_number_in_source(rows, names, texts, numbers)
    values = _parse(text, rule, is_number)
    unparsed = values.is_null() & text.is_not_null()
    reasons = no_reasons()
    if rule.unparsed == "refuse" and unparsed.any():
        reasons = _refuse(original.filter(unparsed), target, rule, names[0])
    return _with_default(values, rule), reasons


def read_nested(
    nested: NestedColumns,
    target: str,
    rule: Rule,
    path: str,
    names: Sequence[str],
) -> tuple[pl.Series, pl.DataFrame]:
    """Return a rule's values from within columns, and the reasons as `read_rule`.

    Args:
        nested: The columns.
        target: The column that is made.
        rule: How, with all words that mean null.
        path: Where the values lie in the columns.
        names: The columns that it reads.
    """
    found = nested.at(path, names)
    values, reasons = read_rule(found.rows, target, rule, found.names, found.numbers)
    words = [fold_word(word) for word in rule.null_words]
    invalid = found.invalid.filter(~fold(pl.col("text")).is_in(words))
    if rule.unparsed == "null" or invalid.is_empty():
        return values, reasons
    refused = refuse(
        invalid.rename({"text": target}),
        target,
        stage="map",
        check="json",
        problem=f"(from {' or '.join(names)}) is not JSON, in which to look for {path}",
    )
    return values, join_reasons([reasons, refused])


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _read_values(
    rows: pl.DataFrame, target: str, rule: Rule, values: pl.Series
) -> tuple[pl.Series, pl.DataFrame] | None:
    """Return values that need no reading, cast exactly; None where they are texts."""
    parser = rule.parser
    if parser.dtype == pl.String or (parser.words and values.dtype != parser.dtype):
        # the rule itself says what 1 and 0 mean
        return None
    original = pl.DataFrame([rows.get_column(ROW), values.alias(target)])
    frame, reasons = original, []
    if parser.convert_typed is not None:
        placed = parser.convert_typed(pl.col(target), values.dtype)
        frame = frame.with_columns(placed.alias(target))
        unparsed = frame.get_column(target).is_null() & values.is_not_null()
        if unparsed.any():
            reasons.append(
                _refuse(original.filter(unparsed), target, rule, values.name)
            )
    try:
        sifted = cast_types(frame, [Cast(target, parser.dtype, parser.name)])
    except SchemaMismatchError:
        return None
    typed = sifted.frame
    if not sifted.reasons.is_empty():
        reasons.append(sifted.reasons)
        typed = frame.select(ROW).join(typed, on=ROW, how="left", maintain_order="left")
    reasons_kept = join_reasons(reasons) if rule.unparsed == "refuse" else no_reasons()
    return _with_default(typed.get_column(target), rule), reasons_kept


def _with_null_words(values: pl.Series, words: set[str]) -> pl.Series:
    """Return typed values, null where a word for null stands for the value."""
    reading = None
    if words and values.dtype != pl.Boolean:
        reading = read_text(pl.first(), values.dtype)
    if reading is None:
        return values
    word_frame = pl.Series(list(words), dtype=pl.String).to_frame()
    nulls = word_frame.select(reading.value).to_series().drop_nulls()
    if not nulls.len() or not (is_null := values.is_in(nulls.implode())).any():
        return values
    return values.to_frame().select(pl.when(~is_null).then(pl.first())).to_series()


def _refuse(rows: pl.DataFrame, target: str, rule: Rule, source: str) -> pl.DataFrame:
    parser = rule.parser
    problem = f"(from {source}) is not {parser.value}"
    if rule.pattern is not None:
        problem = (
            f"(from {source}) holds no {parser.name} "
            f"where the pattern {rule.pattern!r} looks for it"
        )
    return refuse(rows, target, stage="map", check=parser.name, problem=problem)


def _text_or_null(
    rows: pl.DataFrame, name: str, null_words: set[str], rule: Rule
) -> pl.Expr:
    """Return a column's texts, null where they mean null."""
    text = write_text(pl.col(name), rows.schema[name])
    if text is None:
        kind = type_name(rows.schema[name])
        msg = f"column {name} is {kind}, which cannot be read as text"
        raise SchemaMismatchError(msg)
    is_null_word = (
        fold(text).is_in(list(null_words)) if null_words else pl.lit(value=False)
    )
    if rule.parser.name != "text":
        # an empty text is a value only where texts are wanted
        is_null_word = is_null_word | (text.str.strip_chars() == "")
    return pl.when(~is_null_word).then(text)


def _is_number_in_source(
    rows: pl.DataFrame,
    names: Sequence[str],
    texts: Sequence[pl.Expr],
    numbers: abc.Mapping[str, pl.Expr],
) -> pl.Series | None:
    """Return which texts are numbers in the source; None where that is known of none.

    Args:
        rows: Rows as read.
        names: The columns that a rule reads.
        texts: Their texts, of which each row has the first that is not null.
        numbers: Which texts are numbers, by the column.
    """
    if not any(name in numbers or rows.schema[name].is_numeric() for name in names):
        # nearly always, and then the texts need no second look
        return None
    marks = []
    for name, text in zip(names, texts, strict=True):
        is_number = pl.lit(value=rows.schema[name].is_numeric())
        if name in numbers and _is_text(rows.schema[name]):
            is_number = numbers[name]
        marks.append(pl.when(text.is_not_null()).then(is_number))
    is_number = pl.coalesce(marks).fill_null(value=False).alias("is_number")
    series = rows.select(is_number).to_series()
    return series if series.any() else None


def _parse(text: pl.Series, rule: Rule, written: pl.Series | None) -> pl.Series:
    """Return the values of texts, each different text read once where that pays.

    Args:
        text: The texts.
        rule: How they are read.
        written: Which of them are numbers in the source, with a point.
    """
    part = pl.col("text")
    if rule.pattern is not None:
        part = part.str.extract(rule.pattern, min(1, _group_count(rule.pattern)))
    frame = text.alias("text").to_frame()
    if written is not None and rule.parser.write_number is not None:
        frame = frame.with_columns(written.alias("is_number"))
        part = pl.when("is_number").then(rule.parser.write_number(part)).otherwise(part)
    value = rule.parser.parse(part).cast(rule.parser.dtype).alias("value")
    distinct = frame.unique(maintain_order=False)
    if distinct.height > frame.height * DISTINCT_SHARE:
        return _evaluate(frame, value).to_series().alias(text.name)
    read = distinct.with_columns(_evaluate(distinct, value).to_series())
    joined = frame.join(
        read, on=frame.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.get_column("value").alias(text.name)


@cache
def _group_count(pattern: str) -> int:
    """Return how many groups a pattern has, as Polars reads it, not Python."""
    found = pl.select(pl.lit("").str.extract_groups(pattern)).to_series()
    return len(found.struct.fields)


def _evaluate(frame: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    # lazily, so that what several branches share is computed once
    return frame.lazy().select(value).collect()


def _with_default(values: pl.Series, rule: Rule) -> pl.Series:
    if rule.default is None or not values.null_count():
        return values
    default = pl.lit(rule.default).cast(rule.parser.dtype)
    return values.to_frame().select(pl.col(values.name).fill_null(default)).to_series()
