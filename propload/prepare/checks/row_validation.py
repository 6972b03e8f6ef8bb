"""Validates rows by one pandera schema: which pass, and what is wrong with the rest."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.prepare.casting.row_casting import VALUE_LENGTH
from propload.prepare.checks.failed_check import FailedCheck, describe_check
from propload.prepare.checks.known_checks import compile_known
from propload.schemas.pandera_import import CHECK_OUTPUT_KEY, config, pa

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Types that do not say what is in them, and how to write them so that they do.
_COMPLETE_TYPES = {
    "List": "pl.List(pl.Int64)",
    "Struct": 'pl.Struct({"name": pl.Int64})',
}


class RowValidator:
    """Judges rows by one pandera schema, and calls pandera only where it must.

    Attributes:
        fills: Whether pandera changes rows that pass: defaults, added columns.
    """

    def __init__(self, schema: pa.DataFrameSchema) -> None:
        self._schema = schema
        self.fills = bool(
            schema.add_missing_columns
            or schema.strict == "filter"
            or any(column.default is not None for column in schema.columns.values())
        )
        self._acceptor, self._unknown_checks = compile_known(schema, fills=self.fills)

    def validate(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[FailedCheck]]:
        """Return the rows as pandera leaves them, and each check that failed."""
        accepted = None if self._acceptor is None else self._acceptor.accept(frame)
        if accepted is None:
            return _validate(self._schema, frame)
        if self._unknown_checks is None:
            # each row is judged by itself, so the others need no second look
            doubtful = frame if not accepted.any() else frame.filter(~accepted)
            failed = _validate(self._schema, doubtful)[1] if doubtful.height else []
            return frame, failed
        if accepted.all() and not _validate(self._unknown_checks, frame)[1]:
            return frame, []
        return _validate(self._schema, frame)


def _validate(
    schema: pa.DataFrameSchema, frame: pl.DataFrame
) -> tuple[pl.DataFrame, list[FailedCheck]]:
    """Return the frame as pandera gives it back, and what failed."""
    schema = _fillable(schema, frame.schema)
    rows = frame.get_column(ROW)
    # an environment variable can tell pandera to check no values at all
    with config.config_context(
        validation_enabled=True, validation_depth=config.ValidationDepth.SCHEMA_AND_DATA
    ):
        try:
            checked = schema.validate(frame.drop(ROW), lazy=True)
        except pa.errors.SchemaErrors as errors:
            failed = errors.schema_errors
        except pa.errors.SchemaError as error:
            raise _mismatch_error(schema, error) from error
        except Exception:  # noqa: BLE001 - whatever pandera fails on
            return frame, _validate_one_by_one(schema, frame)
        else:
            return checked.insert_column(0, rows), []
    return frame, [_failure(schema, one, frame) for one in failed]


def _fillable(
    schema: pa.DataFrameSchema, frame_schema: pl.Schema
) -> pa.DataFrameSchema:
    """Return a schema whose defaults pandera can fill in.

    Pandera fails on the default of a column that is optional and missing, and of one
    that has no type.
    """
    if any(one.regex and _is_untyped(one) for one in schema.columns.values()):
        # the columns that a pattern matches may be of several types
        schema = _with_expanded_patterns(schema, frame_schema.names())
    filled = [
        (name, column)
        for name, column in schema.columns.items()
        if column.default is not None and not column.regex
    ]
    missing = [n for n, one in filled if n not in frame_schema and not one.required]
    untyped = [n for n, one in filled if n in frame_schema and _is_untyped(one)]
    if not missing and not untyped:
        return schema
    remaining = copy.deepcopy(schema)
    for name in missing:
        del remaining.columns[name]
    for name in untyped:
        remaining.columns[name].dtype = pa.Column(frame_schema[name]).dtype
    return remaining


def _is_untyped(column: pa.Column) -> bool:
    """Return whether a column has a default but no type."""
    return column.default is not None and column.dtype is None


def _validate_one_by_one(
    schema: pa.DataFrameSchema, frame: pl.DataFrame
) -> list[FailedCheck]:
    """Return what failed, asked for one failure at a time.

    Pandera lists all failures as text, which it cannot make of a span of time or of
    bytes, and fails with that.
    """
    remaining = _with_expanded_patterns(schema, frame.columns)
    rows = frame.drop(ROW)
    failures: list[FailedCheck] = []
    while True:
        try:
            remaining.validate(rows)
        except pa.errors.SchemaError as error:
            failures.append(_failure(schema, error, frame))
            _drop_check(remaining, error)
        except Exception as error:
            raise _mismatch_error(schema, error) from error
        else:
            return failures


def _with_expanded_patterns(
    schema: pa.DataFrameSchema, names: Sequence[str]
) -> pa.DataFrameSchema:
    """Return a copy with a column of its own for each that a pattern matches."""
    remaining = copy.deepcopy(schema)
    patterns = {n: one for n, one in remaining.columns.items() if one.regex}
    for pattern, column in patterns.items():
        matched = [n for n in names if n != ROW and re.fullmatch(pattern, n)]
        for name in (n for n in matched if n not in remaining.columns):
            remaining.columns[name] = copy.deepcopy(column)
            remaining.columns[name].regex, remaining.columns[name].name = False, name
        if matched:
            del remaining.columns[pattern]
    return remaining


def _drop_check(schema: pa.DataFrameSchema, error: pa.errors.SchemaError) -> None:
    """Take the check that failed out of a schema, so that the next one can fail."""
    if isinstance(error.schema, pa.DataFrameSchema):
        schema.checks.pop(error.check_index)
        return
    column = schema.columns[error.schema.name]
    if error.check_index is None:
        column.nullable = True
    else:
        column.checks.pop(error.check_index)


def _failure(
    schema: pa.DataFrameSchema, error: pa.errors.SchemaError, frame: pl.DataFrame
) -> FailedCheck:
    output = error.check_output
    if not isinstance(output, pl.DataFrame) or output.height != frame.height:
        raise _mismatch_error(schema, error) from error
    failed = ~output.get_column(CHECK_OUTPUT_KEY).fill_null(value=False)
    rows = frame.filter(failed)
    column = _column_at_fault(error)
    place = "" if column is None else f"column {column}: "
    if isinstance(error.check, str):
        # one of pandera's own
        problem = "is null" if error.check == "not_nullable" else error.check
        return FailedCheck(column, (), error.check, place, problem, rows)
    shown = tuple((error.check.statistics or {}).get("columns", ()))
    named = column or ", ".join(shown) or None
    check = error.check
    label, problem = describe_check(check.name, check.error, of_row=not place)
    return FailedCheck(named, shown, label, place, problem, rows)


def _mismatch_error(
    schema: pa.DataFrameSchema, error: Exception
) -> SchemaMismatchError:
    text = " ".join(str(error).split())[:VALUE_LENGTH]
    detail = f"{text}{_advice_on_types(text)}"
    if not isinstance(error, (pa.errors.SchemaError, pl.exceptions.PolarsError)):
        detail = f"pandera itself fails with {type(error).__name__}: {detail}"
    msg = f"schema {schema.name}: the rows as a whole do not fit: {detail}"
    return SchemaMismatchError(msg)


def _advice_on_types(problem: str) -> str:
    """Return what to do if the schema does not say what is in a list or a struct."""
    for bare, complete in _COMPLETE_TYPES.items():
        if f" to have type {bare}, got " in problem:
            return f"; say in the schema what is inside, such as {complete}"
    return ""


def _column_at_fault(error: pa.errors.SchemaError) -> str | None:
    if isinstance(error.schema, pa.DataFrameSchema):
        return None
    cases = error.failure_cases
    # where a pattern stands for several columns, only the cases name the right one
    return cases.columns[0] if isinstance(cases, pl.DataFrame) else error.schema.name
