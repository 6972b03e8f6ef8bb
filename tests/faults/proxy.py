"""A TCP proxy in front of the server that cuts, stalls and resets on demand."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass

#: Closing with this linger sends RST instead of FIN.
RESET = struct.pack("ii", 1, 0)
BLOCK = 16 << 10
#: The message with which a client ends a session, without waiting for an answer.
FAREWELL = b"X\0\0\0\4"


@dataclass(frozen=True)
class Fault:
    """A fault of one connection.

    Attributes:
        kind: cut (FIN both ways), reset (RST), stall (nothing more is forwarded until
            `Proxy.relent`), or forget (all connections are closed for the client, and
            the server does not notice).
        after: The number of bytes, in both directions, forwarded before the fault.
        trigger: If given, the fault happens instead when these bytes are sent; they are
            not forwarded. If several connections have the fault, it happens once, on
            the first of them that sends the bytes.
    """

    kind: str
    after: int = 0
    trigger: bytes = b""


class Proxy:
    """Forwards loopback connections to the server's socket.

    Each new connection takes the next of `faults`; if there is none, it has no fault.

    Args:
        server: The `DurableServer` behind it.

    Attributes:
        trips: The number of round trips: how often a client has sent something first
            or after an answer, and would wait for a distant server.
    """

    def __init__(self, server):
        self._socket_path = str(server.cluster.socket_dir / ".s.PGSQL.5432")
        self.faults = deque()
        self.done = []
        self.trips = 0
        self._relented = threading.Event()
        self.stalled = threading.Event()
        self._open = set()
        self._forgotten = set()
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._relented.set()
        # closing alone does not wake the thread that accepts
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)
        for pair in list(self._open):
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def dsn_of(self, dsn, *, password=""):
        """Return the connection string of the same database through the proxy."""
        database = dsn.partition("@/")[2].partition("?")[0]
        secret = f":{password}" if password else ""
        return f"postgresql://postgres{secret}@127.0.0.1:{self.port}/{database}"

    def relent(self):
        """Let stalled connections continue."""
        self._relented.set()

    def forget(self):
        """Close all connections for their clients, while the server keeps waiting."""
        for client, backend in list(self._open):
            self._forgotten.add(backend)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            fault = self.faults.popleft() if self.faults else None
            threading.Thread(
                target=self._forward, args=(client, fault), daemon=True
            ).start()

    def _forward(self, client, fault):
        backend = socket.socket(socket.AF_UNIX)
        with client, backend:
            try:
                backend.connect(self._socket_path)
                self._open.add((client, backend))
                self._pump(client, backend, fault)
            except OSError:
                return
            finally:
                if backend in self._forgotten:
                    self._ended.wait()
                self._open.discard((client, backend))

    def _pump(self, client, backend, fault):
        through, answered = 0, True
        other = {client: backend, backend: client}
        with selectors.DefaultSelector() as selector:
            for one in other:
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    counted = fault is not None and not fault.trigger
                    size = fault.after - through if counted else BLOCK
                    if size <= 0:
                        if not self._strike(client, fault):
                            return
                        fault, size = None, BLOCK
                    block = key.fileobj.recv(min(BLOCK, size))
                    if not block:
                        return
                    if self._is_triggered(fault, block):
                        self._strike(client, fault)
                        return
                    is_client = key.fileobj is client
                    self.trips += is_client and answered and block != FAREWELL
                    answered = not is_client
                    other[key.fileobj].sendall(block)
                    through += len(block)

    def _is_triggered(self, fault, block):
        if fault is None or not fault.trigger or fault in self.done:
            return False
        return fault.trigger in block

    def _strike(self, client, fault):
        """Carry out the fault, and return whether the connection continues."""
        self.done.append(fault)
        if fault.kind == "stall":
            self.stalled.set()
            self._relented.wait()
            return not self._ended.is_set()
        if fault.kind == "forget":
            self.forget()
        if fault.kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return False
