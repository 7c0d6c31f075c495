"""Sources in S3, on a real S3 server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from begat.lineage.content import MemoryStore, StatCache, digest_bytes, open_store, sources
from begat.lineage.content.s3 import objects
from begat.lineage.content.s3.client import client
from begat.lineage.errors import BegatError, DataError, WorldError
from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.settings import Settings
from support.seaweed import Server

ROOT = Path("/")


@pytest.fixture
def bucket(s3: Server) -> str:
    return s3.bucket()


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.db")


@pytest.fixture
def gets(monkeypatch: pytest.MonkeyPatch, s3: Server) -> list[str]:
    """The keys of objects that are read from now on."""
    genuine, keys = client().get_object, list[str]()

    def get(**wanted: str) -> object:
        keys.append(wanted["Key"])
        return genuine(**wanted)

    monkeypatch.setattr(client(), "get_object", get)
    return keys


def snapshot(pattern: str, cache: StatCache) -> Snapshot:
    return sources.snapshot(pattern, folder=ROOT, cache=cache)


def test_partitions(s3: Server, bucket: str, cache: StatCache) -> None:
    """Objects are partitions by their keys, and named as OpenLineage names them."""
    for key in (
        "raw/month=1/a.csv",
        "raw/month=2/a.csv",
        "raw/month=2/.a.csv",
        "raw/x/month=3/a.csv",
    ):
        s3.put(bucket, key, key.encode())
    found = snapshot(f"s3://{bucket}/raw/month={{month}}/*.csv", cache)

    assert [version.partition for version in found.versions] == ["month=1", "month=2"]
    assert found.versions[0] == DatasetVersion(
        namespace=f"s3://{bucket}",
        name="raw",
        partition="month=1",
        digest=digest_bytes(b"raw/month=1/a.csv"),
        size=17,
        format="csv",
        location=f"s3://{bucket}/raw/month=1/a.csv",
    )


def test_as_local(s3: Server, bucket: str, cache: StatCache, tmp_path: Path) -> None:
    """The same files have the same partitions, digests and manifests in a folder and in S3."""
    for key in ("y=1/m=1/a.csv", "y=1/m=1/b.csv", "y=1/m=2/a.csv", "y=2/m=1/.a.csv", "y=3/a.csv"):
        path = tmp_path / "raw" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.encode())
        s3.put(bucket, f"raw/{key}", key.encode())
    pattern = "raw/y={y}/m={m}/*.csv"
    here = sources.snapshot(pattern, folder=tmp_path, cache=cache)
    there = snapshot(f"s3://{bucket}/{pattern}", cache)

    def plain(versions: tuple[DatasetVersion, ...]) -> list[tuple[object, ...]]:
        return [(v.partition, v.digest, v.size, v.format) for v in versions]

    assert len(here.versions) == 2
    assert plain(here.versions) == plain(there.versions)


def test_read_once(s3: Server, bucket: str, cache: StatCache, gets: list[str]) -> None:
    """An object is read once for each state of it."""
    pattern = f"s3://{bucket}/{{m}}.csv"
    s3.put(bucket, "1.csv", b"one")
    s3.put(bucket, "2.csv", b"two")
    first = snapshot(pattern, cache)
    again = snapshot(pattern, cache)
    s3.put(bucket, "2.csv", b"TWO")
    changed = snapshot(pattern, cache)

    assert first == again
    assert sorted(gets) == ["1.csv", "2.csv", "2.csv"]
    assert [version.digest for version in changed.versions] == [
        digest_bytes(b"one"),
        digest_bytes(b"TWO"),
    ]


def test_pages(s3: Server, bucket: str, cache: StatCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing of several pages has every object."""
    monkeypatch.setattr(
        objects.listing, "__kwdefaults__", {**objects.listing.__kwdefaults__, "page": 3}
    )
    for n in range(10):
        s3.put(bucket, f"n={n}/x.csv", b"%d" % n)

    assert len(snapshot(f"s3://{bucket}/n={{n}}/x.csv", cache).versions) == 10


def test_versions_stay_where_they_are(s3: Server, cache: StatCache, tmp_path: Path) -> None:
    """Where a bucket keeps versions, what was read is had again from there when it is replaced."""
    bucket = s3.bucket(versioned=True)
    version = s3.put(bucket, "month=1/a.csv", b"before")
    [found] = snapshot(f"s3://{bucket}/month={{month}}/a.csv", cache).versions
    store = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    sources.keep(found, store)
    s3.put(bucket, "month=1/a.csv", b"after")

    assert found.location == f"s3://{bucket}/month=1/a.csv?versionId={version}"
    assert store.read(found.digest) == b"before"
    assert not list((tmp_path / "artifacts").glob("??/*"))
    assert sources.version(found.location, folder=ROOT, cache=cache).digest == found.digest


def test_kept_without_reading(
    s3: Server, cache: StatCache, tmp_path: Path, gets: list[str]
) -> None:
    """What is kept where it is, is not read again for that; what is copied is read once."""
    store = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    for versioned in (True, False):
        bucket = s3.bucket(versioned=versioned)
        s3.put(bucket, "a.csv", b"%d" % versioned)
        found = sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)
        del gets[:]
        sources.keep(found, store)

        assert gets == ([] if versioned else ["a.csv"])
        assert store.read(found.digest) == b"%d" % versioned


