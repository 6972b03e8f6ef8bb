"""Checking rows with pandera: every failure of a row becomes a reason.

Pandera gets DataFrames only: of a LazyFrame it checks no values. Uniqueness is not
judged here, since a batch is a part of the rows: that is the key's and the table's
business.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pandera.api.polars.container import DataFrameSchema
from pandera.config import ValidationDepth, config_context
from pandera.constants import CHECK_OUTPUT_KEY
from pandera.errors import SchemaDefinitionError, SchemaErrors
from pandera.polars import Column, DataFrameModel

from propload.batch import REASONS, ROW, Sifted, join_reasons, no_reasons
from propload.errors import ConfigError, SchemaMismatchError
from propload.prepare.casting import VALUE_LENGTH
from propload.prepare.registry import find_object
from propload.prepare.text_out import write_text
from propload.schemas import RowSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandera.api.checks import Check
    from pandera.errors import SchemaError

    from propload.target import Target

#: One line for each check that warned: what, and of how many rows.
WARNINGS = pl.Schema(
    {"column": pl.String, "check": pl.String, "message": pl.String, "rows": pl.UInt32}
)


def load_schema(spec: object) -> Checker:
    """Return the checker of a schema.

    Args:
        spec: A registered name, `module:NAME`, a pandera DataFrameModel or
            DataFrameSchema for Polars, or a `RowSchema`.

    Raises:
        ConfigError: There is no such schema, or it is none for Polars.
    """
    found = spec
    if isinstance(spec, str):
        found = find_object(spec, group="propload.schemas", kind="schema")
    if not isinstance(found, RowSchema):
        named = (
            found.__name__ if isinstance(found, type) else getattr(found, "name", None)
        )
        found = RowSchema(str(named or spec), found)  # type: ignore[arg-type]  # checked next
    return Checker(found, _pandera_schema(found.model, spec))


def _pandera_schema(model: object, spec: object) -> DataFrameSchema:
    if isinstance(model, type) and issubclass(model, DataFrameModel):
        try:
            model = model.to_schema()
        except (SchemaDefinitionError, TypeError) as error:
            msg = f"schema {spec!r} is not usable: {error}"
            raise ConfigError(msg) from error
    if not isinstance(model, DataFrameSchema):
        msg = (
            f"schema {spec!r} is {type(model).__name__}, not a pandera schema for "
            "Polars: import it from pandera.polars"
        )
        raise ConfigError(msg)
    return model


class Checker:
    """Checks rows against one schema.

    Args:
        rows: What the schema is registered as.
        schema: The pandera schema.
    """

    def __init__(self, rows: RowSchema, schema: DataFrameSchema) -> None:
        self.name = rows.name
        self.pg_types: Mapping[str, str] = rows.pg_types
        self.target_defaults: Target | None = rows.target_defaults
        self._errors = _errors_only(schema)
        self._warnings = _warnings_only(schema)

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The types that columns are to have before the check."""
        return self.types(self._errors.columns)

    @property
    def nullable(self) -> dict[str, bool]:
        """Whether each named column may be null."""
        return {name: bool(one.nullable) for name, one in self._errors.columns.items()}

    def types(self, names: Iterable[str]) -> dict[str, pl.DataType]:
        """Return the types that these columns are to have before the check."""
        typed = ((name, self._type_of(name)) for name in names)
        return {name: dtype for name, dtype in typed if dtype is not None}

    def _type_of(self, name: str) -> pl.DataType | None:
        columns = self._errors.columns
        patterns = (one for one in columns.values() if one.regex)
        column = columns.get(name) or next(
            (one for one in patterns if re.fullmatch(str(one.name), name)), None
        )
        if column is None or (column.regex and name in columns):
            return None
        return _polars_type(self._errors.dtype or column.dtype)

    def check(self, frame: pl.DataFrame) -> Sifted:
        """Return the rows that pass, and every reason of the others.

        Args:
            frame: Rows with `ROW`, their columns cast to `types`.

        Raises:
            SchemaMismatchError: The rows as a whole fail: a column is missing or
                of another type, or a check judges more than rows.
        """
        if frame.height == 0:
            return Sifted(frame, no_reasons())
        self._require_columns(frame)
        checked, failures = _validate(self._errors, frame)
        if not failures:
            return Sifted(checked, no_reasons())
        bad = pl.Series([False]).new_from_index(0, frame.height)
        for failure in failures:
            bad |= failure.mask
        reasons = join_reasons([failure.reasons(frame) for failure in failures])
        good = frame.filter(~bad)
        if good.height:
            # what pandera fills in, it gives back only where nothing fails
            good = _validate(self._errors, good)[0]
        return Sifted(good, reasons)

    def warnings(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return how many rows each warning concerns, columns `WARNINGS`."""
        if self._warnings is None or frame.height == 0:
            return pl.DataFrame(schema=WARNINGS)
        _, failures = _validate(self._warnings, frame)
        lines = [
            (one.column, one.check, one.message, int(one.mask.sum()))
            for one in failures
        ]
        return pl.DataFrame(lines, schema=WARNINGS, orient="row")

    def _require_columns(self, frame: pl.DataFrame) -> None:
        if self._errors.add_missing_columns:
            return
        missing = [
            name
            for name, column in self._errors.columns.items()
            if column.required and not column.regex and name not in frame.columns
        ]
        if missing:
            found = ", ".join(name for name in frame.columns if name != ROW)
            msg = (
                f"schema {self.name} requires column {', '.join(missing)}; "
                f"the rows have {found}: map a column to it (--mapping)"
            )
            raise SchemaMismatchError(msg)


@dataclass(frozen=True, slots=True)
class _Failure:
    """One check that failed, and in which rows."""

    column: str | None
    shown: tuple[str, ...]
    check: str
    message: str
    mask: pl.Series

    def reasons(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one reason for each failed row."""
        rows = frame.filter(self.mask)
        value = self._value(rows)
        return rows.select(
            pl.col(ROW),
            pl.lit("check").alias("stage"),
            pl.lit(self.column, pl.String).alias("column"),
            pl.lit(self.check).alias("check"),
            value.str.head(VALUE_LENGTH).alias("value"),
            pl.lit(self.message).alias("message"),
            pl.lit(None, pl.String).alias("sqlstate"),
        ).select(list(REASONS))

    def _value(self, rows: pl.DataFrame) -> pl.Expr:
        if self.column is not None and self.column in rows.columns:
            text = write_text(
                pl.col(self.column), rows.schema[self.column], pg_type="bytea"
            )
        else:
            shown = [name for name in self.shown if name in rows.columns] or [
                name for name in rows.columns if name != ROW
            ]
            fields = pl.Struct({name: rows.schema[name] for name in shown})
            text = write_text(pl.struct(shown), fields)
        return pl.lit(None, pl.String) if text is None else text


def _validate(
    schema: DataFrameSchema, frame: pl.DataFrame
) -> tuple[pl.DataFrame, list[_Failure]]:
    """Return the frame as pandera gives it back, and what failed."""
    rows = frame.get_column(ROW)
    # an environment variable can tell pandera to check no values at all
    with config_context(
        validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
    ):
        try:
            checked = schema.validate(frame.drop(ROW), lazy=True)
        except SchemaErrors as errors:
            failed = errors.schema_errors
        else:
            if checked.columns == frame.columns[1:] and frame.columns[0] == ROW:
                return checked.insert_column(0, rows), []
            return checked.with_columns(rows), []
    return frame, [_failure(schema, one, frame.height) for one in failed]


def _failure(schema: DataFrameSchema, error: SchemaError, height: int) -> _Failure:
    output = error.check_output
    if not isinstance(output, pl.DataFrame) or output.height != height:
        text = " ".join(str(error).split())[:VALUE_LENGTH]
        msg = f"schema {schema.name}: the rows as a whole do not fit: {text}"
        raise SchemaMismatchError(msg) from error
    passed = output.get_column(CHECK_OUTPUT_KEY)
    mask = ~passed.fill_null(value=False)
    column = None if isinstance(error.schema, DataFrameSchema) else error.schema.name
    if isinstance(error.check, str):
        return _Failure(
            column, (), error.check, f"column {column}: {_named(error.check)}", mask
        )
    label, text = _labels(error.check)
    place = "" if column is None else f"column {column}: fails "
    shown = tuple((error.check.statistics or {}).get("columns", ()))
    return _Failure(
        column or ", ".join(shown) or None, shown, label, place + text, mask
    )


def _named(check: str) -> str:
    return {"not_nullable": "is null"}.get(check, check)


def _labels(check: Check) -> tuple[str, str]:
    """Return a check's short name and its message."""
    name, error = str(check.name or check.error), str(check.error or check.name)
    return (error, error) if error.startswith(name) else (name, error)


def _polars_type(dtype: Any) -> pl.DataType | None:
    """Return pandera's type as one of Polars, None where it names no exact one."""
    found = getattr(dtype, "type", None)
    if isinstance(found, pl.DataType):
        return found
    try:
        return (
            found()
            if isinstance(found, type) and issubclass(found, pl.DataType)
            else None
        )
    except TypeError:
        return None


def _errors_only(schema: DataFrameSchema) -> DataFrameSchema:
    """Return the schema without warnings, uniqueness and casting."""
    kept = copy.deepcopy(schema)
    kept.unique = None
    kept.coerce = False
    kept.drop_invalid_rows = False
    kept.checks = [check for check in kept.checks if not check.raise_warning]
    for column in kept.columns.values():
        column.unique, column.coerce, column.drop_invalid_rows = False, False, False
        column.checks = [check for check in column.checks if not check.raise_warning]
    return kept


def _warnings_only(schema: DataFrameSchema) -> DataFrameSchema | None:
    """Return a schema of the warnings alone, as checks that fail."""
    columns = {
        name: Column(checks=warned, nullable=True, required=False, regex=column.regex)
        for name, column in schema.columns.items()
        if (warned := _as_errors(column.checks))
    }
    checks = _as_errors(schema.checks)
    if not columns and not checks:
        return None
    return DataFrameSchema(columns, checks=checks, name=schema.name)


def _as_errors(checks: Iterable[Check]) -> list[Check]:
    warned = [copy.copy(check) for check in checks if check.raise_warning]
    for check in warned:
        check.raise_warning = False
    return warned
