"""A small HTTP/1.1 server on loopback: one thread, one event loop, kept connections."""

from __future__ import annotations

import asyncio
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload_spiders.demo.answering import Answer

_HOST = "127.0.0.1"
#: Bytes of a request's head; addresses of searches stay below 2 kB.
_LONGEST_HEAD = 64 << 10
#: Seconds for the thread to begin and to end: it only opens and closes sockets.
_PATIENCE = 10.0


class Server:
    """Serves answers in a thread of its own.

    Args:
        answer: What to answer to a path; called in the server's thread.
        sent: Called with each answer that was sent whole, or failed on purpose.
        port: The port, or 0 for a free one.
    """

    def __init__(
        self,
        answer: Callable[[str], Answer],
        sent: Callable[[Answer], None],
        /,
        *,
        port: int = 0,
    ) -> None:
        self.answer = answer
        self.sent = sent
        self.connections: set[asyncio.Transport] = set()
        self._wanted_port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, name="propload-demo-site", daemon=True
        )

    def start(self) -> int:
        """Start serving; return the port.

        Raises:
            OSError: The port is taken.
        """
        self._thread.start()
        self._ready.wait(_PATIENCE)
        if self._failure is not None:
            raise self._failure
        return self._wanted_port

    def stop(self) -> None:
        """Stop serving; open connections are cut, as by a machine that dies."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        listening = await self._loop.create_server(
            lambda: _Connection(self), _HOST, self._wanted_port
        )
        self._wanted_port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listening.close()
        for transport in tuple(self.connections):
            transport.abort()
        # one turn of the loop, in which the aborted connections say goodbye
        await asyncio.sleep(0)
        await listening.wait_closed()


class _Connection(asyncio.Protocol):
    """One connection; requests on it are answered in their order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._is_waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection, which the end of the server closes."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._server.connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        del exc
        if self._transport is not None:
            self._server.connections.discard(self._transport)
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer the requests that have come as a whole."""
        self._received += data
        if len(self._received) > _LONGEST_HEAD and self._transport:
            self._transport.abort()
            return
        self._answer_next()

    def _answer_next(self) -> None:
        while not self._is_waiting and b"\r\n\r\n" in self._received:
            head, self._received = self._received.split(b"\r\n\r\n", 1)
            request = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            answer = self._server.answer(request[1] if len(request) > 1 else "/")
            if answer.wait:
                self._is_waiting = True
                loop = asyncio.get_running_loop()
                loop.call_later(answer.wait, self._answer_late, answer)
            else:
                self._send(answer)

    def _answer_late(self, answer: Answer) -> None:
        self._is_waiting = False
        self._send(answer)
        self._answer_next()

    def _send(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._server.sent(answer)
        if answer.fault == "reset":
            transport.abort()
            return
        transport.write(_head(answer) + answer.body)
        if answer.fault == "cut":
            transport.close()


def _head(answer: Answer) -> bytes:
    # a cut answer promises more than it sends
    length = len(answer.body) * (2 if answer.fault == "cut" else 1)
    location = f"Location: {answer.location}\r\n" if answer.location else ""
    return (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {length}\r\n{location}\r\n"
    ).encode()
