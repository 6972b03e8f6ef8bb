"""A column mapping: which columns of a source make which columns of a table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from propload.batch import ROW, Sifted, join_reasons
from propload.errors import SchemaMismatchError
from propload.messages.wording import SHOWN_COLUMNS, counted, listed_names
from propload.prepare.mapping.names import Names, describe_sources
from propload.prepare.mapping.nested import NestedColumns
from propload.prepare.mapping.reading import read_nested, read_rule
from propload.prepare.mapping.rowwise import refuse_batchwise
from propload.prepare.mapping.rules import Column, Constant, Rule

if TYPE_CHECKING:
    from collections import abc
    from datetime import datetime


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
        found_columns = self._find_sources(rows)
        nested = NestedColumns(rows)
        numbers = {
            name: pl.col(name).is_in(texts.implode())
            for name, texts in context.numbers.items()
        }
        columns: list[pl.Series] = []
        reasons: list[pl.DataFrame] = []
        for target, column in self.columns.items():
            if isinstance(column, Rule):
                if not found_columns[target]:
                    continue
                rule, names = self._with_null_words(column), found_columns[target]
                values, rule_reasons = (
                    read_rule(rows, target, rule, names, numbers)
                    if rule.path is None
                    else read_nested(nested, target, rule, rule.path, names)
                )
                reasons.append(rule_reasons)
            else:
                values = _make_column(rows, target, column, context)
            columns.append(values)
        used = {name for names in found_columns.values() for name in names}
        others = self._others(rows, used) if self.keep_others else []
        mapped = pl.DataFrame([rows.get_column(ROW), *columns, *others])
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
        rules = {t: rule for t, rule in self.columns.items() if isinstance(rule, Rule)}
        found_columns = {
            target: names.find(rule.sources, each=rule.each)
            for target, rule in rules.items()
        }
        missing = [
            t for t, rule in rules.items() if rule.required and not found_columns[t]
        ]
        if missing or (rules and not any(found_columns.values())):
            columns = names.columns
            wanted = [
                f"{target} (from {describe_sources(rules[target].sources, columns)})"
                for target in missing or rules
            ]
            shown = listed_names(names.columns)
            msg = (
                f"{self.name} finds no column for {', '.join(wanted[:SHOWN_COLUMNS])}; "
                f"the source has {counted(len(names.columns), 'column')}: {shown}"
            )
            raise SchemaMismatchError(msg)
        return found_columns

    def _with_null_words(self, rule: Rule) -> Rule:
        return replace(rule, null_words=(*self.null_words, *rule.null_words))

    def _others(self, rows: pl.DataFrame, used: set[str]) -> list[pl.Series]:
        return [
            column
            for column in rows.get_columns()
            if column.name not in used
            and column.name != ROW
            and column.name not in self.columns
        ]


def _make_column(
    rows: pl.DataFrame, target: str, column: Constant | pl.Expr, context: MapContext
) -> pl.Series:
    if isinstance(column, Constant):
        if column.value == "as_of" and column.from_context:
            value = pl.lit(context.as_of, pl.Datetime("us", "UTC"))
        else:
            value = pl.lit(context.source if column.from_context else column.value)
        return rows.select(pl.repeat(value, pl.len()).alias(target)).to_series()
    try:
        return rows.with_columns(column.alias(target)).get_column(target)
    except Exception as error:
        # also what a function of the user's own raises; of columns, the source's alone
        text = str(error).partition("\n")[0].replace(f'"{ROW}", ', "")
        msg = f"column {target}: its expression fails: {text}"
        raise SchemaMismatchError(msg) from error
