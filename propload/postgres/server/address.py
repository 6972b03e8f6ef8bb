"""The address of a server that propload runs: nothing else has a say in a session.

libpq takes what a connection string leaves out from the environment (PGSSLMODE,
PGOPTIONS, ...) and from a service, which are meant for other servers.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What libpq would take from elsewhere, as it is without that. Options are a space, as
#: `parse_dsn` leaves out what is empty.
_PINS = (
    "&sslmode=disable&sslnegotiation=postgres&sslcertmode=disable"
    "&ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3"
    "&gssencmode=disable&channel_binding=disable&require_auth=&requirepeer="
    "&target_session_attrs=any&load_balance_hosts=disable&connect_timeout=10"
    "&client_encoding=UTF8&options=%20"
)
#: What no connection string can take the place of: a service that is not there, and
#: settings that libpq sends along.
_UNPINNED = ("PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO")


def pinned(url: str, /) -> str:
    """Return the URL of a server that propload runs with all that libpq may ask for.

    Args:
        url: With user, database, host, port and a query.
    """
    return url + _PINS


class _Hidden:
    """Keeps variables out of the environment while anybody needs that.

    Sessions open in several threads: the first one takes the variables out, the last
    one puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._taken: dict[str, str] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            for name in _UNPINNED:
                value = os.environ.pop(name, None)
                if value is not None:
                    self._taken[name] = value

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                os.environ.update(self._taken)
                self._taken.clear()


_hidden = _Hidden()


@contextmanager
def undisturbed(dsn: str, /) -> Iterator[None]:
    """Keep variables from libpq that a pinned address does not override.

    They are gone while a session opens. The environment is the whole process's, so it
    is left alone for other addresses.
    """
    if _PINS not in dsn:
        yield
        return
    with _hidden:
        yield
