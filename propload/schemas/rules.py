"""Checks over several columns, each a Polars expression with a readable message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from propload.schemas.pandera_import import pa

if TYPE_CHECKING:
    from pandera.api.polars.types import PolarsData


def error(expression: pl.Expr, message: str) -> Any:
    """Return a check of a pandera model that refuses a row where it is false.

    Give it to an attribute of the model; the attribute's name is the check's. Where
    the expression is null the row passes; a column that rows lack counts as null.

    Args:
        expression: What holds for a right row, as a boolean.
        message: What is wrong with a row where it does not hold.
    """
    return _rule(expression, message, raise_warning=False)


def warning(expression: pl.Expr, message: str) -> Any:
    """Return a check like `error` whose rows are counted and loaded."""
    return _rule(expression, message, raise_warning=True)


# Any: pandera finds a check by an attribute that it sets on a classmethod, and has
# no type for what its decorator returns.
def _rule(expression: pl.Expr, message: str, *, raise_warning: bool) -> Any:
    columns = tuple(sorted(set(expression.meta.root_names())))

    def held(_model: type, rows: PolarsData) -> pl.LazyFrame:
        """Return which rows keep the rule: all, where they have none of its columns."""
        present = rows.lazyframe.collect_schema()
        missing = [column for column in columns if column not in present]
        if len(missing) == len(columns):
            return rows.lazyframe.select(
                pl.repeat(value=True, n=pl.len()).alias("held")
            )
        nulls = (pl.lit(None).alias(column) for column in missing)
        return rows.lazyframe.with_columns(nulls).select(expression.alias("held"))

    # the columns are shown in reasons; the expression lets right rows pass fast
    statistics = {"columns": columns, "expression": expression}
    decorate: Any = pa.dataframe_check(
        error=message, raise_warning=raise_warning, statistics=statistics
    )
    return decorate(_Rule(held))


# Any: the parameters of a classmethod's type say nothing here.
class _Rule(classmethod):  # type: ignore[type-arg]
    """A classmethod whose function takes its name from the model's attribute."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.__func__.__name__ = name
