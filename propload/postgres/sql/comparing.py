"""SQL conditions that compare two rows with the same key, and decide which one wins.

`new` is the incoming row, `old` the row that has its key already; each is a `Side`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload.postgres.sql.shape import ColumnShape, Shape, Side

_EXACT = {
    "value": "{}",
    # a collation may treat different texts as equal; COLLATE "C" compares the bytes
    "bytes": '{} COLLATE "C"',
    "text": '{}::text COLLATE "C"',
    "form": '{}::text COLLATE "C"',
}


def differs(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that the rows differ in a column that an UPDATE may set."""
    return _any(shape, lambda c: f"{_exact(c, new)} IS DISTINCT FROM {_exact(c, old)}")


def has_new_value(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that any non-null value of `new` differs from `old`'s."""
    return _any(
        shape,
        lambda c: (
            f"({_is_set(c, new)} AND "
            f"{_exact(c, new)} IS DISTINCT FROM {_exact(c, old)})"
        ),
    )


def old_wins(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that `old` is kept, given that `new` differs from it.

    Of two versions of the same age the greater one wins, whichever arrives first.
    """
    if shape.newest is None:
        return "false"
    return (
        f"({is_older(shape, new, old)} OR ({is_same_age(shape, new, old)} AND "
        f"{_rank(shape, new)} <= {_rank(shape, old)}))"
    )


def fold_changes_old(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that folding `new` into `old` changes `old`.

    It presupposes that `has_new_value` is true.
    """
    if shape.newest is None:
        return "true"
    fills = _any(shape, lambda c: f"(NOT {_is_set(c, old)} AND {_is_set(c, new)})")
    greater = _any(
        shape,
        lambda c: (
            f"({_is_set(c, new)} AND "
            f"(NOT {_is_set(c, old)} OR {_greater(c, new, old)}))"
        ),
    )
    return (
        f"CASE WHEN {_is_newer(shape, new, old)} THEN true "
        f"WHEN {is_older(shape, new, old)} THEN {fills} "
        f"WHEN {is_same_age(shape, new, old)} THEN {greater} ELSE true END"
    )


def folded_value(shape: Shape, column: ColumnShape, new: Side, old: Side) -> str:
    """Return the expression of a column's value after folding `new` into `old`.

    A null never replaces a value. Of two values of the same age the greater one is
    kept, column by column, so that the order in which rows arrive does not matter.
    """
    new_or_old = f"coalesce({new(column)}, {old(column)})"
    if shape.newest is None:
        return new_or_old
    return (
        f"CASE WHEN {_is_newer(shape, new, old)} THEN {new_or_old} "
        f"WHEN {is_older(shape, new, old)} "
        f"THEN coalesce({old(column)}, {new(column)}) "
        f"WHEN {is_same_age(shape, new, old)} AND {_is_set(column, old)} "
        f"AND {_greater(column, new, old)} IS NOT TRUE THEN {old(column)} "
        f"ELSE {new_or_old} END"
    )


def _is_newer(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that both ages are known and `new` is the newer version.

    It is true of nearly all rows that change and costs a single comparison, so it is
    tested first, for each column.
    """
    new_age, old_age = _ages(shape, new, old)
    return f"{new_age} > {old_age}"


def is_older(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that `new` is the older version; it is never null."""
    new_age, old_age = _ages(shape, new, old)
    return f"({old_age} IS NOT NULL AND ({new_age} IS NULL OR {new_age} < {old_age}))"


def is_same_age(shape: Shape, new: Side, old: Side) -> str:
    """Return the condition that both versions have the same age."""
    new_age, old_age = _ages(shape, new, old)
    return f"{new_age} IS NOT DISTINCT FROM {old_age}"


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


def _is_set(column: ColumnShape, side: Side) -> str:
    """Return the condition that a value is not null; fields of a composite may be."""
    # a composite with some null fields is neither IS NULL nor IS NOT NULL
    return f"({side(column)} IS DISTINCT FROM NULL)"


def _exact(column: ColumnShape, side: Side) -> str:
    return _EXACT[column.compare].format(side(column))


def _any(shape: Shape, condition: Callable[[ColumnShape], str]) -> str:
    conditions = [condition(column) for column in shape.values if column.settable]
    return "(" + " OR ".join(conditions) + ")" if conditions else "false"
