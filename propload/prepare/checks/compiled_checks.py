"""A fast test that says which rows surely pass a schema's checks.

Every call of pandera costs time, and so does every check; most rows of most sources are
right. So the checks whose meaning is known are compiled into one Polars expression. It
accepts rows and never refuses one: what it does not accept goes to pandera, the only
judge of what is wrong and why. A property test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PASSED = "propload_passed"


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """One built-in check of a column, as plain values.

    Attributes:
        name: Its name.
        settings: Its settings by name.
        ignore_na: Whether a row passes where the check's answer is null.
    """

    name: str
    settings: Mapping[str, Any]
    ignore_na: bool = True


@dataclass(frozen=True, slots=True)
class RowCheck:
    """One check over several columns.

    Attributes:
        expression: What holds for a right row.
        ignore_na: Whether a row passes where that is null.
    """

    expression: pl.Expr
    ignore_na: bool = True

    @property
    def columns(self) -> list[str]:
        """The columns that it looks at."""
        return self.expression.meta.root_names()


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of a schema, as plain values.

    Attributes:
        name: The column's name.
        dtype: The exact type that it has to have, or None where any will do.
        nullable: Whether nulls pass.
        required: Whether it has to be there.
        checks: Its checks.
    """

    name: str
    dtype: pl.DataType | None
    nullable: bool
    required: bool
    checks: tuple[CheckFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptor:
    """Accepts rows that surely pass.

    Attributes:
        columns: The columns of the schema.
        checks: Its checks over several columns.
    """

    columns: tuple[ColumnFacts, ...]
    checks: tuple[RowCheck, ...] = ()
    _compiled: dict[tuple[tuple[str, pl.DataType], ...], pl.Expr | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def accept(self, frame: pl.DataFrame) -> pl.Series | None:
        """Return which rows surely pass; None where that cannot be told."""
        try:
            test = self._test(frame.schema)
            if test is None:
                return None
            whole = frame.with_columns(self._lacking(frame.schema))
            passed = whole.with_columns(test.alias(_PASSED))
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            # a check that does not suit its column: pandera says what is wrong
            return None
        return passed.get_column(_PASSED)

    def _lacking(self, schema: pl.Schema) -> list[pl.Expr]:
        """Return nulls for columns that the checks need and the rows do not have."""
        needed = dict.fromkeys(name for check in self.checks for name in check.columns)
        return [pl.lit(None).alias(name) for name in needed if name not in schema]

    def _test(self, schema: pl.Schema) -> pl.Expr | None:
        """Return the one expression for frames of a schema, None where there is none.

        The batches of a run have few schemas, which come again and again.
        """
        names = tuple(schema.items())
        if names not in self._compiled:
            self._compiled[names] = self._compile(schema)
        return self._compiled[names]

    def _compile(self, schema: pl.Schema) -> pl.Expr | None:
        tests: list[pl.Expr] = [pl.lit(value=True)]
        for column in self.columns:
            dtype = schema.get(column.name)
            if dtype is None:
                if column.required:
                    return None
                continue
            if column.dtype is not None and dtype != column.dtype:
                return None
            tests += _column_tests(column, dtype)
        for check in self.checks:
            # if all of its columns are missing, such a check lets every row pass
            if any(name in schema for name in check.columns):
                tests.append(check.expression.fill_null(value=check.ignore_na))
        return pl.all_horizontal(tests)


def is_known(check: CheckFacts, /) -> bool:
    """Return whether a built-in check can be compiled."""
    if check.name == "str_length":
        # pandera raises if none is given
        return any(each is not None for each in _lengths(check.settings))
    return check.name in _TESTS


def _column_tests(column: ColumnFacts, dtype: pl.DataType) -> Iterable[pl.Expr]:
    values = pl.col(column.name)
    if not column.nullable:
        yield values.is_not_null()
        if dtype.is_float():
            # pandera takes a NaN for missing
            yield values.is_not_nan()
    for check in column.checks:
        test = _TESTS[check.name](values, check.settings)
        yield test.fill_null(value=check.ignore_na)


def _between(values: pl.Expr, settings: Mapping[str, Any]) -> pl.Expr:
    least, most = settings["min_value"], settings["max_value"]
    above = values.ge(least) if settings.get("include_min", True) else values.gt(least)
    below = values.le(most) if settings.get("include_max", True) else values.lt(most)
    return above.and_(below)


def _matches(values: pl.Expr, settings: Mapping[str, Any]) -> pl.Expr:
    pattern = _pattern(settings)
    return values.str.contains(pattern if pattern.startswith("^") else f"^{pattern}")


def _pattern(settings: Mapping[str, Any]) -> str:
    pattern = settings["pattern"]
    return str(pattern.pattern if isinstance(pattern, re.Pattern) else pattern)


def _lengths(settings: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    names = ("min_value", "max_value", "exact_value")
    least, most, exact = (settings.get(name) for name in names)
    return least, most, exact


def _has_length(values: pl.Expr, settings: Mapping[str, Any]) -> pl.Expr:
    least, most, exact = _lengths(settings)
    length = values.str.len_chars()
    if exact is not None:
        return length.eq(exact)
    tests = [] if least is None else [length.ge(least)]
    return pl.all_horizontal([*tests, *([] if most is None else [length.le(most)])])


#: What each built-in check means, as pandera's own Polars backend has it.
_TESTS: Mapping[str, Callable[[pl.Expr, Mapping[str, Any]], pl.Expr]] = {
    "equal_to": lambda values, of: values.eq(of["value"]),
    "not_equal_to": lambda values, of: values.ne(of["value"]),
    "greater_than": lambda values, of: values.gt(of["min_value"]),
    "greater_than_or_equal_to": lambda values, of: values.ge(of["min_value"]),
    "less_than": lambda values, of: values.lt(of["max_value"]),
    "less_than_or_equal_to": lambda values, of: values.le(of["max_value"]),
    "in_range": _between,
    "isin": lambda values, of: values.is_in(list(of["allowed_values"])),
    "notin": lambda values, of: values.is_in(list(of["forbidden_values"])).not_(),
    "str_matches": _matches,
    "str_contains": lambda values, of: values.str.contains(_pattern(of)),
    "str_startswith": lambda values, of: values.str.starts_with(of["string"]),
    "str_endswith": lambda values, of: values.str.ends_with(of["string"]),
    "str_length": _has_length,
}
