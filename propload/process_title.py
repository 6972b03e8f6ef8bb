"""What other users of the machine see of the command line: no password."""

from __future__ import annotations

import sys

_FLAG = "--to"
#: Given in the place of something else, a connection string is as secret.
_ADDRESSES = ("postgresql://", "postgres://")


def hide_passwords() -> None:
    """Let `ps` show the command line without the passwords of connection strings.

    Python has copied the arguments, so the command finds them as they were given.
    """
    shown = [
        _masked(argument, before)
        for before, argument in zip(["", *sys.orig_argv], sys.orig_argv, strict=False)
    ]
    if shown != sys.orig_argv:
        from setproctitle import setproctitle  # noqa: PLC0415 - seldom needed

        setproctitle(" ".join(shown))


def _masked(argument: str, before: str) -> str:
    flag, equals, value = argument.partition("=")
    if before == _FLAG or argument.startswith(_ADDRESSES):
        return _mask(argument)
    return f"{flag}={_mask(value)}" if (flag, equals) == (_FLAG, "=") else argument


def _mask(string: str) -> str:
    from propload.postgres.session.dsn import mask  # noqa: PLC0415 - seldom needed

    return mask(string)
