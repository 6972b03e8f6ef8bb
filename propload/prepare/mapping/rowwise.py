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
#: In Polars' own form of an expression: what makes one value of several rows.
_ACROSS = frozenset({"Agg", "Over", "Rolling"})
#: What reads rows, and how many there are.
_READING = frozenset({"Column", "Selector", "Field"})
_NUMBER_OF_ROWS = "Len"
#: What Polars takes for one that looks at other rows, though it hardly does: a format
#: that is found by looking at texts, and a constant.
_HARMLESS = frozenset({"Strptime", "Repeat"})


def refuse_across(target: str, made: pl.Expr, /) -> None:
    """Refuse an expression whose form tells that it looks at other rows.

    Args:
        target: The column that it makes.
        made: The expression.

    Raises:
        ConfigError: It does.
    """
    form = _form(made)
    if _finds(form, _ACROSS, reading=True) or _has_function_across(form):
        raise _looks_across(target)
    if _is_separable(made) or form is None or _finds(form, _HARMLESS):
        return
    if _reads(form):
        raise _looks_across(target)


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
        if not _same(whole[half], _values(rows[half], target, made)):
            # what differs from one time to the next (a random number) tells nothing
            return _same(whole, _values(rows, target, made))
    return False


def _looks_across(target: str) -> ConfigError:
    msg = (
        f"column {target}: its expression looks at other rows, as sums, ranks, shifts, "
        "row numbers and windows do. Expressions see one batch at a time and must look "
        "at one row only, or their values would depend on the size of the batch: make "
        "such a column before loading, or in a view of the table"
    )
    return ConfigError(msg)


def _values(rows: pl.DataFrame, target: str, made: pl.Expr) -> pl.Series:
    return rows.with_columns(made.alias(target)).get_column(target)


def _same(one: pl.Series, other: pl.Series) -> bool:
    return one.equals(other, null_equal=True)


def _is_separable(made: pl.Expr) -> bool:
    """Return what Polars knows; of functions of the user's own it knows nothing."""
    try:
        return made.meta.is_row_separable()
    except pl.exceptions.PolarsError:
        return True


def _is_node_separable(form: object) -> bool:
    """Return what Polars knows of a part of an expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            part = pl.Expr.deserialize(io.StringIO(json.dumps(form)), format="json")
    except pl.exceptions.PolarsError:
        return True
    return _is_separable(part)


def _form(made: pl.Expr) -> object:
    """Return an expression as plain values; None of one that holds a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return json.loads(made.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ValueError):
        return None


def _has_function_across(form: object) -> bool:
    """Return whether a form holds a function that looks at other rows.

    Polars takes a whole for separable where such a function gives one value.
    """
    if isinstance(form, list):
        return any(map(_has_function_across, form))
    if not isinstance(form, dict):
        return False
    function = form.get("Function")
    if isinstance(function, dict) and _reads(form):
        harmless = _finds(function.get("function"), _HARMLESS)
        if not harmless and not _is_node_separable(form):
            return True
    return any(_has_function_across(_within(*each)) for each in form.items())


def _finds(form: object, names: frozenset[str], *, reading: bool = False) -> bool:
    """Return whether a form holds one of some nodes, with `reading` one of rows."""
    if isinstance(form, str):
        return form in names
    if isinstance(form, list):
        return any(_finds(one, names, reading=reading) for one in form)
    if not isinstance(form, dict):
        return False
    return any(
        (name in names and (not reading or _reads(within)))
        or _finds(_within(name, within), names, reading=reading)
        for name, within in form.items()
    )


def _reads(form: object) -> bool:
    return _finds(form, _READING | {_NUMBER_OF_ROWS})


def _within(name: str, form: object) -> object:
    """Return what is looked at in a node: no values, and no elements of lists."""
    if name in ("Literal", "Column"):
        return None
    if name == "Eval" and isinstance(form, dict):
        return form.get("expr")
    return form
