"""A column mapping: which columns of a source make which columns of a table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl

from propload.batch import ROW, Sifted, join_reasons, no_reasons
from propload.errors import SchemaMismatchError
from propload.messages.wording import SHOWN_COLUMNS, counted
from propload.names.type_names import type_name
from propload.prepare.casting.row_casting import Cast, cast_types, refuse
from propload.prepare.casting.text_in import read_text
from propload.prepare.casting.text_out import write_text
from propload.prepare.mapping.names import Names
from propload.prepare.mapping.rowwise import refuse_batchwise
from propload.prepare.parsers import Parser, make_parser
from propload.prepare.parsers.words import fold, fold_word

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Sequence
    from datetime import datetime

#: A text that stands more often than once in two rows is parsed once.
DISTINCT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class MapContext:
    """What a mapping knows beyond the rows.

    Attributes:
        as_of: When the rows were true, with a zone; None where nobody says.
        source: The source's name.
        numbers: Texts that are numbers in the source, by the raw column.
    """

    as_of: datetime | None = None
    source: str = ""
    numbers: abc.Mapping[str, pl.Series] = field(default_factory=dict)


class RowMapping(Protocol):
    """What makes a target's columns of raw ones; `Mapping` is one."""

    def apply(self, frame: pl.DataFrame, context: MapContext, /) -> Sifted:
        """Return the mapped rows with `ROW`, and every reason of the others."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column of the target is made of columns of the source.

    Attributes:
        sources: Names of the source's columns; the first one present is used.
        parser: How its texts are read.
        null_words: Texts that mean null; case and space around do not count.
        pattern: A regular expression; its first group, or else the whole match,
            is what is parsed. A text without a match has no value.
        default: The value where there is none.
        unparsed: Whether a text that cannot be read refuses its row or is null.
        each: Whether each row uses the first of the columns that is not null in
            it, not only the first one present.
        required: Whether a source without any of the columns is refused.
    """

    sources: tuple[str, ...]
    parser: Parser = field(default_factory=lambda: make_parser("text"))
    null_words: tuple[str, ...] = ()
    pattern: str | None = None
    default: object = None
    unparsed: Literal["refuse", "null"] = "refuse"
    each: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A column of one value.

    Attributes:
        value: The value, or `as_of` or `source` where `from_context` is set.
        from_context: Whether the value is taken from the `MapContext`.
    """

    value: object
    from_context: bool = False


#: What makes a column: a rule, one value, or an expression over the raw columns.
Column = Rule | Constant | pl.Expr


@dataclass(frozen=True, slots=True)
class Mapping:
    """Makes a target's columns of a source's columns.

    Attributes:
        columns: What makes each column of the target, in order.
        null_words: Texts that mean null in every rule.
        keep_others: Whether columns that no rule uses go along as they are.
        name: What messages call it.
    """

    columns: abc.Mapping[str, Column]
    null_words: tuple[str, ...] = ()
    keep_others: bool = False
    name: str = "mapping"

    def apply(self, frame: pl.DataFrame, context: MapContext, /) -> Sifted:
        """Return the mapped rows with `ROW`, and every reason of the others.

        A column whose sources are all missing is left out, so that what a source
        does not tell never erases what the table knows.

        Args:
            frame: Rows as read; without `ROW` they are numbered from 0.
            context: What is known beyond the rows.

        Raises:
            SchemaMismatchError: The source has none of the columns, or lacks a
                required one.
        """
        rows = frame if ROW in frame.columns else frame.with_row_index(ROW)
        found = self._find_sources(rows)
        made: list[pl.Series] = []
        reasons: list[pl.DataFrame] = []
        for target, column in self.columns.items():
            if isinstance(column, Rule):
                if not found[target]:
                    continue
                values, why = _read(
                    rows,
                    target,
                    replace(column, null_words=(*self.null_words, *column.null_words)),
                    found[target],
                    context.numbers,
                )
                reasons.append(why)
            else:
                values = _make(rows, target, column, context)
            made.append(values)
        used = {name for names in found.values() for name in names}
        others = self._others(rows, used) if self.keep_others else []
        mapped = pl.DataFrame([rows.get_column(ROW), *made, *others])
        refused = join_reasons(reasons)
        if refused.height:
            mapped = mapped.join(refused.select(ROW), on=ROW, how="anti")
        return Sifted(mapped, refused)

    def try_expressions(self, frame: pl.DataFrame, /) -> None:
        """Refuse expressions that look at other rows, as far as some rows tell.

        Args:
            frame: The first rows as read.

        Raises:
            ConfigError: The message names the column.
        """
        for target, column in self.columns.items():
            if isinstance(column, pl.Expr):
                refuse_batchwise(target, column, frame)

    def _find_sources(self, rows: pl.DataFrame) -> dict[str, list[str]]:
        names = Names([name for name in rows.columns if name != ROW])
        rules = {t: one for t, one in self.columns.items() if isinstance(one, Rule)}
        found = {
            target: names.find(rule.sources, each=rule.each)
            for target, rule in rules.items()
        }
        lost = [t for t, rule in rules.items() if rule.required and not found[t]]
        if lost or (rules and not any(found.values())):
            wanted = [
                f"{target} (from {' or '.join(rules[target].sources)})"
                for target in lost or rules
            ]
            shown = ", ".join(names.given[:SHOWN_COLUMNS])
            msg = (
                f"{self.name} finds no column for {', '.join(wanted[:SHOWN_COLUMNS])}; "
                f"the source has {counted(len(names.given), 'column')}: {shown}"
            )
            raise SchemaMismatchError(msg)
        return found

    def _others(self, rows: pl.DataFrame, used: set[str]) -> list[pl.Series]:
        return [
            column
            for column in rows.get_columns()
            if column.name not in used
            and column.name != ROW
            and column.name not in self.columns
        ]


def _make(
    rows: pl.DataFrame, target: str, column: Constant | pl.Expr, context: MapContext
) -> pl.Series:
    if isinstance(column, Constant):
        if column.value == "as_of" and column.from_context:
            made = pl.lit(context.as_of, pl.Datetime("us", "UTC"))
        else:
            made = pl.lit(context.source if column.from_context else column.value)
        return rows.select(pl.repeat(made, pl.len()).alias(target)).to_series()
    try:
        return rows.with_columns(column.alias(target)).get_column(target)
    except Exception as error:
        # also what a function of the user's own raises; of columns, the source's alone
        text = str(error).partition("\n")[0].replace(f'"{ROW}", ', "")
        msg = f"column {target}: its expression fails: {text}"
        raise SchemaMismatchError(msg) from error


def _read(
    rows: pl.DataFrame,
    target: str,
    rule: Rule,
    names: Sequence[str],
    numbers: abc.Mapping[str, pl.Series],
) -> tuple[pl.Series, pl.DataFrame]:
    """Return a rule's values, and a reason for each text that it cannot read."""
    first = rows.get_column(names[0])
    words = {fold_word(word) for word in rule.null_words}
    if len(names) == 1 and not _is_text(first.dtype) and rule.pattern is None:
        exact = _read_values(rows, target, rule, _without(first, words))
        if exact is not None:
            return exact
    meanings = [_meaning(rows, name, words, rule) for name in names]
    given = rows.select(ROW, pl.coalesce(meanings).alias(target))
    text = given.get_column(target)
    written = None
    if rule.parser.write is not None:
        written = _written(rows, names, meanings, numbers)
    values = _parse(text, rule, written)
    lost = values.is_null() & text.is_not_null()
    reasons = no_reasons()
    if rule.unparsed == "refuse" and lost.any():
        place = f"(from {names[0]}) is not {rule.parser.value}"
        if rule.pattern is not None:
            place = (
                f"(from {names[0]}) holds no {rule.parser.name} "
                f"where the pattern {rule.pattern!r} looks for it"
            )
        reasons = _refuse(given.filter(lost), target, rule.parser, place)
    return _with_default(values, rule), reasons


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _read_values(
    rows: pl.DataFrame, target: str, rule: Rule, values: pl.Series
) -> tuple[pl.Series, pl.DataFrame] | None:
    """Return values that need no reading, cast exactly; None where they are texts."""
    parser = rule.parser
    if parser.dtype == pl.String or (parser.words and values.dtype != parser.dtype):
        # the rule says itself what 1 and 0 mean
        return None
    given = pl.DataFrame([rows.get_column(ROW), values.alias(target)])
    frame, reasons = given, []
    if parser.place is not None:
        placed = parser.place(pl.col(target), values.dtype)
        frame = frame.with_columns(placed.alias(target))
        lost = frame.get_column(target).is_null() & values.is_not_null()
        if lost.any():
            place = f"(from {values.name}) is not {parser.value}"
            reasons.append(_refuse(given.filter(lost), target, parser, place))
    try:
        sifted = cast_types(frame, [Cast(target, parser.dtype, parser.name)])
    except SchemaMismatchError:
        return None
    found = sifted.frame
    if not sifted.reasons.is_empty():
        reasons.append(sifted.reasons)
        found = frame.select(ROW).join(found, on=ROW, how="left", maintain_order="left")
    told = join_reasons(reasons) if rule.unparsed == "refuse" else no_reasons()
    return _with_default(found.get_column(target), rule), told


