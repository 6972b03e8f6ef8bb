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
_changing = threading.Lock()


def pinned(url: str, /) -> str:
    """Return the URL of a server that propload runs with all that libpq may ask for.

    Args:
        url: With user, database, host, port and a query.
    """
    return url + _PINS


@contextmanager
def undisturbed(dsn: str, /) -> Iterator[None]:
    """Keep from libpq, while a session opens, what a pinned address cannot.

    The environment is the whole process's, so it is left alone where it says nothing
    of the kind, and for other addresses.
    """
    if _PINS not in dsn or not any(name in os.environ for name in _UNPINNED):
        yield
        return
    with _changing:
        taken = {name: os.environ.pop(name, None) for name in _UNPINNED}
        try:
            yield
        finally:
            os.environ.update({n: v for n, v in taken.items() if v is not None})
