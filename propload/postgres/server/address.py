"""The address of a server that propload runs, which the environment cannot change.

libpq takes what a connection string leaves out from the environment (PGSSLMODE,
PGOPTIONS, ...) and from a service file, which are meant for other servers.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The parameters that libpq would take from elsewhere, with their defaults. `options`
#: is a space because `parse_dsn` leaves out empty values.
_LIBPQ_DEFAULTS = (
    "&sslmode=disable&sslnegotiation=postgres&sslcertmode=disable"
    "&ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3"
    "&gssencmode=disable&channel_binding=disable&require_auth=&requirepeer="
    "&target_session_attrs=any&load_balance_hosts=disable&connect_timeout=10"
    "&client_encoding=UTF8&options=%20"
)
#: Variables that no connection string can override: the name of a service, which is an
#: error if it does not exist, and settings that libpq sends to the server.
_NOT_OVERRIDABLE = ("PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO")


def with_libpq_defaults(url: str, /) -> str:
    """Return a URL with every parameter that libpq would take from the environment.

    Args:
        url: The URL of a server that propload runs, with user, database, host, port
            and a query.
    """
    return url + _LIBPQ_DEFAULTS


class _HiddenVariables:
    """Removes variables from the environment while any thread needs that.

    Several threads open sessions: the first one in removes the variables, the last one
    out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._values: dict[str, str] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            for name in _NOT_OVERRIDABLE:
                value = os.environ.pop(name, None)
                if value is not None:
                    self._values[name] = value

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                os.environ.update(self._values)
                self._values.clear()


_hidden = _HiddenVariables()


@contextmanager
def hide_libpq_env(dsn: str, /) -> Iterator[None]:
    """Hide from libpq the variables that `with_libpq_defaults` cannot override.

    They are removed while a session opens. Other addresses leave the environment alone,
    as it belongs to the whole process.
    """
    if _LIBPQ_DEFAULTS not in dsn:
        yield
        return
    with _hidden:
        yield