def _without(values: pl.Series, words: set[str]) -> pl.Series:
    """Return values of a type with those null that a word for null names."""
    meant = None
    if words and values.dtype != pl.Boolean:
        meant = read_text(pl.first(), values.dtype)
    if meant is None:
        return values
    given = pl.Series(list(words), dtype=pl.String).to_frame()
    silent = given.select(meant.value).to_series().drop_nulls()
    if not silent.len() or not (found := values.is_in(silent.implode())).any():
        return values
    return values.to_frame().select(pl.when(~found).then(pl.first())).to_series()


def _refuse(
    rows: pl.DataFrame, target: str, parser: Parser, problem: str
) -> pl.DataFrame:
    return refuse(rows, target, stage="map", check=parser.name, problem=problem)


def _meaning(
    rows: pl.DataFrame, name: str, null_words: set[str], rule: Rule
) -> pl.Expr:
    """Return a column's texts, null where they mean that."""
    text = write_text(pl.col(name), rows.schema[name])
    if text is None:
        kind = type_name(rows.schema[name])
        msg = f"column {name} is {kind}, which cannot be read as text"
        raise SchemaMismatchError(msg)
    silent = fold(text).is_in(list(null_words)) if null_words else pl.lit(value=False)
    if rule.parser.name != "text":
        # an empty text says something only where texts are wanted
        silent = silent | (text.str.strip_chars() == "")
    return pl.when(~silent).then(text)


