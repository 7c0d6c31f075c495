"""The artifact store in a bucket, on a real S3 server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.content import digest_bytes, open_store
from begat.lineage.content.references import Referring
from begat.lineage.content.s3 import client as clients
from begat.lineage.content.s3 import notes
from begat.lineage.content.s3 import store as stores
from begat.lineage.content.s3.client import client
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.seen import Seen
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import ArtifactError, CorruptArtifactError, SettingsError
from begat.lineage.settings import Settings
from support.seaweed import Server
from support.stores import ABSENT, TestContract, delete, overwrite

__all__ = ["TestContract"]


@pytest.fixture
def url(s3: Server) -> str:
    return f"s3://{s3.bucket()}/artifacts"


@pytest.fixture
def store(url: str, tmp_path: Path) -> S3Store:
    """A store that remembers nothing."""
    return S3Store(url, Seen(tmp_path / "no folder" / "cache.db"))


@pytest.fixture
def remembering(url: str, tmp_path: Path) -> S3Store:
    return S3Store(url, Seen(tmp_path / "cache.db"))


def key(digest: str) -> str:
    name = digest.removeprefix("blake3:")
    return f"artifacts/{name[:2]}/{name[2:]}"


def test_in_parts(store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file goes there in parts and comes back whole; written again it is not sent."""
    monkeypatch.setattr(stores, "PARTS", 5 << 20)
    data = os.urandom(11 << 20)
    (tmp_path / "large").write_bytes(data)
    digest = store.write(tmp_path / "large")
    etag = client().head_object(**store.address(digest).arguments)["ETag"]
    monkeypatch.setattr(client(), "upload_file", None)

    assert etag.endswith('-3"')
    assert store.write(tmp_path / "large") == digest
    assert (store.read(digest), store.rehash(digest)) == (data, (digest, len(data)))


