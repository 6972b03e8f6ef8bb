"""Mappings from names, files and tables of TOML."""

from __future__ import annotations

import tomllib
from collections import abc
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from propload.errors import ConfigError
from propload.prepare.mapping.rules import Column, Constant, Mapping, Rule
from propload.prepare.parsers import make_parser, near
from propload.registry import find_object

if TYPE_CHECKING:
    from propload.prepare.mapping.rules import RowMapping

_FILE_KEYS = ("columns", "null_words", "keep_others", "name")
_RULE_KEYS = (
    "from",
    "parse",
    "null_words",
    "pattern",
    "default",
    "unparsed",
    "each",
    "required",
)
_CONTEXT = ("as_of", "source")


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
        found = find_object(spec, group="propload.mappings", kind="mapping")
        return load_mapping(found)
    if isinstance(spec, abc.Mapping):
        return make_mapping(cast("abc.Mapping[str, object]", spec))
    if callable(getattr(spec, "apply", None)):
        return cast("RowMapping", spec)
    msg = f"mapping {spec!r} is none: give a file, a name or a dict of columns"
    raise ConfigError(msg)


def _from_file(path: Path) -> Mapping:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"mapping {path} cannot be read: {error.strerror or error}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"mapping {path} is not TOML: {error}"
        raise ConfigError(msg) from error
    return make_mapping(content, name=f"mapping {path.name}")


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
        # all of them are columns, also one that is called `name`
        content = {"columns": dict(content)}
    for key in content:
        if key not in _FILE_KEYS:
            msg = f"mapping: key {key!r} is not known{near(key, list(_FILE_KEYS))}"
            raise ConfigError(msg)
    columns = cast("abc.Mapping[str, object]", content["columns"])
    if not columns:
        msg = "mapping: there is no column in it"
        raise ConfigError(msg)
    return Mapping(
        {target: _column(target, one) for target, one in columns.items()},
        null_words=_words("null_words", content.get("null_words", ())),
        keep_others=_flag("keep_others", content.get("keep_others", False)),
        name=str(content.get("name", name)),
    )


def _column(target: str, written: object) -> Column:
    """Return what makes a column, of how it is written.

    Raises:
        ConfigError: It is not usable; the message names the column.
    """
    if isinstance(written, (Rule, Constant, pl.Expr)):
        return written
    try:
        if isinstance(written, (str, list, tuple)):
            return Rule(_words("from", written))
        if isinstance(written, abc.Mapping):
            return _rule(target, dict(written))
    except ConfigError as error:
        msg = f"mapping, column {target}: {error}"
        raise ConfigError(msg) from error
    msg = f"mapping, column {target}: {written!r} is neither a name nor a rule"
    raise ConfigError(msg)


# Any: what TOML holds; each value is checked where it is used.
def _rule(target: str, written: dict[str, Any]) -> Column:
    if "constant" in written:
        _only(written, ("constant",))
        return Constant(written["constant"])
    if written.get("context") is not None:
        _only(written, ("context",))
        if written["context"] not in _CONTEXT:
            msg = f"context {written['context']!r} is not known: give as_of or source"
            raise ConfigError(msg)
        return Constant(written["context"], from_context=True)
    known = {key: written[key] for key in _RULE_KEYS if key in written}
    settings = {key: value for key, value in written.items() if key not in _RULE_KEYS}
    if known.get("parse") == "one_of":
        settings["words"] = _by_word(settings.get("words"))
    unparsed = known.get("unparsed", "refuse")
    if unparsed not in ("refuse", "null"):
        msg = f"unparsed {unparsed!r} is not known: give refuse or null"
        raise ConfigError(msg)
    rule = Rule(
        sources=_words("from", known.get("from", target)),
        parser=make_parser(known.get("parse", "text"), **settings),
        null_words=_words("null_words", known.get("null_words", ())),
        pattern=_pattern(known.get("pattern")),
        default=known.get("default"),
        unparsed=unparsed,
        each=_flag("each", known.get("each", False)),
        required=_flag("required", known.get("required", False)),
    )
    _check_default(rule)
    return rule


def _only(written: abc.Mapping[str, object], keys: tuple[str, ...]) -> None:
    for key in written:
        if key not in keys:
            msg = f"{key!r} goes not together with {keys[0]!r}"
            raise ConfigError(msg)


def _words(key: str, written: object) -> tuple[str, ...]:
    words = (written,) if isinstance(written, str) else written
    if not isinstance(words, (list, tuple)) or not all(
        isinstance(word, str) for word in words
    ):
        msg = f"{key} {written!r} is no text or list of texts"
        raise ConfigError(msg)
    return tuple(words)


def _flag(key: str, written: object) -> bool:
    if not isinstance(written, bool):
        msg = f"{key} {written!r} is neither true nor false"
        raise ConfigError(msg)
    return written


def _by_word(written: object) -> dict[str, str]:
    """Return values by word, of `word = "value"` or `value = ["word", ...]`."""
    if not isinstance(written, abc.Mapping) or not written:
        msg = 'one_of needs words = { value = ["word", "word"] }'
        raise ConfigError(msg)
    by_word: dict[str, str] = {}
    for key, value in written.items():
        if isinstance(value, str):
            by_word[str(key)] = value
        else:
            by_word |= dict.fromkeys(_words("words", value), str(key))
    return by_word


def _pattern(written: object) -> str | None:
    if written is None:
        return None
    try:
        pl.Series([""]).str.contains(str(written))
    except pl.exceptions.ComputeError as error:
        msg = f"pattern {written!r} is not a regular expression: {error}"
        raise ConfigError(msg) from error
    return str(written)


def _check_default(rule: Rule) -> None:
    if rule.default is None:
        return
    try:
        made = pl.select(pl.lit(rule.default).cast(rule.parser.dtype)).item()
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        msg = f"default {rule.default!r} is no {rule.parser.name}"
        raise ConfigError(msg) from error
    if rule.parser.dtype.is_integer() and made != rule.default:
        msg = f"default {rule.default!r} is no {rule.parser.name}"
        raise ConfigError(msg)
