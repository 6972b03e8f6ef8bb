"""Parsers: texts of pages and files as values, whole columns at once.

Each takes an expression of texts and returns one of values, null where a text is
none. `make_parser` finds one by its name in a mapping file.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from propload.errors import ConfigError
from propload.messages.suggestions import suggest
from propload.messages.wording import with_article
from propload.prepare.parsers.dates import in_utc, parse_date, parse_timestamp
from propload.prepare.parsers.money_scale import MONEY_DIGITS, money_scale
from propload.prepare.parsers.numbers import (
    as_number,
    in_square_metres,
    parse_area,
    parse_integer,
    parse_money,
    parse_number,
)
from propload.prepare.parsers.words import (
    parse_boolean,
    parse_json,
    parse_one_of,
    parse_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Parser",
    "make_parser",
    "parse_area",
    "parse_boolean",
    "parse_date",
    "parse_integer",
    "parse_json",
    "parse_money",
    "parse_number",
    "parse_one_of",
    "parse_text",
    "parse_timestamp",
]


@dataclass(frozen=True, slots=True)
class Parser:
    """One way to read texts.

    Attributes:
        name: What reasons call it.
        dtype: The type of what it returns.
        parse: From texts to values, null where a text is none.
        convert_typed: From values of a given type other than text to values in the
            parser's unit or time zone; None leaves them as they are.
        words: Words that a setting gives a meaning.
        write_number: From numbers as texts, with a point, to texts that it reads as
            these numbers; None where it reads no numbers.
    """

    name: str
    dtype: pl.DataType
    parse: Callable[[pl.Expr], pl.Expr]
    convert_typed: Callable[[pl.Expr, pl.DataType], pl.Expr] | None = None
    words: tuple[str, ...] = ()
    write_number: Callable[[pl.Expr], pl.Expr] | None = None

    @property
    def value(self) -> str:
        """What messages call one of its values: `an integer`."""
        return _VALUES.get(self.name, with_article(self.name))


#: Parsers whose name with an article does not say what their values are.
_VALUES = {
    "money": "an amount of money",
    "json": "JSON",
    "one_of": "one of the words of one_of",
}

#: Parsers by their names in mapping files, with the types of their values.
PARSERS: Mapping[str, tuple[Callable[..., pl.Expr], pl.DataType]] = {
    "text": (parse_text, pl.String()),
    "integer": (parse_integer, pl.Int64()),
    "number": (parse_number, pl.Float64()),
    "money": (parse_money, pl.Decimal(MONEY_DIGITS, 2)),
    "area": (parse_area, pl.Float64()),
    "boolean": (parse_boolean, pl.Boolean()),
    "date": (parse_date, pl.Date()),
    "timestamp": (parse_timestamp, pl.Datetime("us", "UTC")),
    "json": (parse_json, pl.String()),
    "one_of": (parse_one_of, pl.String()),
}


# Any: settings come from TOML; what each parser makes of them is tried at once.
def make_parser(name: str, /, **settings: Any) -> Parser:
    """Return a parser by its name.

    Args:
        name: text, integer, number, money, area, boolean, date, timestamp, json or
            one_of.
        settings: The parser's keywords, such as `decimal=","` or `locale="nl"`.

    Raises:
        ConfigError: There is no such parser or setting, or a setting's value is
            not usable.
    """
    if name not in PARSERS:
        msg = f"parser {name!r} is not known{suggest(name, PARSERS, listed=True)}"
        raise ConfigError(msg)
    function, dtype = PARSERS[name]
    names = settings_of(name)
    for setting in settings:
        if setting not in names:
            hint = suggest(setting, names, listed=True)
            msg = f"parser {name} has no setting {setting!r}{hint}"
            raise ConfigError(msg)
    if not isinstance(settings.get("otherwise", ""), str):
        msg = f"otherwise {settings['otherwise']!r} is not a text"
        raise ConfigError(msg)
    if name == "money":
        dtype = pl.Decimal(MONEY_DIGITS, money_scale(settings.get("scale", 2)))
    parse = partial(function, **settings)
    _try(name, parse)
    write_number = None
    if "decimal" in names:
        # it reads numbers
        write_number = partial(as_number, decimal=settings.get("decimal"))
    words = _words_with_meaning(settings)
    return Parser(name, dtype, parse, _unit_conversion(settings), words, write_number)


@cache
def settings_of(name: str, /) -> tuple[str, ...]:
    """Return the names of a parser's settings."""
    parameters = inspect.signature(PARSERS[name][0]).parameters
    return tuple(
        setting
        for setting, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )


def _words_with_meaning(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words that settings, which are usable, give a meaning."""
    lists = (settings.get(name, ()) for name in ("words", "true", "false"))
    words_of_settings = (
        (words,) if isinstance(words, str) else words for words in lists
    )
    return tuple(chain.from_iterable(words_of_settings))


def _unit_conversion(
    settings: Mapping[str, Any],
) -> Callable[[pl.Expr, pl.DataType], pl.Expr] | None:
    """Return what the settings say of values that are no texts."""
    if "unit" in settings:
        return partial(in_square_metres, unit=settings["unit"])
    if "time_zone" in settings:
        return partial(in_utc, time_zone=settings["time_zone"])
    return None


def _try(name: str, parse: Callable[[pl.Expr], pl.Expr]) -> None:
    """Use a parser once, so that a wrong setting is told before a row is read."""
    try:
        pl.Series("text", ["1"]).to_frame().select(parse(pl.col("text")))
    except (pl.exceptions.PolarsError, TypeError, ValueError, AttributeError) as error:
        msg = f"a setting of parser {name} is not usable: {error}"
        raise ConfigError(msg) from error
