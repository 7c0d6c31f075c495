"""An OpenLineage backend on loopback: real HTTP, and as bad as a test wants it."""

from __future__ import annotations

import gzip
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: Status, headers and body that an event is answered with.
Answer = tuple[int, dict[str, str], str]
TAKEN: Answer = (201, {}, "")


@dataclass
class Receiver:
    """Keeps the events it takes."""

    port: int
    #: What it says to an event, told how many requests came before.
    answer: Callable[[dict[str, Any], int], Answer] = lambda event, number: TAKEN
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Where it listens, or will."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it took, in order."""
        return [json.loads(body) for body in self.bodies]

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something to be true of it; half a minute is the end of patience."""
        with self.changed:
            assert self.changed.wait_for(true, timeout=30)

    def receive(self, body: str, headers: dict[str, str]) -> Answer:
        """Answer a request."""
        with self.changed:
            number, self.requests = self.requests, self.requests + 1
        said = self.answer(json.loads(body), number)
        with self.changed:
            if 200 <= said[0] < 300:
                self.bodies.append(body)
                self.headers.append(headers)
            self.changed.notify_all()
        return said

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Be there for a while."""
        server = _Server(("127.0.0.1", self.port), _Handler)
        server.receiver = self
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def receiver() -> Receiver:
    """One on a port where nothing listens yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return Receiver(port=port)


class _Server(http.server.ThreadingHTTPServer):
    receiver: Receiver
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a sender that was killed or lost patience is what tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {**self.headers, "path": self.path}
        status, extra, text = self.server.receiver.receive(body.decode(), headers)
        self.send_response(status)
        for name, value in {**extra, "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        """A page for people, such as redirects lead to."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...
