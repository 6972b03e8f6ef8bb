"""How two rows of one key are told apart, and which of them wins.

`new` is the row that arrives, `old` the one it meets; each is a `Side`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.postgres.sql.shape import ColumnShape, Shape, Side

_EXACT = {
    "value": "{}",
    # a collation may hold unequal texts equal, bytes never do
    "bytes": '{} COLLATE "C"',
    "text": '{}::text COLLATE "C"',
    "form": '{}::text COLLATE "C"',
}


def differs(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that any column outside the key differs."""
    return _any(shape, lambda c: f"{_exact(c, new)} IS DISTINCT FROM {_exact(c, old)}")


def knows_other(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that `new` has a value that `old` has not."""
    return _any(
        shape,
        lambda c: (
            f"({_known(c, new)} AND {_exact(c, new)} IS DISTINCT FROM {_exact(c, old)})"
        ),
    )


def loses(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that `new`, which differs, is not the one to keep.

    Of two versions of one age the greater wins, whichever comes first.
    """
    if shape.newest is None:
        return "false"
    return (
        f"({is_older(shape, new, old)} OR ({is_as_old(shape, new, old)} AND "
        f"{_rank(shape, new)} <= {_rank(shape, old)}))"
    )


def outdoes(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that folding `new`, which knows other, changes `old`."""
    if shape.newest is None:
        return "true"
    fills = _any(shape, lambda c: f"(NOT {_known(c, old)} AND {_known(c, new)})")
    greater = _any(
        shape,
        lambda c: (
            f"({_known(c, new)} AND (NOT {_known(c, old)} OR {_greater(c, new, old)}))"
        ),
    )
    return (
        f"CASE WHEN {_is_newer(shape, new, old)} THEN true "
        f"WHEN {is_older(shape, new, old)} THEN {fills} "
        f"WHEN {is_as_old(shape, new, old)} THEN {greater} ELSE true END"
    )


def folded(shape: Shape, column: ColumnShape, new: Side, old: Side) -> str:
    """Return a column's value after `new` was folded into `old`.

    A null never hides a value; among values of one age the greater one stays,
    column by column, so that the order in which rows come does not matter.
    """
    fresh = f"coalesce({new(column)}, {old(column)})"
    if shape.newest is None:
        return fresh
    return (
        f"CASE WHEN {_is_newer(shape, new, old)} THEN {fresh} "
        f"WHEN {is_older(shape, new, old)} "
        f"THEN coalesce({old(column)}, {new(column)}) "
        f"WHEN {is_as_old(shape, new, old)} AND {_known(column, old)} "
        f"AND {_greater(column, new, old)} IS NOT TRUE THEN {old(column)} "
        f"ELSE {fresh} END"
    )


def _is_newer(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that both ages are known and `new` is the newer version.

    It holds for nearly all rows that change and costs one comparison, so it is
    asked first, column by column.
    """
    ours, theirs = _ages(shape, new, old)
    return f"{ours} > {theirs}"


def is_older(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition, never null, that `new` is the older version."""
    ours, theirs = _ages(shape, new, old)
    return f"({theirs} IS NOT NULL AND ({ours} IS NULL OR {ours} < {theirs}))"


def is_as_old(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that both versions have the same age."""
    ours, theirs = _ages(shape, new, old)
    return f"{ours} IS NOT DISTINCT FROM {theirs}"


def _ages(shape: Shape, new: Side, old: Side) -> tuple[str, str]:
    column = shape.column(shape.newest or "")
    if column.compare == "form":
        return new(column), old(column)
    return _exact(column, new), _exact(column, old)


def _greater(column: ColumnShape, new: Side, old: Side) -> str:
    return f"{_text(column, new)} > {_text(column, old)}"


def _rank(shape: Shape, side: Side) -> str:
    values = ", ".join(c.canonical.format(side(c)) for c in shape.values if c.settable)
    return f'(ROW({values})::text COLLATE "C")'


def _text(column: ColumnShape, side: Side) -> str:
    return f'({column.canonical.format(side(column))})::text COLLATE "C"'


def _known(column: ColumnShape, side: Side) -> str:
    """Return the condition that a side has a value; of a row, that of any field."""
    # a row with a null in it is neither NULL nor NOT NULL
    return f"({side(column)} IS DISTINCT FROM NULL)"


def _exact(column: ColumnShape, side: Side) -> str:
    return _EXACT[column.compare].format(side(column))


def _any(shape: Shape, condition: Callable[[ColumnShape], str]) -> str:
    conditions = [condition(column) for column in shape.values if column.settable]
    return "(" + " OR ".join(conditions) + ")" if conditions else "false"
