"""Words and plain texts: text, boolean, one of several words, JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from propload.errors import ConfigError
from propload.prepare.parsers.expressions import requires_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Yes and no in the languages whose months are known, and as programs write them.
TRUE_WORDS = (
    "true", "t", "yes", "y", "on", "1", "ja", "j", "wahr", "oui", "vrai", "tak"
)  # fmt: skip
FALSE_WORDS = (
    "false", "f", "no", "n", "off", "0", "nee", "nein", "falsch", "non", "faux", "nie"
)  # fmt: skip


def fold(text: pl.Expr, /) -> pl.Expr:
    """Return texts as words are compared: lower case, single spaces, none around."""
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def fold_word(word: str, /) -> str:
    """Return one word as `fold` leaves it."""
    return " ".join(word.lower().split())


@requires_expression
def parse_text(text: pl.Expr, /) -> pl.Expr:
    """Return texts without space around them.

    Args:
        text: An expression of texts; an empty one stays an empty text.
    """
    return text.str.strip_chars()


@requires_expression
def parse_boolean(
    text: pl.Expr,
    /,
    *,
    true: Sequence[str] = TRUE_WORDS,
    false: Sequence[str] = FALSE_WORDS,
) -> pl.Expr:
    """Return whether texts mean yes or no, as Boolean.

    Args:
        text: An expression of texts; case and space around them do not count.
        true: The words that mean yes.
        false: The words that mean no.

    Raises:
        ConfigError: A word means both.
    """
    meanings: dict[str, bool] = {}
    for setting, meaning, words in (("true", True, true), ("false", False, false)):
        for word in as_words(setting, words):
            if meanings.setdefault(fold_word(word), meaning) is not meaning:
                msg = (
                    f"word {word!r} is among the words of true and of false: "
                    "give both lists, each word in one"
                )
                raise ConfigError(msg)
    return fold(text).replace_strict(
        list(meanings),
        list(meanings.values()),
        default=None,
        return_dtype=pl.Boolean,
    )


@requires_expression
def parse_one_of(
    text: pl.Expr,
    /,
    *,
    words: Mapping[str, str | Sequence[str]],
    otherwise: str | None = None,
) -> pl.Expr:
    """Return the value that each word stands for.

    Args:
        text: An expression of texts; case and space around them do not count.
        words: Values by word, or lists of words by value. A value stands for itself,
            unless it is a word.
        otherwise: The value of all other words; without it they have none.

    Raises:
        ConfigError: A word, or case and space aside a value, means two values; or there
            are no words.
    """
    values = values_by_word(words)
    known = _by_folded((value, value) for value in values.values())
    known |= _by_folded(values.items())
    value = fold(text).replace_strict(
        list(known),
        list(known.values()),
        default=otherwise,
        return_dtype=pl.String,
    )
    return pl.when(text.is_not_null()).then(value)


def as_words(setting: str, written: object, /) -> tuple[str, ...]:
    """Return a setting's words, of one text or several.

    Raises:
        ConfigError: They are none.
    """
    words = (written,) if isinstance(written, str) else written
    if not isinstance(words, (list, tuple)) or not all(
        isinstance(word, str) for word in words
    ):
        msg = f"{setting} {written!r} is neither a text nor a list of texts"
        raise ConfigError(msg)
    return tuple(words)


def values_by_word(written: object, /) -> dict[str, str]:
    """Return values by word, of `word = "value"` or `value = ["word", ...]`.

    Raises:
        ConfigError: There are none, or a word means two values.
    """
    if not isinstance(written, Mapping) or not written:
        msg = 'one_of needs words = { value = ["word", "word"] }'
        raise ConfigError(msg)
    by_word: dict[str, str] = {}
    for key, value in written.items():
        pairs = (
            {str(key): value}
            if isinstance(value, str)
            else dict.fromkeys(as_words("words", value), str(key))
        )
        for word, meaning in pairs.items():
            if by_word.setdefault(word, meaning) != meaning:
                raise ConfigError(_means_two(word, by_word[word], meaning))
    return by_word


def _means_two(word: str, one: str, other: str, /) -> str:
    """Return what is said of a word that stands for two values."""
    return f"word {word!r} means both {one!r} and {other!r}: give it to one of them"


def _by_folded(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    by_folded: dict[str, str] = {}
    for word, value in pairs:
        if by_folded.setdefault(fold_word(word), value) != value:
            raise ConfigError(_means_two(word, by_folded[fold_word(word)], value))
    return by_folded


@requires_expression
def parse_json(text: pl.Expr, /) -> pl.Expr:
    """Return the texts that are JSON, as they are."""
    tidy = text.str.strip_chars()
    valid = tidy.str.json_path_match("$").is_not_null() | (tidy == "null")
    return pl.when(valid).then(tidy)
