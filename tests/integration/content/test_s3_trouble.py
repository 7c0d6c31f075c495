"""What goes wrong between begat and an S3 server: refused, away, cut off, raced."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

import pytest

from begat.lineage.content import StatCache, digest_bytes, open_store, sources
from begat.lineage.content.s3 import client as clients
from begat.lineage.content.s3 import objects
from begat.lineage.content.s3 import store as stores
from begat.lineage.content.s3.client import Address, client
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.seen import Seen
from begat.lineage.errors import ArtifactError, BegatError, DataError, WorldError
from begat.lineage.records import Snapshot
from begat.lineage.settings import Settings
from support.arriving import watcher
from support.seaweed import Server
from support.stores import ABSENT, overwrite

#: Bytes of a file that goes there in three parts.
LARGE = 11 << 20


@pytest.fixture
def store(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A store that remembers nothing, and sends what is larger than 5 MiB in parts."""
    monkeypatch.setattr(stores, "PARTS", 5 << 20)
    return another(f"s3://{s3.bucket()}/artifacts", tmp_path)


def another(url: str, folder: Path) -> S3Store:
    return S3Store(url, Seen(folder / "no folder" / "cache.db"))


def snapshot(pattern: str, folder: Path) -> Snapshot:
    return sources.snapshot(pattern, folder=folder, cache=StatCache(folder / "cache.db"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(LARGE))
    return path


def refused(kind: type[BegatError], message: str, ask: Callable[[], object]) -> None:
    """An error of one line."""
    with pytest.raises(kind, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "check (the credentials|AWS_SECRET_ACCESS_KEY)"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "check (the credentials|AWS_ACCESS_KEY_ID)"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "can be reached, AWS_ENDPOINT_URL"),
    ],
)
def test_sources_are_refused(
    s3: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    message: str,
) -> None:
    """Wrong credentials and a server that is away are one line with the remedy."""
    bucket = s3.bucket()
    s3.put(bucket, "m=1.csv", b"a")
    for name, value in {"AWS_MAX_ATTEMPTS": "1", **changed}.items():
        monkeypatch.setenv(name, value)
    clients.forget()

    refused(WorldError, message, lambda: snapshot(f"s3://{bucket}/m={{m}}.csv", tmp_path))
    refused(WorldError, message, lambda: snapshot(f"s3://{bucket}/m=1.csv", tmp_path))


def test_bucket_of_sources_is_missing(s3: Server, tmp_path: Path) -> None:
    """A bucket that is not there is the same kind of trouble, whatever it was to hold."""
    url = f"s3://{s3.bucket()}-gone"
    watching = watcher(pattern=f"{url}/m={{m}}.csv")

    refused(WorldError, "create the bucket", lambda: snapshot(f"{url}/m={{m}}.csv", tmp_path))
    refused(WorldError, "create the bucket", watching.drain)


def test_bucket_of_artifacts_is_missing(s3: Server, tmp_path: Path) -> None:
    """A bucket that is not there is named with what to do."""
    # Only reading: SeaweedFS makes a bucket for an administrator who writes there.
    url = f"s3://{s3.bucket()}-gone/artifacts"
    missing = open_store(Settings(home=tmp_path, store="", artifacts=url))

    refused(ArtifactError, f"{url}/.*create the bucket", lambda: missing.read(ABSENT))
    refused(ArtifactError, f"{url}/.*create the bucket", lambda: list(missing.aside()))


