"""Sending to a backend over real HTTP: in batches, one by one, past refusals and pauses."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.cli import _run
from begat.lineage.errors import ParameterError, SettingsError, WorldError
from begat.lineage.events.endpoint import Endpoint

#: Status, headers, body.
Answer = tuple[int, dict[str, str], Any]
TAKEN: Answer = (204, {}, None)


@dataclass
class Backend:
    """A backend that answers as a test wants, and keeps what it took."""

    answer: Callable[[str, Any], Answer]
    url: str = ""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def taken(self) -> list[int]:
        """Numbers of the events that were sent, in order."""
        return [
            one["n"]
            for _, body in self.requests
            for one in (body if isinstance(body, list) else [body])
        ]


@contextmanager
def listening(answer: Callable[[str, Any], Answer]) -> Iterator[Backend]:
    """A backend on loopback."""
    backend = Backend(answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            body = json.loads(data)
            status, headers, said = backend.answer(self.path, body)
            if 200 <= status < 300:
                backend.requests.append((self.path, body))
                backend.headers.append(dict(self.headers))
            out = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(out))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    server.daemon_threads = True
    backend.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def texts(number: int) -> list[bytes]:
    """Events that are told apart by a number."""
    return [json.dumps({"n": n, "pad": "x" * 200}).encode() for n in range(number)]


def send(backend: Backend, events: list[bytes], **options: Any) -> list[tuple[int, str]]:
    """What a backend refused."""
    with closing(Endpoint(backend.url, **options)) as endpoint:
        return endpoint.send(events)


def test_batches() -> None:
    """Events go as one list, packed, with the token, to the path of batches."""
    with listening(lambda path, body: TAKEN) as backend:
        assert send(backend, texts(20), token="secret") == []

    assert [path for path, _ in backend.requests] == ["/api/v1/lineage/batch"]
    assert backend.taken == list(range(20))
    assert backend.headers[0]["Authorization"] == "Bearer secret"
    assert backend.headers[0]["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("status", [404, 405])
def test_without_batches(status: int) -> None:
    """A backend that has no batches gets one event a request, and is asked for batches once."""
    asked: list[str] = []

    def answer(path: str, body: Any) -> Answer:
        asked.append(path)
        return (status, {}, None) if path.endswith("/batch") else (201, {}, None)

    with listening(answer) as backend, closing(Endpoint(f"{backend.url}/api/v1/lineage/")) as one:
        assert one.send(texts(3)) + one.send(texts(2)) == []

    assert backend.taken == [0, 1, 2, 0, 1]
    assert asked == ["/api/v1/lineage/batch"] + ["/api/v1/lineage"] * 5


def test_failed_events() -> None:
    """What a batch's answer lists as failed is told, and what may be retried is sent again."""
    failed = [
        {"index": 1, "reason": "no job", "retriable": False},
        {"index": 2, "reason": "later", "retriable": True},
        {"index": 99, "reason": "not ours", "retriable": False},
    ]

    def answer(path: str, body: Any) -> Answer:
        return (200, {}, {"failed_events": failed}) if path.endswith("/batch") else TAKEN

    with listening(answer) as backend:
        assert send(backend, texts(4)) == [(1, "no job")]

    assert backend.taken == [0, 1, 2, 3, 2]


def test_one_spoils_its_batch() -> None:
    """A batch that is refused as a whole is halved until only the events at fault are refused."""

    def answer(path: str, body: Any) -> Answer:
        listed = body if isinstance(body, list) else [body]
        return (413 if any(one["n"] in (5, 6) for one in listed) else 201, {}, "too much")

    with listening(answer) as backend:
        refused = send(backend, texts(16))

    assert [index for index, _ in refused] == [5, 6]
    assert {reason for _, reason in refused} == {'HTTP 413: "too much"'}
    assert sorted(backend.taken) == [n for n in range(16) if n not in (5, 6)]


def test_broken_texts_are_not_sent() -> None:
    """What is no JSON is refused here, and the others are sent."""
    with listening(lambda path, body: TAKEN) as backend:
        refused = send(backend, [b"nope", *texts(2), b"[NaN]", b"\xff"])

    assert [index for index, _ in refused] == [0, 3, 4]
    assert backend.taken == [0, 1]


def test_busy() -> None:
    """A backend that asks for a pause gets the same again, once, when it is over."""
    answers = iter([(429, {"Retry-After": "0"}, None), (503, {"Retry-After": "0"}, None), TAKEN])
    with listening(lambda path, body: next(answers)) as backend:
        assert send(backend, texts(2)) == []

    assert backend.taken == [0, 1]


def test_server_error_of_one_event() -> None:
    """An event that a backend falls over is refused after three tries; the others go through."""
    tried: list[Any] = []

    def answer(path: str, body: Any) -> Answer:
        listed = body if isinstance(body, list) else [body]
        tried.append([one["n"] for one in listed])
        bad = any(one["n"] == 1 for one in listed)
        return (500, {"Retry-After": "0"}, "oh") if bad else TAKEN

    with listening(answer) as backend:
        assert send(backend, texts(3)) == [(1, 'HTTP 500: "oh"')]

    assert sorted(backend.taken) == [0, 2]
    assert tried.count([1]) == 3


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((401, {}, None), SettingsError, "wants another token"),
        ((404, {}, None), SettingsError, "is no OpenLineage endpoint"),
        ((301, {"Location": "https://b.example"}, None), SettingsError, "is at https://b.example"),
        ((503, {"Retry-After": "60"}, None), WorldError, "takes nothing now"),
    ],
)
def test_it_is_not_for_us(answer: Answer, error: type[Exception], says: str) -> None:
    """What no waiting mends is said at once, with what to do."""
    with (
        listening(lambda path, body: answer) as backend,
        pytest.raises(error, match=says),
    ):
        send(backend, texts(1), patience=1)


def test_nobody_is_there() -> None:
    """A backend that cannot be reached is given up after the time it is given."""
    with listening(lambda path, body: TAKEN) as backend:
        pass
    with pytest.raises(WorldError, match=r"cannot be reached \(ConnectionError\)"):
        send(backend, texts(1), patience=0)


def test_the_command_says_what_it_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`begat ingest --url` says how many were sent, and not what the backend had before."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join([*texts(2), b"nope"]))
    with listening(lambda path, body: TAKEN) as backend:
        told = ["ingest", str(file), "--url", backend.url]
        assert _run(told) == 2
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert _run([*told, "--json"]) == 2

    assert rows[:2] == [["file", "sent", "skipped"], [str(file), "2", "1"]]
    [said] = json.loads(capsys.readouterr().out)["files"]
    assert said == {"file": str(file), "sent": 2, "skipped": 1}


def test_no_url() -> None:
    """What is no URL of HTTP is refused before anything is read."""
    with pytest.raises(ParameterError, match="--url is"):
        Endpoint("file:///etc")
