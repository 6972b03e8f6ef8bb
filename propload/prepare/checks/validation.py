"""Checking rows with pandera: every failure of a row becomes a reason.

Pandera only gets DataFrames, because it checks no values of a LazyFrame. Uniqueness is
not judged here: a batch is only a part of the rows, so the key and the table see to it.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, Sifted, join_reasons, no_reasons
from propload.errors import ConfigError, SchemaMismatchError
from propload.messages.wording import listed_names
from propload.names.registry import find_object
from propload.prepare.checks.known_checks import exact_type
from propload.prepare.checks.row_validation import RowValidator
from propload.schemas import RowSchema
from propload.schemas.pandera_import import pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandera.api.checks import Check

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
    schema = spec
    if isinstance(spec, str):
        schema = find_object(spec, group="propload.schemas", kind="schema")
    if not isinstance(schema, RowSchema):
        named = getattr(
            schema, "__name__" if isinstance(schema, type) else "name", None
        )
        named = named or (spec if isinstance(spec, str) else "without a name")
        schema = RowSchema(str(named), schema)  # type: ignore[arg-type]  # checked next
    return Checker(schema, _pandera_schema(schema.model, spec))


def _pandera_schema(model: object, spec: object) -> pa.DataFrameSchema:
    if isinstance(model, type) and issubclass(model, pa.DataFrameModel):
        try:
            model = model.to_schema()
        except (pa.errors.SchemaDefinitionError, TypeError) as error:
            msg = f"schema {spec!r} is not usable: {error}"
            raise ConfigError(msg) from error
    if not isinstance(model, pa.DataFrameSchema):
        msg = (
            f"schema {spec!r} is {type(model).__name__}, not a pandera schema for "
            "Polars: import it from pandera.polars"
        )
        raise ConfigError(msg)
    _refuse_parsers(model, str(spec if isinstance(spec, str) else model.name))
    return model


def _refuse_parsers(schema: pa.DataFrameSchema, name: str) -> None:
    if any(getattr(one, "parsers", None) for one in (schema, *schema.columns.values())):
        msg = (
            f"schema {name} has parsers, which pandera does not run for Polars: "
            "compute the values in a mapping (--mapping)"
        )
        raise ConfigError(msg)


class Checker:
    """Checks rows against one schema.

    Args:
        rows: What the schema is registered as.
        schema: The pandera schema.
    """

    def __init__(self, rows: RowSchema, schema: pa.DataFrameSchema) -> None:
        self.name = rows.name
        self.pg_types: Mapping[str, str] = rows.pg_types
        self.target_defaults: Target | None = rows.target_defaults
        self._schema = _errors_only(schema)
        self._schema.name = rows.name
        self._errors = RowValidator(self._schema)
        warnings = _warnings_only(schema)
        self._warnings = None if warnings is None else RowValidator(warnings)

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The types that columns are to have before the check."""
        return self.types(self._schema.columns)

    def types(self, names: Iterable[str]) -> dict[str, pl.DataType]:
        """Return the types that these columns are to have before the check."""
        typed = ((name, self._type_of(name)) for name in names)
        return {name: dtype for name, dtype in typed if dtype is not None}

    def shape(self, schema: pl.Schema, /) -> pl.Schema:
        """Return the columns that rows with these have after the check.

        A schema that is `strict="filter"` drops those that it does not name, one
        with `add_missing_columns` adds those that it names.
        """
        known = self._schema.columns
        kept = dict(schema)
        if self._schema.strict == "filter":
            kept = {name: dtype for name, dtype in schema.items() if self._column(name)}
        if self._schema.add_missing_columns:
            missing = [
                name
                for name, one in known.items()
                if name not in kept and one.required and not one.regex
            ]
            kept |= self.types(missing)
        return pl.Schema(kept)

    def _type_of(self, name: str) -> pl.DataType | None:
        column = self._column(name)
        if column is None or (column.regex and name in self._schema.columns):
            return None
        return exact_type(self._schema.dtype or column.dtype)

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
        self._refuse_unnamed_columns(frame)
        checked, failures = self._errors.validate(frame)
        if not failures:
            return Sifted(checked, no_reasons())
        reasons = join_reasons([failure.reasons() for failure in failures])
        bad = reasons.get_column(ROW).unique()
        good = frame.filter(~pl.col(ROW).is_in(bad.implode()))
        if good.height and self._errors.fills:
            # pandera returns what it fills in only if nothing fails
            good = self._errors.validate(good)[0]
        return Sifted(good, reasons)

    def warnings(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return how many rows each warning concerns, columns `WARNINGS`."""
        if self._warnings is None or frame.height == 0:
            return pl.DataFrame(schema=WARNINGS)
        _, failures = self._warnings.validate(frame)
        lines = [
            (one.column, one.check, one.message, one.rows.height) for one in failures
        ]
        return pl.DataFrame(lines, schema=WARNINGS, orient="row")

    def _require_columns(self, frame: pl.DataFrame) -> None:
        if self._schema.add_missing_columns:
            return
        missing = [
            name
            for name, column in self._schema.columns.items()
            if column.required and not column.regex and name not in frame.columns
        ]
        if missing:
            columns = listed_names([name for name in frame.columns if name != ROW])
            msg = (
                f"schema {self.name} requires column {listed_names(missing)}; "
                f"the rows have {columns}: map a column to it (--mapping)"
            )
            raise SchemaMismatchError(msg)

    def _refuse_unnamed_columns(self, frame: pl.DataFrame) -> None:
        if self._schema.strict is not True:
            return
        unnamed = [n for n in frame.columns if n != ROW and not self._column(n)]
        if unnamed:
            msg = (
                f"schema {self.name} is strict and does not name column "
                f"{listed_names(unnamed)}: leave such columns out with a mapping "
                '(--mapping), or let the schema drop them (strict="filter")'
            )
            raise SchemaMismatchError(msg)

    def _column(self, name: str) -> pa.Column | None:
        """Return the schema's column of a name, or of a pattern for it."""
        columns = self._schema.columns
        patterns = (one for one in columns.values() if one.regex)
        matching = (one for one in patterns if re.fullmatch(str(one.name), name))
        return columns.get(name) or next(matching, None)


def _errors_only(schema: pa.DataFrameSchema) -> pa.DataFrameSchema:
    """Return the schema without warnings, uniqueness and casting."""
    kept = copy.deepcopy(schema)
    kept.unique = None
    kept.coerce = False
    kept.drop_invalid_rows = False
    kept.checks = _as_failing_once(one for one in kept.checks if not one.raise_warning)
    for column in kept.columns.values():
        column.unique, column.coerce, column.drop_invalid_rows = False, False, False
        errors = (check for check in column.checks if not check.raise_warning)
        column.checks = _as_failing_once(errors)
    return kept


def _warnings_only(schema: pa.DataFrameSchema) -> pa.DataFrameSchema | None:
    """Return a schema of the warnings alone, as checks that fail."""
    columns = {
        name: pa.Column(
            checks=warned, nullable=True, required=False, regex=column.regex
        )
        for name, column in schema.columns.items()
        if (
            warned := _as_failing_once(
                one for one in column.checks if one.raise_warning
            )
        )
    }
    checks = _as_failing_once(check for check in schema.checks if check.raise_warning)
    if not columns and not checks:
        return None
    return pa.DataFrameSchema(columns, checks=checks, name=schema.name)


def _as_failing_once(checks: Iterable[Check]) -> list[Check]:
    """Return checks that fail, and whose report names one row only.

    The rows come from the check's own answer; pandera's report makes a Python dict
    of each failed row.
    """
    copies = [copy.copy(check) for check in checks]
    for check in copies:
        check.raise_warning, check.n_failure_cases = False, 1
    return copies
