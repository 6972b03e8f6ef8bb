"""The state that a session and its clones share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.postgres.session.dsn import describe_dsn

if TYPE_CHECKING:
    from propload.postgres.session.lost_sessions import LostSessions


@dataclass(frozen=True, slots=True)
class SessionGroup:
    """The state that a session and its clones share.

    Attributes:
        dsn: Their connection string.
        application_name: The name that the server shows for them.
        lost: The sessions, of this group and others, whose connection broke.
        opening: Held while one is opened or closed: the driver cannot do two at the
            same time.
    """

    # not in the repr, which contains a password
    dsn: str = field(repr=False)
    application_name: str
    lost: LostSessions
    opening: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        """Return the server and database, without the password."""
        return describe_dsn(self.dsn)
