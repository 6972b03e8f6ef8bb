"""Checking rows with pandera: every failure of a row becomes a reason.

Pandera gets DataFrames only: of a LazyFrame it checks no values. Uniqueness is not
judged here, since a batch is a part of the rows: that is the key's and the table's
business.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, Sifted, join_reasons, no_reasons
from propload.errors import ConfigError, SchemaMismatchError
from propload.prepare.accepting import (
    Acceptor,
    CheckFacts,
    ColumnFacts,
    advice_on_types,
    exact_type,
    is_known,
)
from propload.prepare.casting import VALUE_LENGTH
from propload.prepare.failing import FailedCheck, failing_of, labels_of, named_check
from propload.registry import find_object
from propload.schemas import RowSchema
from propload.schemas.pandera_import import CHECK_OUTPUT_KEY, Dispatcher, config, pa

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
    found = spec
    if isinstance(spec, str):
        found = find_object(spec, group="propload.schemas", kind="schema")
    if not isinstance(found, RowSchema):
        named = getattr(found, "__name__" if isinstance(found, type) else "name", None)
        named = named or (spec if isinstance(spec, str) else "without a name")
        found = RowSchema(str(named), found)  # type: ignore[arg-type]  # checked next
    return Checker(found, _pandera_schema(found.model, spec))


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
    return model


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
        self._errors = _Judge(self._schema)
        warnings = _warnings_only(schema)
        self._warnings = None if warnings is None else _Judge(warnings)

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """The types that columns are to have before the check."""
        return self.types(self._schema.columns)

    def types(self, names: Iterable[str]) -> dict[str, pl.DataType]:
        """Return the types that these columns are to have before the check."""
        typed = ((name, self._type_of(name)) for name in names)
        return {name: dtype for name, dtype in typed if dtype is not None}

    def shape(self, schema: pl.Schema, /) -> pl.Schema:
        """Return the columns that rows of these have after the check.

        A schema that is `strict="filter"` drops those that it does not name, one
        with `add_missing_columns` adds those that it names.
        """
        known = self._schema.columns
        kept = dict(schema)
        if self._schema.strict == "filter":
            kept = {name: dtype for name, dtype in schema.items() if self._names(name)}
        if self._schema.add_missing_columns:
            absent = [n for n, one in known.items() if n not in kept and not one.regex]
            kept |= self.types(absent)
        return pl.Schema(kept)

    def _type_of(self, name: str) -> pl.DataType | None:
        columns = self._schema.columns
        patterns = (one for one in columns.values() if one.regex)
        column = columns.get(name) or next(
            (one for one in patterns if re.fullmatch(str(one.name), name)), None
        )
        if column is None or (column.regex and name in columns):
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
        self._refuse_others(frame)
        judged, failures = self._errors.judge(frame)
        if not failures:
            return Sifted(judged, no_reasons())
        reasons = join_reasons([failure.reasons() for failure in failures])
        bad = reasons.get_column(ROW).unique()
        good = frame.filter(~pl.col(ROW).is_in(bad.implode()))
        if good.height and self._errors.fills:
            # what pandera fills in, it gives back only where nothing fails
            good = self._errors.judge(good)[0]
        return Sifted(good, reasons)

    def warnings(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return how many rows each warning concerns, columns `WARNINGS`."""
        if self._warnings is None or frame.height == 0:
            return pl.DataFrame(schema=WARNINGS)
        _, failures = self._warnings.judge(frame)
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
            found = ", ".join(name for name in frame.columns if name != ROW)
            msg = (
                f"schema {self.name} requires column {', '.join(missing)}; "
                f"the rows have {found}: map a column to it (--mapping)"
            )
            raise SchemaMismatchError(msg)

    def _refuse_others(self, frame: pl.DataFrame) -> None:
        if self._schema.strict is not True:
            return
        others = [n for n in frame.columns if n != ROW and not self._names(n)]
        if others:
            msg = (
                f"schema {self.name} is strict and does not name column "
                f"{', '.join(others)}: leave such columns out by a mapping "
                '(--mapping), or let the schema drop them (strict="filter")'
            )
            raise SchemaMismatchError(msg)

    def _names(self, name: str) -> bool:
        """Return whether the schema has a column of a name, or a pattern for it."""
        columns = self._schema.columns
        patterns = [str(one.name) for one in columns.values() if one.regex]
        return name in columns or any(re.fullmatch(one, name) for one in patterns)


class _Judge:
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
        self._acceptor, self._rest = _compile(schema, fills=self.fills)

    def judge(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[FailedCheck]]:
        """Return the rows as pandera leaves them, and each check that failed."""
        accepted = None if self._acceptor is None else self._acceptor.accept(frame)
        if accepted is None:
            return _validate(self._schema, frame)
        if self._rest is None:
            # each row is judged by itself, so the others need no second look
            doubtful = frame if not accepted.any() else frame.filter(~accepted)
            return frame, _validate(self._schema, doubtful)[
                1
            ] if doubtful.height else []
        if accepted.all() and not _validate(self._rest, frame)[1]:
            return frame, []
        return _validate(self._schema, frame)


def _validate(
    schema: pa.DataFrameSchema, frame: pl.DataFrame
) -> tuple[pl.DataFrame, list[FailedCheck]]:
    """Return the frame as pandera gives it back, and what failed."""
    rows = frame.get_column(ROW)
    # an environment variable can tell pandera to check no values at all
    with config.config_context(
        validation_enabled=True, validation_depth=config.ValidationDepth.SCHEMA_AND_DATA
    ):
        try:
            checked = schema.validate(frame.drop(ROW), lazy=True)
        except pa.errors.SchemaErrors as errors:
            failed = errors.schema_errors
        # pandera itself may fail while it lists what failed
        except (pa.errors.SchemaError, pl.exceptions.PolarsError) as error:
            raise _unfit(schema, error) from error
        else:
            return checked.insert_column(0, rows), []
    return frame, [_failure(schema, one, frame) for one in failed]


