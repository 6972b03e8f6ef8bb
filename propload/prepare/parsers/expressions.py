"""Requires that parsers get expressions, and not names of columns or values."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import polars as pl

from propload.errors import ConfigError
from propload.messages.wording import with_article

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")


def requires_expression(
    parse: Callable[Concatenate[pl.Expr, P], pl.Expr], /
) -> Callable[Concatenate[pl.Expr, P], pl.Expr]:
    """Return a parser that refuses what is no expression of Polars."""

    @wraps(parse)
    def checked(text: pl.Expr, /, *args: P.args, **settings: P.kwargs) -> pl.Expr:
        _require_expression(parse.__name__, text)
        return parse(text, *args, **settings)

    return checked


def _require_expression(parser: str, value: object) -> None:
    if not isinstance(value, pl.Expr):
        kind = with_article(type(value).__name__)
        msg = f"{parser}: {kind} is not an expression: pass one, such as pl.col(COLUMN)"
        raise ConfigError(msg)
