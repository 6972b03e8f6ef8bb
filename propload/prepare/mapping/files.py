"""Mappings from names, files and tables of TOML."""

from __future__ import annotations

import re
from collections import abc
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from propload.batch import ROW
from propload.errors import ConfigError
from propload.messages.suggestions import SLIP, nearest, suggest
from propload.names.registry import find_object
from propload.prepare.mapping.column_mapping import Mapping
from propload.prepare.mapping.nested import read_path
from propload.prepare.mapping.rowwise import refuse_cross_row
from propload.prepare.mapping.rules import Column, Constant, Rule
from propload.prepare.parsers import PARSERS, make_parser, settings_of
from propload.prepare.parsers.words import as_words, fold_word, values_by_word
from propload.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.prepare.mapping.column_mapping import RowMapping
    from propload.prepare.parsers import Parser

_FILE_KEYS = ("columns", "null_words", "keep_others", "name")
_RULE_KEYS = (
    "from",
    "parse",
    "null_words",
    "path",
    "pattern",
    "default",
    "unparsed",
    "each",
    "required",
)
_CONTEXT_VALUES = ("as_of", "source")
_NUMBERS = (int, float, Decimal)
_DEFINITION_KEYS = frozenset({*_RULE_KEYS, "constant", "context"})


def load_mapping(spec: object, /) -> RowMapping:
    """Return a mapping.

    Args:
        spec: A TOML file, a registered name, `module:NAME`, a mapping, or a dict: of
            a mapping file's content, or of columns with rules or expressions.

    Raises:
        ConfigError: There is no such mapping, or a rule of it is wrong.
    """
    if isinstance(spec, Path) or (isinstance(spec, str) and spec.endswith(".toml")):
        return _from_file(Path(spec))
    if isinstance(spec, str):
        mapping = find_object(spec, group="propload.mappings", kind="mapping")
        return load_mapping(mapping)
    if isinstance(spec, abc.Mapping):
        # one of a configuration file knows where it stands
        name = str(getattr(spec, "name", "mapping"))
        return make_mapping(cast("abc.Mapping[str, object]", spec), name=name)
    if callable(getattr(spec, "apply", None)):
        return cast("RowMapping", spec)
    msg = f"{spec!r} is not a mapping: give a file, a name or a dict of columns"
    raise ConfigError(msg)


def _from_file(path: Path) -> Mapping:
    content = read_toml(path, name=f"mapping {path}")
    name = f"mapping {path.name}"
    if not isinstance(content.get("columns"), dict) and _lacks_columns(content):
        msg = f"{name} has no table [columns]: write the columns of the target below it"
        raise ConfigError(msg)
    return make_mapping(content, name=name)


def _lacks_columns(content: abc.Mapping[str, object]) -> bool:
    """Whether [columns] is missing, or misspelt, in a file that is not all columns.

    A file in which every key is a column of the target needs no such table.
    """
    tables = (key for key, value in content.items() if isinstance(value, dict))
    misspelt = any(nearest(key, ["columns"], cutoff=SLIP) for key in tables)
    return misspelt or not content.keys().isdisjoint(_FILE_KEYS[:-1])


def make_mapping(
    content: abc.Mapping[str, object], /, *, name: str = "mapping"
) -> Mapping:
    """Return the mapping of a mapping file's content, or of a dict of columns.

    Args:
        content: Columns, or `columns` and the other keys of a mapping.
        name: What messages call it, unless the content says so beside `columns`.

    Raises:
        ConfigError: A key is not known, or its value not usable.
    """
    if not isinstance(content.get("columns"), abc.Mapping):
        _refuse_misspelt(content, name)
        # all keys are columns, even one that is called `name`
        content = {"columns": dict(content)}
    name = str(content.get("name", name))
    with _error_context(name):
        for key in content:
            if key not in _FILE_KEYS:
                msg = f"key {key!r} is not known{suggest(key, _FILE_KEYS, listed=True)}"
                raise ConfigError(msg)
        columns = cast("abc.Mapping[str, object]", content["columns"])
        if not columns:
            msg = "it has no columns"
            raise ConfigError(msg)
        null_words = as_words("null_words", content.get("null_words", ()))
        keep_others = _flag("keep_others", content.get("keep_others", False))
    made: dict[str, Column] = {}
    for target, written in columns.items():
        with _error_context(f"{name}, column {target}"):
            _check_target_name(target)
            made[target] = _column(target, written)
            _check_null_words(made[target], null_words)
    return Mapping(made, null_words=null_words, keep_others=keep_others, name=name)


