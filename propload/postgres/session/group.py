"""What a session and its clones share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from propload.postgres.session.dsn import describe_dsn

if TYPE_CHECKING:
    from propload.postgres.session.lost_sessions import LostSessions


@dataclass(frozen=True, slots=True)
class SessionGroup:
    """What a session and its clones share.

    Attributes:
        dsn: Their connection string.
        application_name: The name the server shows for them.
        lost: Those of them, and of others, whose line broke.
        opening: Held to open or to close one: the driver may not do two at once.
    """

    dsn: str
    application_name: str
    lost: LostSessions
    opening: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        """Return their server and database, without the password."""
        return describe_dsn(self.dsn)
