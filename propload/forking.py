"""Processes that were forked from one that had loaded already."""

from __future__ import annotations

import os

from propload.errors import ConfigError

#: The process that has used propload, or none; a fork inherits it.
_USED_BY: set[int] = set()


def refuse_forked() -> None:
    """Refuse to work where Polars would wait for ever, and note that it works here.

    Polars starts threads when it is first used; a fork has their locks, and not them.

    Raises:
        ConfigError: This process was forked from one that had used propload.
    """
    process = os.getpid()
    if _USED_BY - {process}:
        msg = (
            "this process was forked from one that had used propload before, and "
            "Polars' threads do not survive that: start it with "
            "multiprocessing.get_context('spawn') or 'forkserver', or fork before "
            "propload is first used"
        )
        raise ConfigError(msg)
    _USED_BY.add(process)
