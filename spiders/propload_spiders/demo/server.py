"""A small HTTP/1.1 server on loopback: one thread, one event loop, keep-alive."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from propload_spiders.demo.answering import Answer

_HOST = "127.0.0.1"
#: Most bytes of a request's head; addresses of searches stay below 2 kB.
_LONGEST_HEAD = 64 << 10
#: Seconds allowed for the thread to start and to end: it only opens and closes sockets.
_PATIENCE = 10.0


class Server:
    """Serves responses in a thread of its own.

    Args:
        answer: Returns the response to a path; called in the server's thread.
        sent: Called with each response just before it is sent, or fails on purpose.
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
        self._answer = answer
        self._sent = sent
        self._wanted_port = port
        self._port: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, name="propload-demo-site", daemon=True
        )

    def start(self) -> int:
        """Start serving, and return the port.

        Raises:
            OSError: The port is taken.
        """
        self._thread.start()
        return self._port.result(_PATIENCE)

    def stop(self) -> None:
        """Stop serving; open connections are aborted, as if the machine had crashed."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._port.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        listening = await asyncio.start_server(
            self._converse, _HOST, self._wanted_port, limit=_LONGEST_HEAD
        )
        self._port.set_result(listening.sockets[0].getsockname()[1])
        await self._stop.wait()
        # the end of the loop cancels the open connections
        listening.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one connection in order."""
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                request = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
                answer = self._answer(request[1] if len(request) > 1 else "/")
                if answer.wait:
                    await asyncio.sleep(answer.wait)
                self._send(answer, writer)
        except (asyncio.CancelledError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except (EOFError, ConnectionError):
            writer.close()

    def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        if writer.is_closing():
            return
        self._sent(answer)
        if answer.fault == "reset":
            writer.transport.abort()
            return
        writer.write(_head(answer) + answer.body)
        if answer.fault == "cut":
            writer.close()


def _head(answer: Answer) -> bytes:
    # a response that is cut off declares twice the length that it sends
    length = len(answer.body) * (2 if answer.fault == "cut" else 1)
    location = f"Location: {answer.location}\r\n" if answer.location else ""
    return (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {length}\r\n{location}\r\n"
    ).encode()