def _failure(
    schema: pa.DataFrameSchema, error: pa.errors.SchemaError, frame: pl.DataFrame
) -> FailedCheck:
    output = error.check_output
    if not isinstance(output, pl.DataFrame) or output.height != frame.height:
        raise _unfit(schema, error) from error
    failed = ~output.get_column(CHECK_OUTPUT_KEY).fill_null(value=False)
    rows = frame.filter(failed)
    column = _column_at_fault(error)
    place = "" if column is None else f"column {column}: "
    if isinstance(error.check, str):
        problem = named_check(error.check)
        return FailedCheck(column, (), error.check, place, problem, rows)
    label, text = labels_of(error.check.name, error.check.error)
    shown = tuple((error.check.statistics or {}).get("columns", ()))
    named = column or ", ".join(shown) or None
    problem = failing_of(label, text, of_row=not place)
    return FailedCheck(named, shown, label, place, problem, rows)


def _unfit(schema: pa.DataFrameSchema, error: Exception) -> SchemaMismatchError:
    text = " ".join(str(error).split())[:VALUE_LENGTH]
    told = f"{text}{advice_on_types(text)}"
    msg = f"schema {schema.name}: the rows as a whole do not fit: {told}"
    return SchemaMismatchError(msg)


def _column_at_fault(error: pa.errors.SchemaError) -> str | None:
    if isinstance(error.schema, pa.DataFrameSchema):
        return None
    cases = error.failure_cases
    # of a schema of several columns, only the cases bear the column's own name
    return cases.columns[0] if isinstance(cases, pl.DataFrame) else error.schema.name


def _errors_only(schema: pa.DataFrameSchema) -> pa.DataFrameSchema:
    """Return the schema without warnings, uniqueness and casting."""
    kept = copy.deepcopy(schema)
    kept.unique = None
    kept.coerce = False
    kept.drop_invalid_rows = False
    kept.checks = _shown_once(one for one in kept.checks if not one.raise_warning)
    for column in kept.columns.values():
        column.unique, column.coerce, column.drop_invalid_rows = False, False, False
        errors = (check for check in column.checks if not check.raise_warning)
        column.checks = _shown_once(errors)
    return kept


def _warnings_only(schema: pa.DataFrameSchema) -> pa.DataFrameSchema | None:
    """Return a schema of the warnings alone, as checks that fail."""
    columns = {
        name: pa.Column(
            checks=warned, nullable=True, required=False, regex=column.regex
        )
        for name, column in schema.columns.items()
        if (warned := _shown_once(one for one in column.checks if one.raise_warning))
    }
    checks = _shown_once(one for one in schema.checks if one.raise_warning)
    if not columns and not checks:
        return None
    return pa.DataFrameSchema(columns, checks=checks, name=schema.name)


def _shown_once(checks: Iterable[Check]) -> list[Check]:
    """Return checks that fail, and whose report names one row only.

    The rows come from the check's own answer; pandera's report makes a Python dict
    of each failed row.
    """
    once = [copy.copy(check) for check in checks]
    for check in once:
        check.raise_warning, check.n_failure_cases = False, 1
    return once


# ---- what the acceptor can do without pandera ----


def _compile(
    schema: pa.DataFrameSchema, *, fills: bool
) -> tuple[Acceptor | None, pa.DataFrameSchema | None]:
    """Return what accepts rows, and a schema of the checks that it does not know."""
    shaped = schema.strict or schema.ordered or schema.dtype is not None
    if fills or shaped or any(column.regex for column in schema.columns.values()):
        return None, None
    known: list[ColumnFacts] = []
    unknown: dict[str, pa.Column] = {}
    for name, column in schema.columns.items():
        facts, checks = _known_checks(column.checks)
        dtype = None if column.dtype is None else exact_type(column.dtype)
        untold = column.dtype is not None and dtype is None
        known.append(
            ColumnFacts(
                name, dtype, bool(column.nullable), bool(column.required), facts
            )
        )
        if checks or untold:
            unknown[name] = pa.Column(
                column.dtype if untold else None, checks, nullable=True, required=False
            )
    frame_facts, frame_checks = _known_checks(schema.checks, of_rows=True)
    acceptor = Acceptor(tuple(known), frame_facts)
    if not unknown and not frame_checks:
        return acceptor, None
    return acceptor, pa.DataFrameSchema(unknown, checks=frame_checks, name=schema.name)


def _known_checks(
    checks: Iterable[Check], *, of_rows: bool = False
) -> tuple[tuple[CheckFacts, ...], list[Check]]:
    known, unknown = [], []
    for check in checks:
        facts = _row_facts(check) if of_rows else _facts(check)
        if facts is None:
            unknown.append(check)
        else:
            known.append(facts)
    return tuple(known), unknown


def _facts(check: Check) -> CheckFacts | None:
    """Return a check as plain values; None where only pandera knows its meaning."""
    # nothing public tells a built-in check: name and statistics may be the user's own
    function, settings = check._check_fn, check._check_kwargs  # noqa: SLF001
    if not isinstance(function, Dispatcher):
        return None
    facts = CheckFacts(function.__name__, settings, ignore_na=bool(check.ignore_na))
    return facts if is_known(facts) else None


def _row_facts(check: Check) -> CheckFacts | None:
    """Return a check of whole rows that says which expression it is."""
    settings = check.statistics or {}
    if not isinstance(settings.get("expression"), pl.Expr):
        return None
    return CheckFacts("expression", settings, ignore_na=bool(check.ignore_na))
