"""Whether an expression makes each value from its own row alone.

An expression sees one batch at a time: if it looks at other rows, its values depend on
how many of them are in the batch.
"""

from __future__ import annotations

import io
import json
import warnings

import polars as pl

from propload.errors import ConfigError

#: An expression is tried on so many rows: a function of the user's may be slow.
PROBED_ROWS = 100
_LOOKS_ACROSS = (
    "its expression looks at other rows, as sums, ranks, shifts, row numbers and "
    "windows do. Expressions see one batch at a time and must look at one row only, or "
    "their values would depend on the size of the batch: compute such a column before "
    "loading, or in a view of the table"
)
_GUESSES = (
    "its expression reads dates or times without a format, which Polars then guesses "
    "from the first of each batch: give a format, as in "
    'str.to_datetime("%d-%m-%Y %H:%M"), or make the column by a rule with '
    'parse = "timestamp" (or "date")'
)


def refuse_across(made: pl.Expr, /) -> None:
    """Refuse an expression whose form shows that it looks at other rows.

    Args:
        made: The expression.

    Raises:
        ConfigError: It does. The caller says of which column.
    """
    found = _across(_of_columns(made))
    if found is not None:
        raise ConfigError(_GUESSES if _is_guess(found) else _LOOKS_ACROSS)


def refuse_batchwise(target: str, made: pl.Expr, rows: pl.DataFrame, /) -> None:
    """Refuse an expression whose values change when the rows come in two halves.

    Args:
        target: The column that it makes.
        made: The expression.
        rows: Raw rows, of which the first are used.

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
    msg = f"column {target}: {_LOOKS_ACROSS}"
    raise ConfigError(msg)


def _differs(rows: pl.DataFrame, target: str, made: pl.Expr) -> bool:
    """Return whether the values of rows differ from those of their two halves."""
    middle = rows.height // 2
    whole = _values(rows, target, made)
    for half in (slice(0, middle), slice(middle, None)):
        if not whole[half].equals(_values(rows[half], target, made)):
            # what differs every time anyway (a random number) proves nothing
            return whole.equals(_values(rows, target, made))
    return False


def _values(rows: pl.DataFrame, target: str, made: pl.Expr) -> pl.Series:
    return rows.with_columns(made.alias(target)).get_column(target)


def _across(node: pl.Expr) -> pl.Expr | None:
    """Return the part of an expression that looks at other rows, or None.

    Polars calls the whole separable if such a part gives a single value, so each part
    is asked about.
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
    # the function of a fold may do anything: trying it on rows will tell
    return node if is_itself and _form(node) is not None else None


def _mixes(node: pl.Expr) -> bool:
    """Return what Polars knows of a node; it knows nothing of a user's functions."""
    try:
        return bool(node.meta.root_names()) and not node.meta.is_row_separable()
    except pl.exceptions.PolarsError:
        return False


def _has_own_length(node: pl.Expr, parts: list[pl.Expr]) -> bool:
    """Return whether `pl.len()` in a node is a count of repeats or a list's length."""
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
    """Return whether a node reads moments whose format is guessed from the first."""
    parts = node.meta.pop()
    return bool(parts) and str(node).startswith(f"{parts[-1]}.str.strptime(")


def _of_columns(made: pl.Expr) -> pl.Expr:
    """Return an expression with columns for selectors and fields of structs.

    Polars cannot tell what is made from those.
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
