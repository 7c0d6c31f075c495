"""What the client of S3 makes of addresses and errors; no server is asked."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from begat.lineage.content import StatCache, open_store, sources
from begat.lineage.content.s3 import client
from begat.lineage.content.s3.client import Address, translated
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import (
    ArtifactError,
    BegatError,
    DataError,
    ParameterError,
    SettingsError,
    WorldError,
)
from begat.lineage.records import Snapshot
from begat.lineage.settings import Settings
from support.stores import ABSENT

#: Modules whose errors boto3 raises, or lets through.
RAISING = (
    "boto3.exceptions",
    "botocore.exceptions",
    "botocore.parsers",
    "s3transfer.exceptions",
    "urllib3.exceptions",
)
#: What asks S3 for something, and the kind of error that says why it cannot.
ASKING: dict[str, tuple[type[BegatError], Callable[[Path], object]]] = {
    "write": (ArtifactError, lambda home: store(home).write(b"a")),
    "read": (ArtifactError, lambda home: store(home).read(ABSENT)),
    "present": (ArtifactError, lambda home: store(home).present([ABSENT])),
    "list": (WorldError, lambda home: snapshot("s3://bucket/m={m}.csv", home)),
    "look": (WorldError, lambda home: snapshot("s3://bucket/a.csv", home)),
}


def store(home: Path) -> ArtifactStore:
    return open_store(Settings(home=home, store="", artifacts="s3://bucket/artifacts"))


def snapshot(pattern: str, home: Path) -> Snapshot:
    return sources.snapshot(pattern, folder=home, cache=StatCache(home / "cache.db"))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No client is left over from before, or for later."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "somebody")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    client.forget()
    yield
    client.forget()


def raised() -> Iterator[type[Exception]]:
    """Every class of errors that boto3 and what it stands on define."""
    for name in RAISING:
        for value in vars(importlib.import_module(name)).values():
            if inspect.isclass(value) and issubclass(value, Exception):
                own = value.__module__.startswith(("boto", "s3transfer", "urllib3"))
                if own and not issubclass(value, Warning):
                    yield value


def test_none_is_unmapped() -> None:
    """Whatever boto3 raises becomes an error of begat's, in one line with a remedy."""
    unmapped, found = [], list(raised())
    for kind in found:
        error = kind.__new__(kind)
        error.response = {"Error": {"Code": "Odd", "Message": "so\nit is"}}
        try:
            with translated("s3://bucket/key cannot be read", DataError):
                raise error
        except DataError as said:
            if not str(said).startswith("s3://bucket/key cannot be read (") or "\n" in str(said):
                unmapped.append(f"{kind.__module__}.{kind.__name__}: {said}")
        except Exception:
            unmapped.append(f"{kind.__module__}.{kind.__name__}")

    assert len(found) > 100
    assert unmapped == []


def test_errors_of_others_pass() -> None:
    """A mistake in begat's own code is not taken for one of the server's."""
    with pytest.raises(ZeroDivisionError), translated("nothing can be read", DataError):
        raise ZeroDivisionError


@pytest.mark.parametrize("asking", ASKING)
def test_without_boto3(asking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where boto3 is not installed, the error says how to install it."""
    for name in [name for name in sys.modules if name.startswith(("boto3", "botocore"))]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("boto3", "botocore", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(
        SettingsError, match=r"boto3 is not installed.*pip install 'path/to/begat\[s3\]'"
    ):
        ASKING[asking][1](tmp_path)


class Page(BaseHTTPRequestHandler):
    """A web page, whatever it is asked."""

    def do_GET(self) -> None:
        body = b"" if self.command == "HEAD" else b"<!doctype html><p>Welcome"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A web server in the place of S3."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("asking", ASKING)
def test_no_s3(asking: str, tmp_path: Path) -> None:
    """An endpoint that is a web site and no S3 is noticed, in one line."""
    kind, ask = ASKING[asking]

    with pytest.raises(kind, match=r"check .*AWS_ENDPOINT_URL") as caught:
        ask(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://b/k", "s3://b/k/l?versionId=a.b_c", "s3://b/"])
def test_addresses(url: str) -> None:
    """An address is written as it was read."""
    assert str(Address.parse(url)) == url


@pytest.mark.parametrize("url", ["", "s3://", "s3:///key", "/bucket/key", "https://bucket/key"])
def test_no_address(url: str) -> None:
    """What is no address in S3 is refused."""
    with pytest.raises(ParameterError, match="is s3://bucket/key; got"):
        Address.parse(url)
