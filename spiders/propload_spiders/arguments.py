"""Check the names of spider arguments, and read their values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from propload.config import values
from propload.errors import ConfigError
from propload.messages.suggestions import suggest
from propload.sources.spiders.hosts import host_of, is_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from propload.sources.spiders import SpiderArgument

_RANGE = re.compile(r"^(\d*)(?:-(\d*))?$")
#: A point between thousands, as in `200.000`, but not the one in `50.5`.
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_BETWEEN_URLS = re.compile(r"[\s,]+(?=(?:https?|file)://)")


def check_names(
    spider: str,
    names_given: Mapping[str, object],
    arguments: Sequence[SpiderArgument],
    /,
) -> None:
    """Refuse arguments that the spider does not have.

    Raises:
        ConfigError: An argument is unknown; the message suggests the most similar one.
    """
    names = [argument.name for argument in arguments]
    # Scrapy's own services pass names with an underscore, such as _job
    for name in names_given:
        if name in names or name.startswith("_"):
            continue
        hint = suggest(name, names, listed=True)
        msg = f"spider {spider} has no argument {name!r}{hint}"
        raise ConfigError(msg)


def read_switch(name: str, value: object, /) -> bool:
    """Return whether an argument written on/off, true/false, yes/no, 1/0 is on.

    Raises:
        ConfigError: It is written in another way.
    """
    try:
        return values.read_switch(value)
    except ConfigError:
        msg = f"{name} is {value!r}: give on or off"
        raise ConfigError(msg) from None


def read_number(name: str, value: object, /) -> int:
    """Return an argument that is a whole number, 0 or more.

    Raises:
        ConfigError: It is not such a number.
    """
    text = str(value).strip()
    if not text.isdecimal():
        msg = f"{name} is {value!r}: give a whole number, 0 for no limit"
        raise ConfigError(msg)
    return int(text)


def read_range(name: str, value: object, /) -> str:
    """Return a range written `200000-500000`, `200000-` or `-500000`.

    Raises:
        ConfigError: It is written in another way.
    """
    text = _THOUSANDS.sub("", re.sub(r"[\s€]", "", str(value)))
    bounds = _RANGE.match(text)
    if not bounds or not (bounds[1] or bounds[2]):
        msg = f"{name} is {value!r}: give FROM-TO, FROM- or -TO in whole numbers"
        raise ConfigError(msg)
    if "-" not in text:
        return f"{text}-{text}"
    low, high = bounds[1] or "0", bounds[2] or ""
    if high and int(high) < int(low):
        msg = f"{name} is {value!r}: it ends before it begins"
        raise ConfigError(msg)
    return f"{low}-{high}"


def read_words(value: object, /) -> list[str]:
    """Return the words of `house,apartment`, of a JSON list, or of a Python one."""
    text = str(value).strip()
    if isinstance(value, list | tuple | set | frozenset):
        words: Sequence[object] = list(value)
    elif text.startswith("["):
        try:
            words = json.loads(text)
        except json.JSONDecodeError:
            words = text.strip("[]").split(",")
    else:
        words = text.split(",")
    return [str(word).strip() for word in words if str(word).strip()]


def read_urls(value: object, /) -> list[str]:
    """Return addresses from a list, or from a text separated by commas or whitespace.

    `@FILE` stands for the addresses in a file, which may be more than a command line
    can hold. An address itself may contain commas.

    Raises:
        ConfigError: One of them is not an http, https or file address, or the file
            cannot be read or holds none.
    """
    if isinstance(value, str) and value.startswith("@"):
        return _read_url_file(values.expand_path(value[1:]))
    parts = value if isinstance(value, list | tuple) else [value]
    return [url for part in parts for url in _urls(str(part), "start_urls")]


def _read_url_file(file: Path) -> list[str]:
    place = f"file {file} of start_urls"
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{place} cannot be read: {reason}"
        raise ConfigError(msg) from error
    lines = enumerate(text.splitlines(), 1)
    urls = [url for n, line in lines for url in _urls(line, f"line {n} of {place}")]
    if not urls:
        msg = f"{place} holds no address: give one a line"
        raise ConfigError(msg)
    return urls


def _urls(text: str, place: str) -> list[str]:
    """Return the addresses in a text; `place` is its name in messages."""
    pieces = [piece.strip(", \t\r\n") for piece in _BETWEEN_URLS.split(text.strip())]
    urls = [piece for piece in pieces if piece]
    for url in urls:
        if not re.match(r"(?:https?|file)://", url):
            msg = f"{place} holds {url!r}: give addresses that begin with https://"
            raise ConfigError(msg)
        if not (url.startswith("file://") or is_host(host_of(url))):
            msg = f"{place} holds {url!r}: give addresses that name a host"
            raise ConfigError(msg)
    return urls
