"""How rows of one set of columns are prepared: what their first rows tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propload.batch import OWN_NAMES
from propload.errors import SchemaMismatchError
from propload.messages.wording import counted
from propload.names.type_names import type_name
from propload.pipeline.notes import located
from propload.prepare.mapping import MapContext
from propload.target import ColumnPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.mapping import UnmatchedColumns
    from propload.prepare.preparing import Preparer


def refuse_names(names: Sequence[str], /) -> None:
    """Refuse columns whose names would name others: propload's own, or patterns.

    Raises:
        SchemaMismatchError: There are such columns.
    """
    own = [name for name in names if name in OWN_NAMES]
    if own:
        msg = (
            f"column {', '.join(own)} has a name reserved by propload: leave it out "
            "(like those of report.rejects that begin with propload_), or rename it in "
            "the source or in the mapping"
        )
        raise SchemaMismatchError(msg)
    found = [
        name
        for name in names
        if name == "*" or (name.startswith("^") and name.endswith("$"))
    ]
    if found:
        shown = ", ".join(map(repr, found))
        msg = (
            f"column {shown} looks like a pattern of columns (`*`, `^...$`): give it "
            "another name in the source"
        )
        raise SchemaMismatchError(msg)


def has_columns(joined: Joined, /) -> bool:
    """Return whether rows have columns: where none could be read, they have not.

    Raises:
        SchemaMismatchError: There are rows, and nothing in them.
    """
    found = bool(joined.parts[0].rows.num_columns)
    if joined.height and not found:
        msg = (
            f"{counted(joined.height, 'row has', 'rows have')} no columns: choose "
            "those to load in the source"
        )
        raise SchemaMismatchError(located(msg, joined))
    return found


def in_context(preparer: Preparer, joined: Joined) -> Preparer:
    """Return the preparer as it is for these rows: where they are from, and when."""
    if preparer.mapping is None:
        return preparer
    told = preparer.context
    as_of = told.as_of or joined.as_of
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
    """Return the preparer that knows the columns of rows like these.

    Types are guessed from the source's own first batch, so that they do not depend on
    how many rows are joined.

    Args:
        preparer: How rows are mapped and checked.
        joined: The first rows of these columns.
        facts: The table, or None where it is to be made.
        lenient: Whether rows without the key or `newest` are no mistake.

    Raises:
        ConfigError: The rows lack a column of the key, or `newest`.
        SchemaMismatchError: A column has a name that no column can have.
    """
    first = joined.first
    refuse_names(first.parts[0].rows.schema.names)
    fitted = in_context(preparer, joined).fit(
        first.raw(),
        untyped=joined.untyped,
        stored=[column.name for column in facts.columns] if facts else [],
        told=first.parts[0].created_as,
        numbers=first.numbers() if joined.untyped else None,
        lenient=lenient,
    )
    refuse_names(fitted.schema.names())
    return fitted


def note_unmatched(unmatched: UnmatchedColumns, joined: Joined, /) -> None:
    """Note what a mapping finds no column for among those of some rows."""
    first = joined.parts[0]
    unmatched.see(first.rows.schema.names, first.source, fixed=joined.untyped)


def without_casts(fitted: Preparer) -> Preparer:
    """Return the preparer with a plan that casts no column."""
    plan = (ColumnPlan(n, t, "copy", type_name(t)) for n, t in fitted.schema.items())
    return fitted.with_plan(tuple(plan))
