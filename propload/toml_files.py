"""Reads TOML files that users wrote with any editor."""

from __future__ import annotations

import codecs
import tomllib
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_toml(path: Path, /, *, name: str) -> dict[str, object]:
    """Return the content of a TOML file, which may begin with a byte order mark.

    Args:
        path: The file.
        name: Its name in messages.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror or error}"
        raise ConfigError(msg) from error
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{name} is not text in UTF-8 (line {line}): save it as UTF-8"
        raise ConfigError(msg) from error
    except ValueError as error:
        # not only TOMLDecodeError: Python refuses numbers with thousands of digits
        msg = f"{name} is not TOML: {error}"
        raise ConfigError(msg) from error
    except RecursionError as error:
        msg = f"{name} is not TOML that can be read: it is nested too deeply"
        raise ConfigError(msg) from error
