"""A site on loopback whose responses can be delayed."""

import gzip
import http.server
import threading


class Site(http.server.ThreadingHTTPServer):
    """A site on loopback: /page/N, /hold (answered when released), /status/CODE."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.robots = ""
        self.held = threading.Event()
        self.released = threading.Event()
        self.served = []
        self.changed = threading.Condition()

    def note(self, path):
        with self.changed:
            self.served.append(path)
            self.changed.notify_all()

    def wait_for_pages(self, number):
        def pages():
            return sum(path.startswith("/page/") for path in self.served)

        with self.changed:
            assert self.changed.wait_for(lambda: pages() >= number, 60)


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # one packet per response: otherwise each waits 40 ms for the other side
    wbufsize = -1

    def do_GET(self):
        status, body = 200, b"<html>a page</html>"
        if self.path == "/robots.txt":
            body = self.server.robots.encode()
        elif self.path == "/hold":
            self.server.held.set()
            self.server.released.wait(60)
        elif self.path.startswith("/status/"):
            status = int(self.path.rpartition("/")[2])
        elif self.path == "/large":
            body = b"a" * 100_000
        elif self.path == "/packed":
            body = gzip.compress(b"a" * 100_000)
        elif self.path == "/broken":
            body = b"no gzip"
        self.server.note(self.path)
        self.send_response(status)
        if self.path in {"/packed", "/broken"}:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass
