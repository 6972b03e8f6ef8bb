"""How the value of a setting is read, whether Python, TOML or text holds it.

Each function returns the value as the run uses it, or raises `ConfigError` with a
message that begins with the value; who calls it names the setting.
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
        # it may hold a password all the same
        msg = "is not a text"
        raise ConfigError(msg)
    if not value:
        msg = "is empty: give a text, or leave it out"
        raise ConfigError(msg)
    if "\0" in value:
        # no statement can hold it, so that neither run nor recovery would begin
        msg = "contains a NUL, which PostgreSQL cannot store: remove it"
        raise ConfigError(msg)
    return as_typed(value)


def as_typed(value: str, /) -> str:
    """Return a text of a command line, also where a locale (`LC_ALL=C`) knows ASCII.

    Raises:
        ConfigError: It holds bytes that are no text in UTF-8.
    """
    try:
        # where it is text already, these are its own bytes
        return value.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        msg = "is not text in UTF-8: write it in UTF-8"
        raise ConfigError(msg) from None


def read_anything(value: object) -> object:
    """Return the value: a name, or what Python code gave."""
    return value


def read_format(value: object) -> str:
    """Return the name or the ending of a format."""
    text = read_text(value)
    check_format(text)
    return text


def read_delimiter(value: object) -> str:
    r"""Return one character that may stand between fields, or `\t`."""
    text = read_text(value)
    # a shell hands a tab over as it is written
    if text != r"\t" and not is_delimiter(text):
        msg = f"{value!r} cannot be used: give one ASCII character"
        raise ConfigError(msg)
    return text


def read_encoding(value: object) -> str:
    """Return the name of an encoding of texts that Python knows."""
    text = read_text(value)
    try:
        # Python has codecs of bytes as well (hex), and one that fails (undefined)
        "".encode(text)
    except (LookupError, ValueError):
        msg = f"{value!r} is unknown: give utf-8, utf-16, cp1252, ..."
        raise ConfigError(msg) from None
    return text


def read_dotted(value: object) -> str:
    """Return names with dots between them, none of them empty."""
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
    return expanded(value)


def expanded(path: str | Path, /) -> Path:
    """Return a path with a home folder for its `~`, as the system's calls take it.

    Raises:
        ConfigError: There is no such folder.
    """
    try:
        return Path(_encodable(str(path))).expanduser()
    except RuntimeError as error:
        msg = f"{str(path)!r}: there is no home folder for its ~, write the whole path"
        raise ConfigError(msg) from error


def _encodable(path: str) -> str:
    """Return a path as Python has it from a command line: `as_typed`, turned round."""
    try:
        os.fsencode(path)
    except UnicodeError:
        # a locale (`LC_ALL=C`) knows ASCII alone, and the file's text more than that
        with suppress(UnicodeError):
            return os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return path


def read_mapping(value: object) -> object:
    """Return the value: a name, or what Python code gave; of a file its path."""
    if isinstance(value, Path):
        return expanded(value)
    is_file = isinstance(value, str) and value.endswith(".toml")
    return str(read_path(value)) if is_file else value


def read_words(value: object) -> tuple[str, ...]:
    """Return the words of a list, as TOML writes it too, or of a text with commas."""
    if isinstance(value, str):
        listed = _listed(value)
        value = listed or [word.strip() for word in value.split(",")]
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(word, str) for word in value
    ):
        msg = f"{value!r} is not a list of words: write A,B or a list of texts"
        raise ConfigError(msg)
    return tuple(map(as_typed, value))


def _listed(text: str) -> list[str]:
    """Return the texts of a list as the configuration file has it; else none."""
    if not text.lstrip().startswith("["):
        return []
    try:
        found = tomllib.loads(f"it = {text.strip()}")["it"]
    except tomllib.TOMLDecodeError:
        # [null] and [] are words that a cell may hold
        return []
    return found if all(isinstance(one, str) for one in found) else []


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
    """Return a whole number, 0 or more."""
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
    # NaN is not 0 or more either; longer than 292 years no thread can wait
    if not 0 <= seconds <= TIMEOUT_MAX:
        msg = f"{value!r} is out of range: give 0 to {TIMEOUT_MAX:.0f} seconds"
        raise ConfigError(msg)
    return seconds


def read_switch(value: object) -> bool:
    """Return yes or no from a boolean or one of the usual words."""
    if isinstance(value, bool):
        return value
    found = _WORDS.get(str(value).strip().lower())
    if found is None:
        msg = f"{value!r} is neither true nor false"
        raise ConfigError(msg)
    return found


def read_size(value: object) -> int:
    """Return bytes from a number, or from a text such as `600MB`."""
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
    """Return bytes as `read_size` reads them: 629145600 is `600MB`."""
    for unit, count in _UNITS.items():
        if size >= count and size % count == 0:
            return f"{size // count}{unit}"
    return str(size)


def read_reject_limit(value: object) -> int | str:
    """Return `N` or `P%` unchanged, when it is one of these."""
    # sums and shares of frames are numbers of NumPy's
    if isinstance(value, bool) or not isinstance(value, (Integral, str)):
        msg = f"{value!r} is neither a number nor a percentage"
        raise ConfigError(msg)
    limit = value if isinstance(value, str) else int(value)
    RejectLimit.parse(limit)
    return limit


def read_moment(value: object) -> datetime:
    """Return a moment; one without a time zone is in UTC."""
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
    """Return a run to continue; true is the last one that did not finish."""
    if isinstance(value, bool):
        return value
    text = read_text(value)
    return _WORDS.get(text.lower(), text)
