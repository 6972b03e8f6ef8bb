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
from propload.postgres.session.slow_answers import warn_if_no_session
from propload.postgres.sql.sessions import PING

if TYPE_CHECKING:
    from propload.postgres.session.connection import Connection


class ServerSessions:
    """The sessions of one run with its server: one for control, others for rows.

    It is used by one thread, except that each lane calls `connect` from its own thread,
    and whoever ends the run calls `cancel`.

    Args:
        dsn: The connection string.
    """

    def __init__(self, dsn: str, /) -> None:
        self._dsn = dsn
        self._control: Connection | None = None
        self._was_open = False
        self._closed = False
        #: The error of opening the control session ahead; raised when it is asked for.
        self._open_error: PropLoadError | None = None
        self._lost = LostSessions()
        #: Guards the control session while it is opened or replaced.
        self._opening = threading.Lock()
        self._preconnector = Preconnector(self._open_ahead)
        self._sessions: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._tracking = threading.Lock()

    def control(self) -> Connection:
        """Return the run's control session; open it if necessary.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        with self._opening:
            error, self._open_error = self._open_error, None
            if error is not None:
                raise error
            return self._open_control()

    def live_control(self) -> Connection:
        """Return the control session if it still answers, otherwise a new one.

        If another session broke, and none was opened since, it is not asked: over a
        dead line it would take a minute to notice that no answer comes.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        if self._lost.are_left:
            self.discard_control()
        try:
            session = self.control()
            session.ask(PING)
        except ServerError:
            self.discard_control()
        return self.control()

    def discard_control(self) -> None:
        """Close the control session, which may be dead; the next use opens another."""
        with self._opening:
            if self._control is not None:
                self._control.close()
                self._control = None

    def connect(self) -> Connection:
        """Return another session, which the caller must close; lanes call it as well.

        Raises:
            ConfigError: The connection string, user or password is wrong.
            WriteError: The server no longer admits the user.
            TransientWriteError: The server cannot be reached now.
        """
        return self._preconnector.take() or self._open_another()

    def preconnect(self, count: int, /) -> None:
        """Open `count` sessions in the background, besides the control session."""
        self._preconnector.preconnect(count)

    def cancel(self) -> None:
        """Cancel the statements of all sessions; call it from another thread."""
        with self._tracking:
            sessions = [session for session in self._sessions if not session.closed]
        for session in sessions:
            session.cancel()

    def close(self) -> None:
        """Close the control session and those not taken; open no more in advance."""
        with self._opening:
            self._closed = True
        self._preconnector.close()
        self.discard_control()

    def _open_ahead(self) -> Connection:
        with self._opening:
            if self._closed or self._open_error is not None:
                msg = "the session is no longer usable"
                raise TransientWriteError(msg)
            try:
                control = self._open_control()
            except PropLoadError as error:
                # raised once, by the next call of `control`
                self._open_error = error
                raise
        return self._clone(control)

    def _open_another(self) -> Connection:
        while True:
            control = self.control()
            try:
                return self._clone(control)
            except TransientWriteError:
                # the control session was closed while it was cloned: clone a new one
                if not control.closed:
                    raise

    def _open_control(self) -> Connection:
        if self._control is None or self._control.closed:
            with warn_if_no_session(describe_dsn(self._dsn)):
                opened = connect(self._dsn, reconnect=self._was_open, lost=self._lost)
            self._control = self._track(opened)
            self._was_open = True
        return self._control

    def _clone(self, control: Connection) -> Connection:
        return self._track(control.clone())

    def _track(self, session: Connection) -> Connection:
        with self._tracking:
            self._sessions.add(session)
        return session
