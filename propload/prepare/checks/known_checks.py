"""Which checks of a schema can be tested without pandera, and which cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from propload.prepare.checks.compiled_checks import (
    Acceptor,
    CheckFacts,
    ColumnFacts,
    RowCheck,
    is_known,
)
from propload.schemas.pandera_import import Dispatcher, pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pandera.api.checks import Check

Translated = TypeVar("Translated")


def compile_known(
    schema: pa.DataFrameSchema, /, *, fills: bool
) -> tuple[Acceptor | None, pa.DataFrameSchema | None]:
    """Return what accepts rows, and a schema of the checks that it does not know.

    Args:
        schema: The schema.
        fills: Whether pandera changes rows that pass, so that nothing else may accept
            them.
    """
    shaped = schema.strict or schema.ordered or schema.dtype is not None
    if fills or shaped or any(column.regex for column in schema.columns.values()):
        return None, None
    known: list[ColumnFacts] = []
    unknown: dict[str, pa.Column] = {}
    for name, column in schema.columns.items():
        facts, checks = _partition(column.checks, _column_check)
        dtype = None if column.dtype is None else exact_type(column.dtype)
        is_type_unknown = column.dtype is not None and dtype is None
        known.append(
            ColumnFacts(
                name, dtype, bool(column.nullable), bool(column.required), facts
            )
        )
        if checks or is_type_unknown:
            unknown[name] = pa.Column(
                column.dtype if is_type_unknown else None,
                checks,
                nullable=True,
                required=False,
            )
    row_checks, others = _partition(schema.checks, _row_check)
    acceptor = Acceptor(tuple(known), row_checks)
    if not unknown and not others:
        return acceptor, None
    return acceptor, pa.DataFrameSchema(unknown, checks=others, name=schema.name)


def _partition(
    checks: Iterable[Check], translate: Callable[[Check], Translated | None]
) -> tuple[tuple[Translated, ...], list[Check]]:
    """Return what is known of checks, and the checks that are not known."""
    known, unknown = [], []
    for check in checks:
        facts = translate(check)
        if facts is None:
            unknown.append(check)
        else:
            known.append(facts)
    return tuple(known), unknown


def _column_check(check: Check) -> CheckFacts | None:
    """Return a check as plain values; None where only pandera knows its meaning."""
    # nothing public marks a built-in check: name and statistics may be the user's own
    function, settings = check._check_fn, check._check_kwargs  # noqa: SLF001
    if not isinstance(function, Dispatcher):
        return None
    facts = CheckFacts(function.__name__, settings, ignore_na=bool(check.ignore_na))
    return facts if is_known(facts) else None


def _row_check(check: Check) -> RowCheck | None:
    """Return a check of whole rows that says which expression it is."""
    expression = (check.statistics or {}).get("expression")
    if not isinstance(expression, pl.Expr):
        return None
    return RowCheck(expression, ignore_na=bool(check.ignore_na))


def exact_type(dtype: Any, /) -> pl.DataType | None:
    """Return pandera's type as one of Polars; None where it is not an exact one."""
    polars_type = getattr(dtype, "type", None)
    if isinstance(polars_type, pl.DataType):
        return polars_type
    if not (isinstance(polars_type, type) and issubclass(polars_type, pl.DataType)):
        return None
    try:
        return polars_type()
    except TypeError:
        return None