def test_many_files_stay_where_they_are(s3: Server, cache: StatCache, tmp_path: Path) -> None:
    """Of a partition of many files each is had again from where it was."""
    bucket = s3.bucket(versioned=True)
    for name in ("a", "b"):
        s3.put(bucket, f"m=1/{name}.csv", name.encode())
    [found] = snapshot(f"s3://{bucket}/m={{m}}/*.csv", cache).versions
    store = open_store(Settings(home=tmp_path, store="", artifacts=str(tmp_path / "artifacts")))
    sources.keep(found, store)
    for name in ("a", "b"):
        s3.put(bucket, f"m=1/{name}.csv", b"after")

    assert [store.read(digest_bytes(name)) for name in (b"a", b"b")] == [b"a", b"b"]
    assert len(list((tmp_path / "artifacts").glob("??/*"))) == 1


def test_copied_from_other_buckets(s3: Server, bucket: str, cache: StatCache) -> None:
    """Where a bucket keeps no versions, what was read is copied."""
    s3.put(bucket, "m=1/a.csv", b"before")
    s3.put(bucket, "m=1/b.csv", b"beside")
    [found] = snapshot(f"s3://{bucket}/m={{m}}/*.csv", cache).versions
    store = MemoryStore()
    sources.keep(found, store)
    s3.put(bucket, "m=1/a.csv", b"after")

    assert found.format == "csv+files"
    assert store.present([found.digest, digest_bytes(b"before"), digest_bytes(b"beside")]) == {
        found.digest,
        digest_bytes(b"before"),
        digest_bytes(b"beside"),
    }


def overwriting(
    s3: Server, bucket: str, key: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let an object be overwritten before each of the next reads."""
    genuine, done = client().get_object, list[str]()

    def get(**wanted: str) -> object:
        if len(done) < times:
            done.append(key)
            s3.put(bucket, key, b"written %d" % len(done))
        return genuine(**wanted)

    monkeypatch.setattr(client(), "get_object", get)


def test_overwritten_since_it_was_listed(
    s3: Server, bucket: str, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that is overwritten before it is read is read anew, as it is then."""
    s3.put(bucket, "a.csv", b"listed")
    overwriting(s3, bucket, "a.csv", 1, monkeypatch)
    found = sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)

    assert (found.digest, found.size) == (digest_bytes(b"written 1"), 9)


def test_overwritten_again_and_again(
    s3: Server, bucket: str, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that is overwritten at every attempt is refused by name."""
    s3.put(bucket, "a.csv", b"listed")
    overwriting(s3, bucket, "a.csv", 9, monkeypatch)

    with pytest.raises(DataError, match=f"s3://{bucket}/a.csv was overwritten or removed while"):
        sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)


def test_overwritten_in_the_middle(
    s3: Server, bucket: str, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a connection breaks off and the object is another by then, nothing is mixed."""
    s3.put(bucket, "a.csv", b"a" * (3 << 20))
    genuine, calls = client().get_object, list[int]()

    class Cut:
        def __init__(self, body: Callable[[], object]) -> None:
            self.close = body.close  # type: ignore[attr-defined]  # boto3 has no types
            self._body = body

        def iter_chunks(self, size: int) -> object:
            yield next(self._body.iter_chunks(size))  # type: ignore[attr-defined]  # as above
            s3.put(bucket, "a.csv", b"b" * (3 << 20))
            raise ConnectionResetError("reset by peer")

    def get(**wanted: str) -> object:
        found = genuine(**wanted)
        calls.append(1)
        return {**found, "Body": Cut(found["Body"])} if len(calls) == 1 else found

    monkeypatch.setattr(client(), "get_object", get)
    found = sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)

    assert found.digest == digest_bytes(b"b" * (3 << 20))


def test_overwritten_between_looking_and_keeping(s3: Server, bucket: str, cache: StatCache) -> None:
    """What was overwritten since it was digested is not kept for what it was."""
    s3.put(bucket, "a.csv", b"before")
    found = sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)
    s3.put(bucket, "a.csv", b"after!")

    with pytest.raises(DataError, match="was rewritten while it was read; run again"):
        sources.keep(found, MemoryStore())


@pytest.mark.parametrize(
    ("kind", "pattern", "message"),
    [
        (WorldError, "s3://no-such-bucket/m={m}/a.csv", "create the bucket"),
        (
            DataError,
            "s3://BUCKET/m={m}/a.csv",
            r"no file matches s3://.*no key that begins with s3://.*/m= does",
        ),
        (DataError, "s3://BUCKET/a.csv", "no file matches"),
        (DataError, "s3://BUCKET/empty.csv", "is empty"),
    ],
)
def test_nothing_there(
    s3: Server,
    bucket: str,
    cache: StatCache,
    kind: type[BegatError],
    pattern: str,
    message: str,
) -> None:
    """A bucket, keys or bytes that are not there are named."""
    s3.put(bucket, "empty.csv", b"")

    with pytest.raises(kind, match=message):
        snapshot(pattern.replace("BUCKET", bucket), cache)


def test_only_the_header(s3: Server, bucket: str, cache: StatCache) -> None:
    """Of an object that is opened no more is read than is asked for, of one state of it."""
    s3.put(bucket, "a.csv", b"a,b\n" + b"1,2\n" * 200_000)
    found = sources.version(f"s3://{bucket}/a.csv", folder=ROOT, cache=cache)
    with sources.opened(found) as file:
        assert (file.readline(), file.seek(-4, 2)) == (b"a,b\n", 800_000)
        s3.put(bucket, "a.csv", b"c,d\n")
        file.seek(400_000)
        with pytest.raises(DataError, match="was overwritten while it was read"):
            file.read()