def test_refused_in_the_middle(
    store: S3Store, s3: Server, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload whose credentials end while it is under way says so, and leaves nothing."""
    genuine, parts = client()._make_api_call, list[str]()

    def call(operation: str, arguments: dict[str, object]) -> object:
        if operation == "UploadPart":
            parts.append(operation)
            if len(parts) == 2:
                arguments = {**arguments, "UploadId": "0" * 32}
        return genuine(operation, arguments)

    monkeypatch.setattr(client(), "_make_api_call", call)
    refused(
        ArtifactError,
        r"cannot be written to s3://.*, which BEGAT_ARTIFACTS names .*; try again",
        lambda: store.write(large),
    )
    monkeypatch.undo()
    left = s3.client.list_multipart_uploads(Bucket=store.bucket)

    assert (s3.keys(store.bucket), left.get("Uploads", [])) == ([], [])
    assert store.read(store.write(large)) == large.read_bytes()


def test_written_by_another_meanwhile(
    store: S3Store, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process wrote between a look and an upload is not set aside."""
    genuine = store._is_there

    def look(digest: str) -> bool:
        found = genuine(digest)
        another(store.url, tmp_path).write(large)
        return found

    monkeypatch.setattr(store, "_is_there", look)
    digest = store.write(large)

    assert list(store.aside()) == []
    assert store.read(digest) == large.read_bytes()


def test_overwritten_between_two_ranges(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact that is overwritten where a connection broke off is refused, never mixed."""
    monkeypatch.setattr(stores, "WHOLE", 1 << 20)
    digest = store.write(b"a" * (3 << 20))
    genuine = client().get_object

    def get(**wanted: str) -> dict[str, object]:
        found: dict[str, object] = genuine(**wanted)
        return {**found, "Body": Cut(found["Body"])}

    class Cut:
        def __init__(self, body: object) -> None:
            self._body, self.close = body, body.close

        def iter_chunks(self, size: int) -> Iterator[bytes]:
            yield next(self._body.iter_chunks(size))
            overwrite(store, digest, b"b" * (3 << 20))
            raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(client(), "get_object", get)

    refused(
        ArtifactError, "was overwritten while it was read; try again", lambda: store.read(digest)
    )


@pytest.mark.parametrize("versioned", [False, True])
def test_raced(s3: Server, tmp_path: Path, versioned: bool) -> None:
    """Whatever is read of an object that somebody overwrites all the time, it was written so."""
    url = f"s3://{s3.bucket(versioned=versioned)}/a.csv"
    states = [bytes([n]) * (1 << 20) for n in range(5)]
    whole, refusals = set(map(digest_bytes, states)), set[str]()
    with overwriting(s3, Address.parse(url), states):
        for n in range(10):
            try:
                [found] = snapshot(url, fresh(tmp_path, n)).versions
                assert found.digest in whole
                if versioned:
                    stream = objects.Stream(Address.parse(found.location))
                    assert digest_bytes(b"".join(stream)) == found.digest
                now = dataclasses.replace(found, location=url)
                with sources.opened(now) as file:
                    assert digest_bytes(file.read()) in whole
            except DataError as error:
                refusals.add(str(error).rpartition("while")[0])

    assert refusals <= {f"{url} was overwritten ", f"{url} was overwritten or removed "}


@contextmanager
def overwriting(s3: Server, address: Address, states: list[bytes]) -> Iterator[None]:
    """An object that is one of these states after the other, until the block ends."""
    over = Event()

    def write() -> None:
        for state in cycle(states):
            if over.is_set():
                return
            s3.put(address.bucket, address.key, state)

    s3.put(address.bucket, address.key, states[0])
    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def fresh(folder: Path, number: int) -> Path:
    """A folder of its own: nothing is remembered there."""
    path = folder / str(number)
    path.mkdir()
    return path


def test_pages_of_a_store(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many artifacts are found in as many pages as it takes."""
    monkeypatch.setattr(stores, "MANY", 5)
    defaults = {**objects.listing.__kwdefaults__, "page": 4}
    monkeypatch.setattr(objects.listing, "__kwdefaults__", defaults)
    asked = list[str]()
    client().meta.events.register("before-call.s3.ListObjectsV2", lambda **_: asked.append("page"))
    digests = [store.write(b"%d" % n) for n in range(10)]

    assert store.present([*digests, ABSENT]) == set(digests)
    assert len(asked) == 3


def test_sent_at_once(store: S3Store) -> None:
    """A small artifact is sent in one go, and nothing is asked before that."""
    sent = []
    client().meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    store.write(b"a")

    assert [(request.method, "Expect" in request.headers) for request in sent] == [("PUT", False)]


def test_forked(store: S3Store) -> None:
    """A process that is forked has connections of its own: no two read each other's answers."""
    digests = [store.write(b"%d" % n * 1000) for n in range(10)]
    script = f"""
import os
from pathlib import Path
from begat.lineage.content.s3.client import client
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.seen import Seen
store = S3Store({store.url!r}, Seen(Path("none/cache.db")))
store.read({digests[0]!r})
before, child = client(), os.fork()
for _ in range(5):
    for n, digest in enumerate({digests!r}):
        assert store.read(digest) == b"%d" % n * 1000
assert (client() is before) == bool(child)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)

    assert (done.returncode, done.stderr.decode()) == (0, "")
