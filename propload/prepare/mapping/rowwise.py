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
_CROSS_ROW = (
    "its expression looks at other rows, as sums, ranks, shifts, row numbers and "
    "windows do. Expressions see one batch at a time and must look at one row only, or "
    "their values would depend on the size of the batch: compute such a column before "
    "loading, or in a view of the table"
)
_NO_FORMAT = (
    "its expression reads dates or times without a format, which Polars then guesses "
    "from the first of each batch: give a format, as in "
    'str.to_datetime("%d-%m-%Y %H:%M"), or make the column by a rule with '
    'parse = "timestamp" (or "date")'
)


def refuse_cross_row(expression: pl.Expr, /) -> None:
    """Refuse an expression whose form shows that it looks at other rows.

    Args:
        expression: The expression.

    Raises:
        ConfigError: It does. The caller says of which column.
    """
    part = _find_cross_row_part(_as_plain_columns(expression))
    if part is not None:
        raise ConfigError(_NO_FORMAT if _guesses_format(part) else _CROSS_ROW)


def refuse_batchwise(target: str, expression: pl.Expr, rows: pl.DataFrame, /) -> None:
    """Refuse an expression whose values change when the rows come in two halves.

    Args:
        target: The column that it makes.
        expression: The expression.
        rows: Raw rows, of which the first are used.

    Raises:
        ConfigError: It does.
    """
    sample = rows.head(PROBED_ROWS)
    if sample.height == 1:
        sample = pl.concat([sample, sample])
    try:
        if not _depends_on_batch(sample, target, expression):
            return
    except Exception:  # noqa: BLE001 - the user's own too; told where all are mapped
        return
    msg = f"column {target}: {_CROSS_ROW}"
    raise ConfigError(msg)


def _depends_on_batch(rows: pl.DataFrame, target: str, expression: pl.Expr) -> bool:
    """Return whether the values of rows differ from those of their two halves."""
    middle = rows.height // 2
    whole = _values(rows, target, expression)
    for half in (slice(0, middle), slice(middle, None)):
        if not whole[half].equals(_values(rows[half], target, expression)):
            # what differs every time anyway (a random number) proves nothing
            return whole.equals(_values(rows, target, expression))
    return False


def _values(rows: pl.DataFrame, target: str, expression: pl.Expr) -> pl.Series:
    return rows.with_columns(expression.alias(target)).get_column(target)


def _find_cross_row_part(node: pl.Expr) -> pl.Expr | None:
    """Return the part of an expression that looks at other rows, or None.

    Polars calls the whole separable if such a part gives a single value, so each part
    is asked about.
    """
    parts = node.meta.pop()
    if _has_own_length(node, parts):
        parts = [part for part in parts if part.meta.root_names()]
    for part in parts:
        found = _find_cross_row_part(part)
        if found is not None:
            return found
    if node.meta.eq(pl.len()):
        return node
    is_itself = _combines_rows(node) and not any(map(_combines_rows, parts))
    # the function of a fold may do anything: trying it on rows will tell
    return node if is_itself and _serialized(node) is not None else None


def _combines_rows(node: pl.Expr) -> bool:
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


def _guesses_format(node: pl.Expr) -> bool:
    """Return whether a node reads moments whose format is guessed from the first."""
    parts = node.meta.pop()
    return bool(parts) and str(node).startswith(f"{parts[-1]}.str.strptime(")


def _as_plain_columns(expression: pl.Expr) -> pl.Expr:
    """Return an expression with columns for selectors and fields of structs.

    Polars cannot tell what is made from those.
    """
    data = _serialized(expression)
    if data is None:
        return expression
    text = io.StringIO(json.dumps(_with_columns(data)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pl.Expr.deserialize(text, format="json")
    except (pl.exceptions.PolarsError, ValueError):
        return expression


def _with_columns(data: object) -> object:
    if isinstance(data, list):
        return [_with_columns(one) for one in data]
    if not isinstance(data, dict):
        return data
    if data.keys() in ({"Selector"}, {"Field"}):
        return {"Column": "any"}
    return {name: _with_columns(one) for name, one in data.items()}


def _serialized(expression: pl.Expr) -> object:
    """Return an expression as plain values; None of one that holds a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return json.loads(expression.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ValueError):
        return None
