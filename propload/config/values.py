"""Read the values of settings, whether they come from Python, TOML or text.

Each function returns the value as the run uses it, or raises `ConfigError` with a
message that begins with the value; the caller puts the name of the setting before it.
"""

from __future__ import annotations

import os
import re
import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime
from numbers import Integral
from pathlib import Path
from threading import TIMEOUT_MAX

from propload.errors import ConfigError
from propload.messages.hidden_text import HiddenText
from propload.messages.wording import with_article
from propload.names.format_names import check_format
from propload.options import RejectLimit, is_delimiter

#: Bytes in a unit, as PostgreSQL counts its memory settings; the largest first.
_UNITS = {"TB": 1 << 40, "GB": 1 << 30, "MB": 1 << 20, "KB": 1 << 10}
_SIZE = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])I?B?|B)?\s*", re.IGNORECASE | re.ASCII
)
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def read_text(value: object) -> str:
    """Return the text, which may neither be empty nor hold a NUL."""
    if not isinstance(value, str):
        # without the value, which may contain a password
        msg = f"{with_article(type(value).__name__)} is not a text"
        raise ConfigError(msg)
    if not value:
        msg = "is empty: give a text, or leave it out"
        raise ConfigError(msg)
    if "\0" in value:
        # no statement can contain it, so neither run nor recovery could begin
        msg = "contains a NUL, which PostgreSQL cannot store: remove it"
        raise ConfigError(msg)
    return decode_argument(value)


def read_hidden(value: object) -> str:
    """Return the text of `read_text`, which no repr shows: it may hold a password."""
    url = getattr(value, "url", value)  # an engine has one
    if hasattr(url, "render_as_string"):
        kind = with_article(type(value).__name__)
        name = "url" if url is value else "engine.url"
        # its str() hides the password, and libpq does not know SQLAlchemy's drivers
        msg = (
            f"{kind} of SQLAlchemy is not a text: give "
            f'{name}.set(drivername="postgresql").render_as_string(hide_password=False)'
        )
        raise ConfigError(msg)
    return HiddenText(read_text(value))


def decode_argument(value: str, /) -> str:
    """Return a text from the command line, decoded as UTF-8 whatever the locale.

    With an ASCII locale (`LC_ALL=C`), Python passes other bytes as surrogates.

    Raises:
        ConfigError: Its bytes are not valid UTF-8.
    """
    try:
        # a text without surrogates comes back unchanged
        return value.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        msg = "is not text in UTF-8: write it in UTF-8"
        raise ConfigError(msg) from None


def read_anything(value: object) -> object:
    """Return the value unchanged: a name, or an object from Python code."""
    return value


def read_format(value: object) -> str:
    """Return the name of a format, or a file name ending that stands for one."""
    text = read_text(value)
    check_format(text)
    return text


def read_delimiter(value: object) -> str:
    r"""Return one character that can separate fields, or the two characters `\t`."""
    text = read_text(value)
    # a shell does not turn \t into a tab
    if text != r"\t" and not is_delimiter(text):
        msg = f"{value!r} cannot be used: give one ASCII character"
        raise ConfigError(msg)
    return text


def read_encoding(value: object) -> str:
    """Return the name of a text encoding that Python supports."""
    text = read_text(value)
    try:
        # also fails for codecs of bytes (hex) and for `undefined`
        "".encode(text)
    except (LookupError, ValueError):
        msg = f"{value!r} is unknown: give utf-8, utf-16, cp1252, ..."
        raise ConfigError(msg) from None
    return text


def read_dotted(value: object) -> str:
    """Return names separated by dots, none of them empty."""
    text = read_text(value)
    if not all(text.split(".")):
        msg = f"{value!r} is not a path: write names with dots, as in data.items"
        raise ConfigError(msg)
    return text


def read_path(value: object) -> Path:
    """Return the path, `~` expanded."""
    if not isinstance(value, (str, Path)) or not str(value) or "\0" in str(value):
        msg = "is not a path"
        raise ConfigError(msg)
    return expand_path(value)


def expand_path(path: str | Path, /) -> Path:
    """Return a path with `~` expanded, which the file system encoding can encode.

    Raises:
        ConfigError: There is no home folder for `~`.
    """
    try:
        return Path(_make_encodable(str(path))).expanduser()
    except RuntimeError as error:
        msg = f"{str(path)!r}: there is no home folder for its ~, write the whole path"
        raise ConfigError(msg) from error


def _make_encodable(path: str) -> str:
    """Return a path as Python would decode it from the command line.

    The inverse of `decode_argument`.
    """
    try:
        os.fsencode(path)
    except UnicodeError:
        # the locale is ASCII (`LC_ALL=C`), and the configuration file has UTF-8
        with suppress(UnicodeError):
            return os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return path


def read_mapping(value: object) -> object:
    """Return the value unchanged (a name or an object), or the path of a file."""
    if isinstance(value, Path):
        return expand_path(value)
    is_file = isinstance(value, str) and value.endswith(".toml")
    return str(read_path(value)) if is_file else value