def _refuse_misspelt(content: abc.Mapping[str, object], name: str) -> None:
    """Refuse a table that is no rule and nearly called `columns`.

    Raises:
        ConfigError: There is one.
    """
    for key, value in content.items():
        # whether the key is a text is checked with the columns
        is_near = nearest(str(key), ["columns"], cutoff=SLIP) is not None
        if (
            is_near
            and isinstance(value, abc.Mapping)
            and _DEFINITION_KEYS.isdisjoint(value)
        ):
            msg = f"{name}: key {key!r} is not known; did you mean 'columns'?"
            raise ConfigError(msg)


@contextmanager
def _error_context(place: str) -> Iterator[None]:
    """Put the place in front of the mistakes that are found meanwhile."""
    try:
        yield
    except ConfigError as error:
        msg = f"{place}: {error}"
        raise ConfigError(msg) from error


def _check_target_name(target: object) -> None:
    if not isinstance(target, str):
        msg = f"the name {target!r} is not a text: write it as one"
        raise ConfigError(msg)
    if target == ROW or not target or re.fullmatch(r"\*|\^.*\$", target):
        msg = (
            f"the name {target!r} is reserved by propload, empty or a pattern of "
            "columns (`*`, `^...$`): use another name"
        )
        raise ConfigError(msg)


def _column(target: str, written: object) -> Column:
    """Return what makes a column, from how it is written.

    Raises:
        ConfigError: It is not usable.
    """
    if isinstance(written, pl.Expr):
        refuse_cross_row(written)
    if isinstance(written, (Rule, Constant, pl.Expr)):
        return written
    if isinstance(written, (str, list, tuple)):
        return Rule(_sources(written))
    if isinstance(written, abc.Mapping):
        return _rule(target, dict(written))
    msg = f"{written!r} is neither a name nor a rule"
    raise ConfigError(msg)


# Any: what TOML holds; each value is checked where it is used.
def _rule(target: str, written: dict[str, Any]) -> Column:
    if "constant" in written:
        _refuse_other_keys(written, ("constant",))
        return Constant(written["constant"])
    if written.get("context") is not None:
        _refuse_other_keys(written, ("context",))
        if written["context"] not in _CONTEXT_VALUES:
            msg = f"context {written['context']!r} is not known: give as_of or source"
            raise ConfigError(msg)
        return Constant(written["context"], from_context=True)
    rule_keys = {key: written[key] for key in _RULE_KEYS if key in written}
    settings = {key: value for key, value in written.items() if key not in _RULE_KEYS}
    parse = rule_keys.get("parse", "text")
    if not isinstance(parse, str):
        msg = f"parse {parse!r} is not a parser's name; known are: {', '.join(PARSERS)}"
        raise ConfigError(msg)
    _check_keys(settings, parse)
    if parse == "one_of":
        settings["words"] = values_by_word(settings.get("words"))
    unparsed = rule_keys.get("unparsed", "refuse")
    if unparsed not in ("refuse", "null"):
        msg = f"unparsed {unparsed!r} is not known: give refuse or null"
        raise ConfigError(msg)
    parser = make_parser(parse, **settings)
    default = rule_keys.get("default")
    return Rule(
        sources=_sources(rule_keys.get("from", target)),
        parser=parser,
        null_words=as_words("null_words", rule_keys.get("null_words", ())),
        path=read_path(rule_keys.get("path")),
        pattern=_pattern(rule_keys.get("pattern")),
        default=None if default is None else _default(default, parser),
        unparsed=unparsed,
        each=_flag("each", rule_keys.get("each", False)),
        required=_flag("required", rule_keys.get("required", False)),
    )


