"""One contract, over every artifact store."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.content import LocalStore, MemoryStore, StatCache, digest_bytes, open_store
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import ArtifactError, SettingsError
from begat.lineage.settings import Settings
from support.stores import ABSENT, TestContract, overwrite, place

__all__ = ["TestContract"]


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "artifacts", StatCache(tmp_path / "cache.db"))


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, local: LocalStore) -> ArtifactStore:
    return local if request.param == "local" else MemoryStore()


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("place", ["s3:/lake/art", "s3:lake", "S3:/lake", "gs:/lake", "file:///a"])
def test_mistyped_address(place: str, tmp_path: Path) -> None:
    """What looks like an address is refused, and not taken for a folder of that name."""
    with pytest.raises(SettingsError, match=r"BEGAT_ARTIFACTS is the path of a folder, or s3://"):
        open_store(Settings(home=tmp_path, store="", artifacts=place))


@given(st.lists(st.binary(max_size=20)))
def test_a_store_is_a_set(parts: list[bytes]) -> None:
    """Whatever is written in whatever order, each part is there once."""
    store = MemoryStore()
    digests = [store.write(part) for part in parts]

    assert store.present(digests) == {digest_bytes(part) for part in parts}
    assert [store.read(digest) for digest in digests] == parts


class TestLocal:
    def test_rewrite_with_times_restored(self, local: LocalStore) -> None:
        """An artifact overwritten with as many bytes and its times restored is noticed."""
        digest = local.write(b"artifact")
        path = place(local, digest)
        before = path.stat()
        overwrite(local, digest, b"ARTIFACT")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert local.present([digest]) == frozenset()

    def test_set_aside(self, local: LocalStore) -> None:
        """What is found overwritten is kept aside, not destroyed."""
        digest = local.write(b"artifact")
        overwrite(local, digest, b"ARTIFACT")
        local.present([digest])
        [kept] = (local.folder / "set-aside").iterdir()

        assert kept.read_bytes() == b"ARTIFACT"

    def test_artifacts_are_read_only(self, local: LocalStore) -> None:
        """An artifact's file has no write permission."""
        path = place(local, local.write(b"a"))

        assert path.stat().st_mode & 0o222 == 0

    def test_not_a_hard_link(self, local: LocalStore, tmp_path: Path) -> None:
        """A file that was written shares no inode with its artifact."""
        source = tmp_path / "source"
        source.write_bytes(b"a")

        assert place(local, local.write(source)).stat().st_ino != source.stat().st_ino

    def test_nothing_before_the_first_write(self, local: LocalStore) -> None:
        """Asking creates nothing."""
        local.present([ABSENT])

        assert not local.folder.exists()

    def test_no_path_outside(self, local: LocalStore) -> None:
        """Only a digest is looked up: no name leads out of the folder."""
        with pytest.raises(ArtifactError, match="is not an artifact's digest"):
            local.read("blake3:../../../etc/passwd")

    def test_unreadable_artifact(self, local: LocalStore) -> None:
        """One that cannot be read is absent, and does not hide the others."""
        bad, good = local.write(b"bad"), local.write(b"good")
        place(local, bad).unlink()
        place(local, bad).mkdir()

        assert local.present([bad, good]) == {good}

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
    @pytest.mark.parametrize("from_file", [False, True])
    def test_disk_full(
        self,
        local: LocalStore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        from_file: bool,
    ) -> None:
        """A full disk is an ArtifactError that names the remedy, and leaves nothing behind."""
        source = tmp_path / "source"
        source.write_bytes(b"artifact")
        monkeypatch.setattr(os, "write", _half_then(OSError(code, os.strerror(code))))

        with pytest.raises(ArtifactError, match=r"free space there .* BEGAT_ARTIFACTS"):
            local.write(source if from_file else b"artifact")
        assert files(local.folder) == []

    def test_interrupted(self, local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C in the middle of a write leaves no half artifact."""
        monkeypatch.setattr(os, "write", _half_then(KeyboardInterrupt()))

        with pytest.raises(KeyboardInterrupt):
            local.write(b"artifact")
        assert files(local.folder) == []

    def test_killed(self, tmp_path: Path) -> None:
        """A process killed in the middle of a write leaves no artifact, and stops no other."""
        script = f"""
import os, signal
from pathlib import Path
from begat.lineage.content import LocalStore, StatCache
genuine = os.write
def write(descriptor, data):
    genuine(descriptor, data[:4])
    os.kill(os.getpid(), signal.SIGKILL)
os.write = write
LocalStore(Path({str(tmp_path)!r}), StatCache(Path({str(tmp_path)!r}) / "c")).write(b"artifact")
"""
        killed = subprocess.run([sys.executable, "-c", script], check=False)
        local = LocalStore(tmp_path, StatCache(tmp_path / "cache.db"))
        digest = digest_bytes(b"artifact")

        assert (killed.returncode, local.present([digest])) == (-signal.SIGKILL, frozenset())
        assert local.read(local.write(b"artifact")) == b"artifact"

    def test_unwritable_folder(self, tmp_path: Path) -> None:
        """A folder that cannot be made is named, with the remedy."""
        (tmp_path / "file").write_text("in the way")
        local = LocalStore(tmp_path / "file" / "artifacts", StatCache(tmp_path / "cache.db"))

        with pytest.raises(ArtifactError, match=r"file/artifacts \(Not a directory\)"):
            local.write(b"a")

    def test_two_processes(self, local: LocalStore, tmp_path: Path) -> None:
        """Two processes that write the same artifacts at once both succeed."""
        script = f"""
from pathlib import Path
from begat.lineage.content import LocalStore, StatCache
store = LocalStore(Path({str(local.folder)!r}), StatCache(Path({str(tmp_path / "cache.db")!r})))
for n in range(50):
    data = b"%d" % n * 1000
    assert store.read(store.write(data)) == data
"""
        both = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]

        assert [process.wait() for process in both] == [0, 0]
        assert len(local.present(digest_bytes(b"%d" % n * 1000) for n in range(50))) == 50
        assert not any(name.startswith(("partial", "set-aside")) for name in files(local.folder))

    def test_threads(self, local: LocalStore) -> None:
        """Threads that write the same artifact at once both succeed."""
        barrier, found = threading.Barrier(8), list[str]()

        def write() -> None:
            barrier.wait()
            found.append(local.write(b"artifact"))

        threads = [threading.Thread(target=write) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert found == [digest_bytes(b"artifact")] * 8


def test_open_store(tmp_path: Path) -> None:
    """The settings' folder is the store's; what is neither a folder nor in S3 is refused."""
    settings = Settings(home=tmp_path, store="", artifacts=str(tmp_path / "here"))
    store = open_store(settings)
    store.write(b"a")

    assert len(files(tmp_path / "here")) == 1
    with pytest.raises(SettingsError, match=r"path of a folder, or s3://.*; got 'gs://bucket'"):
        open_store(Settings(home=tmp_path, store="", artifacts="gs://bucket"))


def _half_then(error: BaseException) -> Callable[[int, bytes], int]:
    """An `os.write` that takes half of the first block and then fails."""
    genuine, calls = os.write, list[int]()

    def write(descriptor: int, data: bytes) -> int:
        if calls:
            raise error
        calls.append(descriptor)
        return genuine(descriptor, data[: len(data) // 2])

    return write


class TestAge:
    @pytest.fixture
    def old(self, local: LocalStore) -> str:
        """An artifact that was written a day ago."""
        digest = local.write(b"old")
        self.make_old(local, digest)
        return digest

    @staticmethod
    def make_old(local: LocalStore, digest: str) -> None:
        path = place(local, digest)
        then = path.stat().st_mtime - 86_400
        os.utime(path, (then, then))

    def test_by_its_file(self, local: LocalStore, old: str) -> None:
        """An artifact is as old as its file says, and goes if that is old enough."""
        [[found]] = local.listing()

        assert found.age == pytest.approx(86_400, abs=60)
        assert local.remove([old], older=90_000.0) == {}
        assert local.remove([old], older=80_000.0) == {old: 3}

    @pytest.mark.parametrize("how", ["bytes", "file", "refresh"])
    def test_young_again(self, local: LocalStore, old: str, how: str, tmp_path: Path) -> None:
        """Who writes it again, or means to rely on it, makes it young: it is not collected."""
        (tmp_path / "same").write_bytes(b"old")
        if how == "refresh":
            assert local.refresh([old]) == {old}
        else:
            local.write(b"old" if how == "bytes" else tmp_path / "same")

        assert local.remove([old], older=3600.0) == {}
        assert local.present([old]) == {old}

    def test_present_leaves_it_old(self, local: LocalStore, old: str) -> None:
        """Looking whether it is there keeps nothing."""
        local.present([old])

        assert local.remove([old], older=3600.0) == {old: 3}

    def test_partial(self, local: LocalStore) -> None:
        """What a killed writer left is swept once it is old, and told before."""
        left = local.folder / "partial" / "1-a"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")

        assert local.sweep(3600.0, delete=True).count == 0
        os.utime(left, (0, 0))
        assert local.sweep(3600.0, delete=False) == local.sweep(3600.0, delete=True)
        assert not left.exists()

    def test_others_are_no_artifacts(self, local: LocalStore) -> None:
        """Files that are called otherwise are in no listing."""
        digest = local.write(b"a")
        place(local, digest).with_name("notes.txt").write_text("mine")

        assert [one.digest for page in local.listing() for one in page] == [digest]
