"""The sessions that one run has with its server."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from propload.errors import PropLoadError, TransientWriteError
from propload.postgres.session.connection import connect
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.session.dsn import describe_dsn
from propload.postgres.session.lost_sessions import LostSessions
from propload.postgres.session.preconnecting import Preconnector
from propload.postgres.session.slow_connect import told_if_slow
from propload.postgres.sql.sessions import ANSWER

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection


class ServerSessions:
    """The sessions of one run with its server; the first one is the run's own.

    It is used by one thread, except that each lane calls `connect` from its own thread,
    and whoever ends the run calls `cancel`.

    Args:
        dsn: The connection string.
    """

    def __init__(self, dsn: str, /) -> None:
        self._dsn = dsn
        self._first: Connection | None = None
        self._was_open = False
        self._closed = False
        #: The error of opening the first session ahead; raised when it is asked for.
        self._unreached: PropLoadError | None = None
        self._lost = LostSessions()
        #: Guards the first session while it is opened or replaced.
        self._opening = threading.Lock()
        self._ahead = Preconnector(self._open_ahead)
        self._sessions: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._tracking = threading.Lock()

    def first(self) -> Connection:
        """Return the run's own session; open it if necessary.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        with self._opening:
            error, self._unreached = self._unreached, None
            if error is not None:
                raise error
            return self._opened()

    def living(self) -> Connection:
        """Return the first session if it still answers, otherwise a new one.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        try:
            session = self.first()
            session.ask(ANSWER)
        except ServerError:
            self.lose_first()
        return self.first()

    def lose_first(self) -> None:
        """Close the first session, which may be dead; the next use opens a new one."""
        with self._opening:
            if self._first is not None:
                self._first.close()
                self._first = None

    def connect(self) -> Connection:
        """Return another session, which the caller must close; lanes call it as well.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        return self._ahead.take() or self._another()

    def preconnect(self, count: int, /) -> None:
        """Open `count` sessions in the background, besides the first one."""
        self._ahead.preconnect(count)

    def cancel(self) -> None:
        """Cancel the statements of all sessions; call it from another thread."""
        with self._tracking:
            sessions = [one for one in self._sessions if not one.closed]
        for session in sessions:
            session.cancel()

    def close(self) -> None:
        """Close the first session and those not taken; open no more in advance."""
        with self._opening:
            self._closed = True
        self._ahead.close()
        self.lose_first()

    def _open_ahead(self) -> Connection:
        with self._opening:
            if self._closed or self._unreached is not None:
                msg = "the session is no longer usable"
                raise TransientWriteError(msg)
            try:
                first = self._opened()
            except PropLoadError as error:
                # raised once, by the next call of `first`
                self._unreached = error
                raise
        return self._sibling(first)

    def _another(self) -> Connection:
        while True:
            first = self.first()
            try:
                return self._sibling(first)
            except TransientWriteError:
                # the first session was closed while it was cloned: clone a new one
                if not first.closed:
                    raise

    def _opened(self) -> Connection:
        if self._first is None or self._first.closed:
            with told_if_slow(describe_dsn(self._dsn)):
                opened = connect(self._dsn, again=self._was_open, lost=self._lost)
            self._first = self._track(opened)
            self._was_open = True
        return self._first

    def _sibling(self, first: Connection) -> Connection:
        with told_if_slow(describe_dsn(self._dsn)):
            return self._track(first.sibling())

    def _track(self, session: Connection) -> Connection:
        with self._tracking:
            self._sessions.add(session)
        return session
