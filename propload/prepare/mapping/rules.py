"""What makes one column of a target: a rule, a constant or an expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from propload.prepare.parsers import Parser, make_parser


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column of the target is made of columns of the source.

    Attributes:
        sources: Names of the source's columns; the first one present is used.
        parser: How its texts are read.
        null_words: Texts that mean null; case and space around do not count.
        path: Where the value lies within an object or list; None for all of it.
        pattern: A regular expression; its first group, or else the whole match,
            is what is parsed. A text without a match has no value.
        default: The value where there is none.
        unparsed: Whether a text that cannot be read refuses its row or is null.
        each: Whether each row uses the first of the columns that is not null in
            it, not only the first one present.
        required: Whether a source without any of the columns is refused.
    """

    sources: tuple[str, ...]
    parser: Parser = field(default_factory=lambda: make_parser("text"))
    null_words: tuple[str, ...] = ()
    path: str | None = None
    pattern: str | None = None
    default: object = None
    unparsed: Literal["refuse", "null"] = "refuse"
    each: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A column of one value.

    Attributes:
        value: The value, or `as_of` or `source` where `from_context` is set.
        from_context: Whether the value is taken from the `MapContext`.
    """

    value: object
    from_context: bool = False


#: What makes a column: a rule, one value, or an expression over the raw columns.
Column = Rule | Constant | pl.Expr