def read_words(value: object) -> tuple[str, ...]:
    """Return the words of a list, of a text that is a TOML list, or of `A,B`."""
    if isinstance(value, str):
        texts = _parse_toml_list(value)
        value = texts or [word.strip() for word in value.split(",")]
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(word, str) for word in value
    ):
        msg = f"{value!r} is not a list of words: write A,B or a list of texts"
        raise ConfigError(msg)
    return tuple(map(decode_argument, value))


def _parse_toml_list(text: str) -> list[str]:
    """Return the texts of a TOML list; [] if the text is not one."""
    if not text.lstrip().startswith("["):
        return []
    try:
        texts = tomllib.loads(f"it = {text.strip()}")["it"]
    except tomllib.TOMLDecodeError:
        # [null] is a word that a cell may contain
        return []
    return texts if all(isinstance(text, str) for text in texts) else []


def read_names(value: object) -> tuple[str, ...]:
    """Return column names, none of them empty."""
    names = read_words(value)
    if not all(names):
        msg = f"{value!r} contains an empty name"
        raise ConfigError(msg)
    return names


def _read_count(value: object) -> int:
    """Return a whole number."""
    written = "" if isinstance(value, bool) else str(value)
    try:
        return int(written.replace(",", ""))
    except ValueError:
        msg = f"{value!r} is not a whole number"
        raise ConfigError(msg) from None


def read_number(value: object, *, least: int = 0) -> int:
    """Return a whole number, `least` or more."""
    number = _read_count(value)
    if number < least:
        msg = f"{value!r} is out of range: give {least} or more"
        raise ConfigError(msg)
    return number


def read_positive(value: object) -> int:
    """Return a whole number, 1 or more."""
    return read_number(value, least=1)


def read_positive_or_auto(value: object) -> int | str:
    """Return a whole number, 1 or more, or `auto`."""
    if value == "auto":
        return "auto"
    try:
        _read_count(value)
    except ConfigError:
        msg = f'{value!r} is neither a whole number nor "auto"'
        raise ConfigError(msg) from None
    return read_positive(value)


def read_seconds(value: object) -> float:
    """Return a duration in seconds, 0 or more."""
    written = "" if isinstance(value, bool) else str(value)
    try:
        seconds = float(written)
    except ValueError:
        msg = f"{value!r} is not a number of seconds"
        raise ConfigError(msg) from None
    # also false for NaN; no thread can wait longer than TIMEOUT_MAX, 292 years
    if not 0 <= seconds <= TIMEOUT_MAX:
        msg = f"{value!r} is out of range: give 0 to {TIMEOUT_MAX:.0f} seconds"
        raise ConfigError(msg)
    return seconds


def read_switch(value: object) -> bool:
    """Return a boolean, given one or a word such as yes, no, on, off, 1 or 0."""
    if isinstance(value, bool):
        return value
    switch = _WORDS.get(str(value).strip().lower())
    if switch is None:
        msg = f"{value!r} is neither true nor false"
        raise ConfigError(msg)
    return switch


def read_size(value: object) -> int:
    """Return a number of bytes, given one or a text such as `600MB`."""
    matched = None if isinstance(value, bool) else _SIZE.fullmatch(str(value))
    if matched is None:
        msg = f"{value!r} is not a size: give bytes, or a number with KB, MB, GB or TB"
        raise ConfigError(msg)
    unit = _UNITS[f"{matched[2].upper()}B"] if matched[2] else 1
    size = int(float(matched[1]) * unit)
    if size < 1:
        msg = f"{value!r} is out of range: give 1 byte or more"
        raise ConfigError(msg)
    return size


def write_size(size: int) -> str:
    """Return a number of bytes as `read_size` reads it: 629145600 is `600MB`."""
    for unit, count in _UNITS.items():
        if size >= count and size % count == 0:
            return f"{size // count}{unit}"
    return str(size)


def read_reject_limit(value: object) -> int | str:
    """Return a valid limit: a number of rows as an int, or `N` or `P%` as given."""
    # Integral: a sum over a frame is an integer of NumPy
    if isinstance(value, bool) or not isinstance(value, (Integral, str)):
        msg = f"{value!r} is neither a whole number nor a percentage such as 5%"
        raise ConfigError(msg)
    limit = value if isinstance(value, str) else int(value)
    RejectLimit.parse(limit)
    return limit


def read_moment(value: object) -> datetime:
    """Return a datetime with a time zone, by default UTC."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(str(value))
    except ValueError:
        msg = (
            f"{value!r} is not a date or time: write 2026-07-01 or 2026-07-01T12:00:00Z"
        )
        raise ConfigError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_resume(value: object) -> str | bool:
    """Return the run to resume; True means the last unfinished one."""
    if isinstance(value, bool):
        return value
    text = read_text(value)
    return _WORDS.get(text.lower(), text)
