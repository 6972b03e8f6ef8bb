"""Learns from the first rows of a set of columns how all such rows are prepared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.batch import OWN_NAMES
from propload.errors import SchemaMismatchError
from propload.messages.wording import counted
from propload.names.type_names import type_name
from propload.pipeline.notes import with_source
from propload.prepare.mapping import MapContext
from propload.target import ColumnPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.mapping import UnmatchedColumns
    from propload.prepare.preparing import Preparer


def refuse_names(names: Sequence[str], /) -> None:
    """Raise if a column has a name reserved by propload, or one that is a pattern.

    Raises:
        SchemaMismatchError: There are such columns.
    """
    reserved = [name for name in names if name in OWN_NAMES]
    if reserved:
        msg = (
            f"column {', '.join(reserved)} has a name reserved by propload: leave it "
            "out (like those of report.rejects that begin with propload_), or rename "
            "it in the source or in the mapping"
        )
        raise SchemaMismatchError(msg)
    patterns = [
        name
        for name in names
        if name == "*" or (name.startswith("^") and name.endswith("$"))
    ]
    if patterns:
        shown = ", ".join(map(repr, patterns))
        msg = (
            f"column {shown} looks like a pattern of columns (`*`, `^...$`): give it "
            "another name in the source"
        )
        raise SchemaMismatchError(msg)


def has_columns(joined: Joined, /) -> bool:
    """Return whether rows have columns; if no row could be read, they have none.

    Raises:
        SchemaMismatchError: There are rows without any columns.
    """
    has_any = bool(joined.parts[0].rows.num_columns)
    if joined.height and not has_any:
        msg = (
            f"{counted(joined.height, 'row has', 'rows have')} no columns: choose "
            "those to load in the source"
        )
        raise SchemaMismatchError(with_source(msg, joined))
    return has_any


def with_context(preparer: Preparer, joined: Joined) -> Preparer:
    """Return the preparer with the context of these rows: source, `as_of`, numbers."""
    if preparer.mapping is None:
        return preparer
    run_context = preparer.context
    as_of = run_context.as_of or joined.as_of
    context = MapContext(as_of, joined.parts[0].source, joined.numbers())
    return replace(preparer, context=context)


def fit_rows(
    preparer: Preparer,
    joined: Joined,
    facts: TableFacts | None,
    /,
    *,
    lenient: bool,
) -> Preparer:
    """Return the preparer for rows with these columns.

    Types are inferred from the source's own first batch, so that they do not depend on
    how many rows are joined.

    Args:
        preparer: How rows are mapped and checked.
        joined: The first rows with these columns.
        facts: The table, or None if it is to be created.
        lenient: Whether rows may lack columns of the key, or `newest`.

    Raises:
        ConfigError: The rows lack a column of the key, or `newest`.
        SchemaMismatchError: A column has a name that is not allowed.
    """
    first = joined.first
    refuse_names(first.parts[0].rows.schema.names)
    fitted = with_context(preparer, joined).fit(
        first.raw(),
        untyped=joined.untyped,
        stored=[column.name for column in facts.columns] if facts else [],
        declared=first.parts[0].created_as,
        numbers=first.numbers() if joined.untyped else None,
        lenient=lenient,
    )
    refuse_names(fitted.schema.names())
    return fitted


def note_unmatched(unmatched: UnmatchedColumns, joined: Joined, /) -> None:
    """Note the columns and paths of a mapping that some rows do not have."""
    first = joined.parts[0]
    unmatched.record(first.rows.schema.names, first.source, fixed=joined.untyped)
    unmatched.record_paths(joined.first.raw(), first.source)


def without_casts(fitted: Preparer) -> Preparer:
    """Return the preparer with a plan that casts no column."""
    plan = (ColumnPlan(n, t, "copy", type_name(t)) for n, t in fitted.schema.items())
    return fitted.with_plan(tuple(plan))
