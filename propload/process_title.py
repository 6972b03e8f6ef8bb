"""What other users of the machine see of the command line: no password."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAG = "--to"
#: Given in the place of something else, a connection string is as secret.
_ADDRESSES = ("postgresql://", "postgres://")
#: A setting of a Scrapy project: `-s NAME=...`, `-sNAME=...` or `--set=NAME=...`.
_SETTING = re.compile(
    r"(?P<begin>(?:-s|--set=)?PROPLOAD_(?P<name>TO|TARGETS)=)(?P<value>.*)", re.DOTALL
)


def hide_passwords() -> None:
    """Let `ps` show the command line without the passwords of connection strings.

    Python has copied the arguments, so the command finds them as they were given.
    """
    shown = without_passwords(sys.orig_argv)
    if shown != sys.orig_argv:
        from setproctitle import setproctitle  # noqa: PLC0415 - seldom needed

        setproctitle(" ".join(shown))


def without_passwords(arguments: Sequence[str], /) -> list[str]:
    """Return arguments as they may be shown: each password in them is `***`."""
    beside = zip(["", *arguments], arguments, strict=False)
    return [_masked(argument, before) for before, argument in beside]


def _masked(argument: str, before: str) -> str:
    setting = _SETTING.fullmatch(argument)
    if setting is not None:
        hide = _mask if setting["name"] == "TO" else _mask_targets
        return setting["begin"] + hide(setting["value"])
    flag, equals, value = argument.partition("=")
    if before == _FLAG or argument.startswith(_ADDRESSES):
        return _mask(argument)
    return f"{flag}={_mask(value)}" if (flag, equals) == (_FLAG, "=") else argument


def _mask_targets(told: str) -> str:
    """Return the targets of a project without the passwords of their databases."""

    def hidden(pairs: dict[str, object]) -> dict[str, object]:
        dsn = pairs.get("to")
        return {**pairs, "to": _mask(dsn)} if isinstance(dsn, str) else pairs

    try:
        shown = json.dumps(json.loads(told, object_hook=hidden), ensure_ascii=False)
    except ValueError:
        # too much hidden is better than too little
        return "***"
    return shown


def _mask(string: str) -> str:
    from propload.postgres.session.dsn import mask  # noqa: PLC0415 - seldom needed

    return mask(string)
