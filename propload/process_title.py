"""Hides passwords from the command line that other users of the machine can see."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAG = "--to"
#: An argument that begins so is a connection string, whatever it was given for.
_DSN_PREFIXES = ("postgresql://", "postgres://")
#: A setting of a Scrapy project: `-s NAME=...`, `-sNAME=...` or `--set=NAME=...`.
_SETTING = re.compile(
    r"(?P<begin>(?:-s|--set=)?PROPLOAD_(?P<name>TO|TARGETS)=)(?P<value>.*)", re.DOTALL
)


def hide_passwords() -> None:
    """Let `ps` show the command line without the passwords of connection strings.

    Python has copied the arguments, so the command still sees them as they were given.
    """
    shown = without_passwords(sys.orig_argv)
    if shown != sys.orig_argv:
        from setproctitle import setproctitle  # noqa: PLC0415 - seldom needed

        setproctitle(" ".join(shown))


def without_passwords(arguments: Sequence[str], /) -> list[str]:
    """Return arguments with each password in them replaced by `***`."""
    pairs = zip(["", *arguments], arguments, strict=False)
    return [_masked(argument, previous) for previous, argument in pairs]


def _masked(argument: str, previous: str) -> str:
    setting = _SETTING.fullmatch(argument)
    if setting is not None:
        hide = _mask if setting["name"] == "TO" else _mask_targets
        return setting["begin"] + hide(setting["value"])
    flag, equals, value = argument.partition("=")
    if previous == _FLAG or argument.startswith(_DSN_PREFIXES):
        return _mask(argument)
    return f"{flag}={_mask(value)}" if (flag, equals) == (_FLAG, "=") else argument


def _mask_targets(targets: str) -> str:
    """Return a Scrapy project's targets without the passwords of their databases."""

    def masked(pairs: dict[str, object]) -> dict[str, object]:
        dsn = pairs.get("to")
        return {**pairs, "to": _mask(dsn)} if isinstance(dsn, str) else pairs

    try:
        shown = json.dumps(json.loads(targets, object_hook=masked), ensure_ascii=False)
    except ValueError:
        # better to hide too much than too little
        return "***"
    return shown


def _mask(string: str) -> str:
    from propload.postgres.session.dsn import mask  # noqa: PLC0415 - seldom needed

    return mask(string)
