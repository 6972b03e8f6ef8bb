"""Whether an expression makes each value of its own row alone.

An expression sees one batch at a time: what looks at other rows depends on how many
of them are in the batch.
"""

from __future__ import annotations

import io
import json
import warnings

import polars as pl

from propload.errors import ConfigError

#: Rows that an expression is tried with: functions of the user's own may take long.
PROBED_ROWS = 100


def refuse_across(target: str, made: pl.Expr, /) -> None:
    """Refuse an expression whose form tells that it looks at other rows.

    Args:
        target: The column that it makes.
        made: The expression.

    Raises:
        ConfigError: It does.
    """
    found = _across(_of_columns(made))
    if found is not None:
        raise _guesses(target) if _is_guess(found) else _looks_across(target)


def refuse_batchwise(target: str, made: pl.Expr, rows: pl.DataFrame, /) -> None:
    """Refuse an expression that makes other values of the halves of some rows.

    Args:
        target: The column that it makes.
        made: The expression.
        rows: Raw rows; the first of them are looked at.

    Raises:
        ConfigError: It does.
    """
    some = rows.head(PROBED_ROWS)
    if some.height == 1:
        some = pl.concat([some, some])
    try:
        if not _differs(some, target, made):
            return
    except Exception:  # noqa: BLE001 - the user's own too; told where all are mapped
        return
    raise _looks_across(target)


def _differs(rows: pl.DataFrame, target: str, made: pl.Expr) -> bool:
    """Return whether rows have other values than their halves."""
    middle = rows.height // 2
    whole = _values(rows, target, made)
    for half in (slice(0, middle), slice(middle, None)):
        if not whole[half].equals(_values(rows[half], target, made)):
            # what differs from one time to the next (a random number) tells nothing
            return whole.equals(_values(rows, target, made))
    return False


def _looks_across(target: str) -> ConfigError:
    msg = (
        f"column {target}: its expression looks at other rows, as sums, ranks, shifts, "
        "row numbers and windows do. Expressions see one batch at a time and must look "
        "at one row only, or their values would depend on the size of the batch: make "
        "such a column before loading, or in a view of the table"
    )
    return ConfigError(msg)


def _guesses(target: str) -> ConfigError:
    msg = (
        f"column {target}: its expression reads dates or times without a format, which "
        "Polars then finds in the first of each batch: give a format, as in "
        'str.to_datetime("%d-%m-%Y %H:%M"), or make the column by a rule with '
        'parse = "timestamp" (or "date")'
    )
    return ConfigError(msg)


def _values(rows: pl.DataFrame, target: str, made: pl.Expr) -> pl.Series:
    return rows.with_columns(made.alias(target)).get_column(target)


def _across(node: pl.Expr) -> pl.Expr | None:
    """Return the part of an expression that looks at other rows, or None.

    Polars takes a whole for separable where such a part gives one value, so that each
    is asked for.
    """
    parts = node.meta.pop()
    if _has_own_length(node, parts):
        parts = [part for part in parts if part.meta.root_names()]
    for part in parts:
        found = _across(part)
        if found is not None:
            return found
    if node.meta.eq(pl.len()):
        return node
    is_itself = _mixes(node) and not any(map(_mixes, parts))
    # a fold's function may do anything: the first rows tell
    return node if is_itself and _form(node) is not None else None


def _mixes(node: pl.Expr) -> bool:
    """Return what Polars knows; of functions of the user's own it knows nothing."""
    try:
        return bool(node.meta.root_names()) and not node.meta.is_row_separable()
    except pl.exceptions.PolarsError:
        return False


def _has_own_length(node: pl.Expr, parts: list[pl.Expr]) -> bool:
    """Return whether `pl.len()` in a node says how often, or how long a list is."""
    if len(parts) != 2:
        return False
    inner, outer = parts
    known = (
        pl.repeat(outer, pl.len()),
        outer.list.eval(inner),
        outer.list.agg(inner),
        outer.arr.eval(inner),
        outer.arr.agg(inner),
    )
    return any(node.meta.eq(one) for one in known)


def _is_guess(node: pl.Expr) -> bool:
    """Return whether a node reads moments of a format that the first of them tells."""
    parts = node.meta.pop()
    return bool(parts) and str(node).startswith(f"{parts[-1]}.str.strptime(")


def _of_columns(made: pl.Expr) -> pl.Expr:
    """Return an expression with columns for selectors and fields of structs.

    Polars knows nothing of what is made of those.
    """
    form = _form(made)
    if form is None:
        return made
    plain = io.StringIO(json.dumps(_with_columns(form)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pl.Expr.deserialize(plain, format="json")
    except (pl.exceptions.PolarsError, ValueError):
        return made


def _with_columns(form: object) -> object:
    if isinstance(form, list):
        return [_with_columns(one) for one in form]
    if not isinstance(form, dict):
        return form
    if form.keys() in ({"Selector"}, {"Field"}):
        return {"Column": "any"}
    return {name: _with_columns(one) for name, one in form.items()}


def _form(made: pl.Expr) -> object:
    """Return an expression as plain values; None of one that holds a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return json.loads(made.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ValueError):
        return None
