"""Checks over several columns, each a Polars expression with a readable message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from propload.schemas.pandera_import import pa

if TYPE_CHECKING:
    from pandera.api.polars.types import PolarsData


def error(expression: pl.Expr, message: str) -> Any:
    """Return a pandera check that rejects the rows for which an expression is false.

    Assign it to an attribute of the model, whose name becomes the check's. Rows for
    which the expression is null pass; a column that rows lack counts as null.

    Args:
        expression: A boolean expression that is true for valid rows.
        message: What is wrong with a row for which it is false.
    """
    return _rule(expression, message, raise_warning=False)


def warning(expression: pl.Expr, message: str) -> Any:
    """Return a check like that of `error`, whose failures are loaded and counted."""
    return _rule(expression, message, raise_warning=True)


# Any, because pandera has no type for what its decorator returns: a classmethod with an
# attribute by which pandera finds the check.
def _rule(expression: pl.Expr, message: str, *, raise_warning: bool) -> Any:
    columns = tuple(sorted(set(expression.meta.root_names())))

    def held(_model: type, rows: PolarsData) -> pl.LazyFrame:
        """Return which rows pass: all, if they have none of the rule's columns."""
        present = rows.lazyframe.collect_schema()
        missing = [column for column in columns if column not in present]
        if len(missing) == len(columns):
            return rows.lazyframe.select(
                pl.repeat(value=True, n=pl.len()).alias("held")
            )
        nulls = (pl.lit(None).alias(column) for column in missing)
        return rows.lazyframe.with_columns(nulls).select(expression.alias("held"))

    # reasons show these columns; the expression accepts valid rows without pandera
    statistics = {"columns": columns, "expression": expression}
    decorate: Any = pa.dataframe_check(
        error=message, raise_warning=raise_warning, statistics=statistics
    )
    return decorate(_Rule(held))


# without type arguments, which would say nothing here
class _Rule(classmethod):  # type: ignore[type-arg]
    """A classmethod whose function gets the name of the model's attribute."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.__func__.__name__ = name