def _refuse_other_keys(
    written: abc.Mapping[str, object], keys: tuple[str, ...]
) -> None:
    for key in written:
        if key not in keys:
            msg = f"{key!r} cannot be combined with {keys[0]!r}"
            raise ConfigError(msg)


def _check_keys(settings: abc.Mapping[str, object], parse: str) -> None:
    """Refuse keys that no rule has, and settings of other parsers.

    Raises:
        ConfigError: There are such keys.
    """
    parsers_by_setting = {
        setting: [name for name in PARSERS if setting in settings_of(name)]
        for setting in chain.from_iterable(map(settings_of, PARSERS))
    }
    known_keys = [*_RULE_KEYS, "constant", "context", *parsers_by_setting]
    for key in settings:
        if key not in parsers_by_setting:
            msg = f"key {key!r} is not known{suggest(key, known_keys, listed=True)}"
            raise ConfigError(msg)
    for key in settings:
        if parse in PARSERS and parse not in parsers_by_setting[key]:
            wanted = " or ".join(f'"{name}"' for name in parsers_by_setting[key])
            msg = (
                f'key {key!r} does not apply to parse = "{parse}": '
                f"give parse = {wanted}"
            )
            raise ConfigError(msg)


def _sources(written: object) -> tuple[str, ...]:
    names = as_words("from", written)
    if not names or not all(name.strip() for name in names):
        msg = (
            f"from {written!r} names no column: give a source column, "
            "or leave the column out of the mapping"
        )
        raise ConfigError(msg)
    return names


def _flag(key: str, written: object) -> bool:
    if not isinstance(written, bool):
        msg = f"{key} {written!r} is neither true nor false"
        raise ConfigError(msg)
    return written


def _check_null_words(column: Column, null_words: tuple[str, ...]) -> None:
    """Refuse words that are to mean null and something else.

    Raises:
        ConfigError: There is such a word.
    """
    if not isinstance(column, Rule):
        return
    folded = {fold_word(word) for word in (*null_words, *column.null_words)}
    for word in column.parser.words:
        if fold_word(word) in folded:
            msg = (
                f"word {word!r} is also in null_words, which take precedence: "
                "remove it from one of them"
            )
            raise ConfigError(msg)
        if not word.strip():
            msg = f"word {word!r} is empty, which means null: give default instead"
            raise ConfigError(msg)


def _pattern(written: object) -> str | None:
    if written is None:
        return None
    if not isinstance(written, str):
        msg = f"pattern {written!r} is not a text"
        raise ConfigError(msg)
    try:
        pl.Series([""]).str.contains(written)
    except pl.exceptions.ComputeError as error:
        msg = f"pattern {written!r} is not a regular expression: {error}"
        raise ConfigError(msg) from error
    return written


def _default(default: object, parser: Parser) -> object:
    """Return a default as the parser's own type holds it.

    Raises:
        ConfigError: The type cannot hold it exactly.
    """
    try:
        if isinstance(default, str):
            converted = pl.select(parser.parse(pl.lit(default)).cast(parser.dtype))
        else:
            converted = pl.select(pl.lit(default).cast(parser.dtype))
        value = converted.item()
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        value = None
    if value is None or not _is_same(default, value):
        msg = f"default {default!r} is not {parser.value}"
        raise ConfigError(msg)
    return value


def _is_same(default: object, value: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, (bool, str)) and isinstance(value, (bool, str))
    if isinstance(default, _NUMBERS) and not isinstance(value, str):
        # 0.1 means what is written; a date is no number of days
        is_number = isinstance(value, _NUMBERS)
        return is_number and Decimal(str(value)) == Decimal(str(default))
    return not isinstance(default, abc.Mapping)