def _written(
    rows: pl.DataFrame,
    names: Sequence[str],
    meanings: Sequence[pl.Expr],
    numbers: abc.Mapping[str, pl.Series],
) -> pl.Series | None:
    """Return which texts are numbers in the source, None where none is known to be.

    Args:
        rows: Rows as read.
        names: The columns that a rule reads.
        meanings: Their texts, of which each row has the first that is not null.
        numbers: Texts that are numbers, by the column.
    """
    if not any(name in numbers or rows.schema[name].is_numeric() for name in names):
        # nearly always: the texts are not looked at twice
        return None
    found = []
    for name, meaning in zip(names, meanings, strict=True):
        is_number = pl.lit(value=rows.schema[name].is_numeric())
        if name in numbers and _is_text(rows.schema[name]):
            is_number = pl.col(name).is_in(numbers[name].implode())
        found.append(pl.when(meaning.is_not_null()).then(is_number))
    marks = rows.select(pl.coalesce(found).fill_null(value=False).alias("is_number"))
    series = marks.to_series()
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
        part = part.str.extract(rule.pattern, min(1, _groups(rule.pattern)))
    frame = text.alias("text").to_frame()
    if written is not None and rule.parser.write is not None:
        frame = frame.with_columns(written.alias("is_number"))
        part = pl.when("is_number").then(rule.parser.write(part)).otherwise(part)
    value = rule.parser.parse(part).cast(rule.parser.dtype).alias("value")
    distinct = frame.unique(maintain_order=False)
    if distinct.height > frame.height * DISTINCT_SHARE:
        return _collected(frame, value).to_series().alias(text.name)
    read = distinct.with_columns(_collected(distinct, value).to_series())
    joined = frame.join(
        read, on=frame.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.get_column("value").alias(text.name)


@cache
def _groups(pattern: str) -> int:
    """Return how many groups a pattern has, as Polars reads it, not Python."""
    found = pl.select(pl.lit("").str.extract_groups(pattern)).to_series()
    return len(found.struct.fields)


def _collected(frame: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    # lazily, so that what several branches share is computed once
    return frame.lazy().select(value).collect()


def _with_default(values: pl.Series, rule: Rule) -> pl.Series:
    if rule.default is None or not values.null_count():
        return values
    default = pl.lit(rule.default).cast(rule.parser.dtype)
    return values.to_frame().select(pl.col(values.name).fill_null(default)).to_series()
