"""A site that records each request with its time, also as a proxy for other hosts."""

import contextlib
import http.server
import itertools
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class SiteResponse:
    """A response: status, body, and headers besides Content-Length."""

    status: int = 200
    body: str = "<html>a page</html>"
    headers: dict = field(default_factory=dict)


@dataclass(frozen=True)
class SiteRequest:
    """A request: its host, its path, and when it arrived."""

    host: str
    path: str
    at: float


class TimedSite(http.server.ThreadingHTTPServer):
    """Serves pages on loopback and, as a proxy, of any host; records each request.

    Each response in `answers[path]` is sent once, the last one repeatedly.
    """

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), _Page)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests = []
        self._answers = {path: list(responses) for path, responses in answers.items()}
        self._lock = threading.Lock()

    def answer(self, url):
        parts = urlsplit(url)
        request = SiteRequest(
            parts.hostname or "127.0.0.1", parts.path, time.monotonic()
        )
        with self._lock:
            self.requests.append(request)
            responses = self._answers.get(request.path) or [SiteResponse()]
            return responses.pop(0) if len(responses) > 1 else responses[0]

    def paths(self, host="127.0.0.1"):
        return [request.path for request in self.requests if request.host == host]

    def gaps(self, host="127.0.0.1"):
        """Return the seconds between consecutive requests to a host."""
        times = [request.at for request in self.requests if request.host == host]
        return [later - request for request, later in itertools.pairwise(times)]


class _Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # one packet per response: otherwise each waits 40 ms for the other side
    wbufsize = -1

    def do_GET(self):
        response = self.server.answer(self.path)
        body = response.body.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@contextlib.contextmanager
def timed_site(**answers):
    """Serve responses by path: `a_b` stands for `/a/b`, `robots` for `/robots.txt`."""
    named = {"robots": "/robots.txt"}
    by_path = {
        name
        if name[0] == "/"
        else named.get(name, "/" + name.replace("_", "/")): response
        for name, response in answers.items()
    }
    server = TimedSite(by_path)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