def test_killed_in_the_middle(
    store: S3Store, s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed between two parts leaves nothing that anybody sees."""
    data = os.urandom(11 << 20)
    (tmp_path / "large").write_bytes(data)
    script = f"""
import os, signal
from pathlib import Path
from typing import Any
from begat.lineage.content.s3 import store
from begat.lineage.content.s3.client import client
from begat.lineage.content.seen import Seen
store.PARTS = 5 << 20
genuine, parts = client()._make_api_call, []
def call(operation, arguments):
    if operation == "UploadPart":
        parts.append(operation)
        if len(parts) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return genuine(operation, arguments)
client()._make_api_call = call
found = store.S3Store({store.url!r}, Seen(Path("none/cache.db")))
found.write(Path({str(tmp_path / "large")!r}))
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    digest = digest_bytes(data)

    assert killed.returncode == -signal.SIGKILL
    assert (s3.keys(store.bucket), store.present([digest])) == ([], frozenset())
    assert store.read(store.write(tmp_path / "large")) == data


def test_written_by_many_at_once(store: S3Store, s3: Server) -> None:
    """Processes that write the same artifacts at once all succeed, and leave each once."""
    script = f"""
from pathlib import Path
from typing import Any
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.seen import Seen
store = S3Store({store.url!r}, Seen(Path("none/cache.db")))
for n in range(20):
    data = b"%d" % n * 1000
    assert store.read(store.write(data)) == data
"""
    both = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    digests = [digest_bytes(b"%d" % n * 1000) for n in range(20)]

    assert [process.wait() for process in both] == [0, 0]
    assert sorted(s3.keys(store.bucket)) == sorted(map(key, digests))


def test_asked_once(remembering: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there is not asked for again; that it is gone is seen when it is read."""
    digest = remembering.write(b"artifact")
    remembering.present([digest])
    delete(remembering, digest)

    assert remembering.present([digest]) == {digest}
    with pytest.raises(ArtifactError, match="is not in s3://"):
        remembering.read(digest)
    assert remembering.present([digest]) == frozenset()


def test_overwritten_is_seen_on_reading(remembering: S3Store) -> None:
    """An overwritten artifact is set aside when it is read, and written anew after that."""
    digest = remembering.write(b"artifact")
    overwrite(remembering, digest, b"ARTIFACT")
    with pytest.raises(CorruptArtifactError, match="set aside"):
        remembering.read(digest)

    assert list(remembering.aside()) == [b"ARTIFACT"]
    assert remembering.present([digest]) == frozenset()
    assert remembering.read(remembering.write(b"artifact")) == b"artifact"


def test_many_are_listed(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many artifacts are looked for in a listing, page by page."""
    monkeypatch.setattr(stores, "MANY", 5)
    digests = [store.write(b"%d" % n) for n in range(12)]
    monkeypatch.setattr(store, "_is_there", None)

    assert store.present([*digests, ABSENT]) == set(digests)


def test_set_aside(store: S3Store) -> None:
    """What is set aside can still be had, and is not there any more."""
    digest = store.write(b"a")

    assert (store.set_aside(digest), store.set_aside(ABSENT)) == (b"a", None)
    assert (store.rehash(digest), list(store.aside())) == (None, [b"a"])


def test_a_broken_connection_is_gone_on_with(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read whose connection breaks off goes on where it was, of the same object."""
    monkeypatch.setattr(stores, "WHOLE", 1 << 20)
    data = os.urandom(3 << 20)
    digest = store.write(data)
    genuine, ranges = client().get_object, list[str]()

    def get(**wanted: str) -> dict[str, object]:
        found: dict[str, object] = genuine(**wanted)
        ranges.append(f"{wanted.get('Range')} {'IfMatch' in wanted}")
        if len(ranges) == 1:
            found["Body"] = Broken(found["Body"])
        return found

    monkeypatch.setattr(client(), "get_object", get)

    assert store.read(digest) == data
    assert ranges == ["None False", f"bytes={1 << 20}- True"]


class Broken:
    """A body whose connection breaks off after a block."""

    def __init__(self, body: object) -> None:
        self.body = body

    def iter_chunks(self, size: int) -> object:
        """One block, and then no more."""
        yield next(self.body.iter_chunks(size))  # type: ignore[attr-defined]  # boto3 has no types
        raise ConnectionResetError("reset by peer")

    def close(self) -> None:
        """Give it back."""
        self.body.close()  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "check (the credentials|AWS_SECRET_ACCESS_KEY)"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "check (the credentials|AWS_ACCESS_KEY_ID)"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "AWS_ENDPOINT_URL"),
    ],
)
def test_away(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    message: str,
) -> None:
    """Wrong credentials and a server that is away are one line with the remedy."""
    for name, value in {"AWS_MAX_ATTEMPTS": "1", **changed}.items():
        monkeypatch.setenv(name, value)
    clients.forget()
    store = open_store(Settings(home=tmp_path, store="", artifacts=url))
    for ask in (
        lambda: store.write(b"a"),
        lambda: store.read(ABSENT),
        lambda: store.present([ABSENT]),
    ):
        with pytest.raises(ArtifactError, match=message) as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_endpoint_is_malformed(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is no URL is a setting to mend."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    clients.forget()
    store: ArtifactStore = S3Store("s3://bucket", Seen(tmp_path / "cache.db"))

    with pytest.raises(SettingsError, match="check AWS_ENDPOINT_URL"):
        store.write(b"a")


def test_by_reference(url: str, s3: Server, tmp_path: Path) -> None:
    """Bytes that stay elsewhere are read from there and verified, by any process."""
    bucket = s3.bucket(versioned=True)
    version = s3.put(bucket, "raw.csv", b"content")
    s3.put(bucket, "raw.csv", b"another")
    digest, location = digest_bytes(b"content"), f"s3://{bucket}/raw.csv?versionId={version}"
    first = open_store(Settings(home=tmp_path / "one", store="", artifacts=url))
    assert isinstance(first, Referring)
    first.refer(digest, location)
    second = open_store(Settings(home=tmp_path / "two", store="", artifacts=url))

    assert (second.present([digest]), second.read(digest)) == ({digest}, b"content")
    assert second.rehash(digest) == (digest, 7)
    client().delete_object(Bucket=bucket, Key="raw.csv", VersionId=version)
    with pytest.raises(ArtifactError, match=r"is no more at .*versionId="):
        second.read(digest)
    assert second.present([digest]) == frozenset()


@pytest.mark.parametrize(
    ("page", "many", "listings", "reads"),
    [(1000, 2000, 1, 0), (2, 10, 1, 0), (2, 2000, 1, 38)],
    ids=["few notes", "many questions", "many notes"],
)
def test_notes_are_asked_for_together(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
    many: int,
    listings: int,
    reads: int,
) -> None:
    """Whether absent artifacts are noted to be elsewhere is not asked one by one."""
    monkeypatch.setattr(notes, "PAGE", page)
    monkeypatch.setattr(notes, "MANY", many)
    names = [digest_bytes(f"{number}".encode()) for number in range(40)]
    first = open_store(Settings(home=tmp_path / "one", store="", artifacts=url))
    assert isinstance(first, Referring)
    for name in names[:5]:
        first.refer(name, "s3://lake/raw.csv?versionId=1")
    second = open_store(Settings(home=tmp_path / "two", store="", artifacts=url))
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    client().meta.events.register("before-call.s3", note)
    try:
        found = second.present(names)
    finally:
        client().meta.events.unregister("before-call.s3", note)

    assert found == frozenset(names[:5])
    assert (asked.count("ListObjectsV2"), asked.count("GetObject")) == (listings, reads)


def test_copied_in_blocks(store: S3Store, s3: Server, tmp_path: Path) -> None:
    """An artifact is put into a file without ever being in memory as a whole, wherever it lies."""
    data = os.urandom(24 << 20)
    digest = store.write(data)
    bucket = s3.bucket(versioned=True)
    version = s3.put(bucket, "raw.bin", data)
    elsewhere = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    assert isinstance(elsewhere, Referring)
    elsewhere.refer(digest, f"s3://{bucket}/raw.bin?versionId={version}")
    peaks = []
    for number, holder in enumerate((store, elsewhere)):
        tracemalloc.start()
        holder.copy(digest, tmp_path / str(number))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert all((tmp_path / name).read_bytes() == data for name in "01")
    assert max(peaks) < 12 << 20


def test_nothing_left_of_a_copy(store: S3Store, s3: Server, tmp_path: Path) -> None:
    """A copy of bytes that turn out to be others is an error, and no file."""
    digest = store.write(b"content")
    client().put_object(**store.address(digest).arguments, Body=b"another")
    bucket = s3.bucket(versioned=True)
    version = s3.put(bucket, "raw.bin", b"another")
    elsewhere = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    assert isinstance(elsewhere, Referring)
    elsewhere.refer(digest, f"s3://{bucket}/raw.bin?versionId={version}")

    for holder in (store, elsewhere):
        with pytest.raises(CorruptArtifactError, match="run again to make it anew"):
            holder.copy(digest, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        with pytest.raises(ArtifactError, match="is not in"):
            holder.copy(digest, tmp_path / "copy")


def test_reference_to_other_bytes(url: str, s3: Server, tmp_path: Path) -> None:
    """A reference whose bytes are not those of the digest is refused, and forgotten."""
    bucket = s3.bucket(versioned=True)
    version = s3.put(bucket, "raw.csv", b"content")
    store = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    assert isinstance(store, Referring)
    store.refer(ABSENT, f"s3://{bucket}/raw.csv?versionId={version}")

    with pytest.raises(CorruptArtifactError, match="does not hold artifact"):
        store.read(ABSENT)
    assert store.present([ABSENT]) == frozenset()
