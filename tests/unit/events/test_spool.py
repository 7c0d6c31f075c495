"""Events that wait on disk."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.content.merkle import Chunk
from begat.lineage.errors import ArtifactError, EventError, StoreError
from begat.lineage.events import Spool, static_id

DIGEST = "blake3:" + "ab" * 32
CHUNK = Chunk.of([("month=2013-01", DIGEST, "run")])

Event = dict[str, Any]


class Store:
    """Keeps what it is given, but for events named as bad; may be away."""

    def __init__(self, *, bad: Sequence[str] = (), away: Exception | None = None) -> None:
        self.events: list[Event] = []
        self.chunks: list[Chunk] = []
        self.bad = bad
        self.away = away

    def record(self, events: list[Event], chunks: list[Chunk]) -> None:
        """All of it or nothing."""
        if self.away is not None:
            raise self.away
        for event in events:
            if event["name"] in self.bad:
                raise EventError(f"{event['name']} is refused")
        self.events += events
        self.chunks += chunks

    @property
    def names(self) -> list[str]:
        """Of the events, in the order they came."""
        return [event["name"] for event in self.events]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool in a folder that is not there yet."""
    return Spool(tmp_path / "home" / "spool")


def event(name: str) -> Event:
    """An event of this name."""
    return {"name": name}


def files(spool: Spool) -> list[Path]:
    """The files that wait."""
    return sorted(spool.folder.glob("*.jsonl"))


def rejected(spool: Spool) -> list[dict[str, str]]:
    """What was set aside."""
    found = sorted((spool.folder / "rejected").glob("*"))
    return [json.loads(line) for path in found for line in path.read_text().splitlines()]


def test_what_was_kept_is_recorded(spool: Spool) -> None:
    """Events and chunks come out as they went in, in their order, and then are gone."""
    store = Store()
    spool.append([event("a"), event("b")], [CHUNK])
    spool.append([{"name": "c", "number": 1.5, "text": "é\n"}])

    assert spool.replay(store.record) == 3
    assert store.events == [event("a"), event("b"), {"name": "c", "number": 1.5, "text": "é\n"}]
    assert store.chunks == [CHUNK]
    assert files(spool) == []


def test_nothing_waits(spool: Spool) -> None:
    """A spool that was never written has nothing to record, and makes no folder."""
    assert spool.replay(Store().record) == 0
    assert not spool.folder.exists()


def test_a_process_writes_one_file(spool: Spool) -> None:
    """Batches of one process are lines of one file."""
    for name in "abc":
        spool.append([event(name)])

    assert [len(path.read_bytes().splitlines()) for path in files(spool)] == [3]


def test_files_are_recorded_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier process left is recorded before what a later one did."""
    store = Store()
    for name, instant in [("b", 2), ("c", 3), ("a", 1)]:
        begun = static_id(name, instant_ms=instant)
        monkeypatch.setattr("begat.lineage.events.spool.new_id", lambda begun=begun: begun)
        Spool(tmp_path).append([event(name)])
    Spool(tmp_path).replay(store.record)

    assert store.names == ["a", "b", "c"]


def test_a_store_that_is_away_loses_nothing(spool: Spool) -> None:
    """If the store cannot be reached, everything stays for the next time."""
    spool.append([event("a")])

    with pytest.raises(StoreError, match="away"):
        spool.replay(Store(away=StoreError("away")).record)

    store = Store()
    assert spool.replay(store.record) == 1
    assert store.names == ["a"]


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "input/output error"), ArtifactError("x")])
def test_a_fault_of_the_machine_is_not_the_events(spool: Spool, fault: Exception) -> None:
    """A disk or network error while recording sets nothing aside."""
    spool.append([event("a")])

    with pytest.raises(StoreError, match="wait in the spool"):
        spool.replay(Store(away=fault).record)

    assert len(files(spool)) == 1
    assert rejected(spool) == []


def test_a_torn_line_is_tolerated(spool: Spool) -> None:
    """A line that a killed process began stops none of those before it."""
    store = Store()
    spool.append([event("a")])
    with open(files(spool)[0], "ab") as file:
        file.write(b'{"events":[{"name":"b"')

    assert spool.replay(store.record) == 1
    assert store.names == ["a"]
    assert files(spool) == []
    assert "stopped in the middle" in rejected(spool)[0]["reason"]


def test_a_line_without_its_end_of_line_is_whole(spool: Spool) -> None:
    """A line that lacks only its last byte is recorded."""
    store = Store()
    spool.append([event("a")])
    path = files(spool)[0]
    path.write_bytes(path.read_bytes()[:-1])

    assert spool.replay(store.record) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense\n", "not JSON"),
        (b"\0\0\0\n", "not JSON"),
        (b'{"x":"\xff"}\n', "not JSON"),
        (b"\n", "not JSON"),
        (b'{"events":1}\n', "lists `events` and `chunks`"),
        (b'{"events":[],"chunks":["{}"]}\n', "not a chunk"),
        (b'{"events":[],"chunks":[1]}\n', "not a chunk"),
        (b'{"events":[{"name":"bad"}],"chunks":[]}\n', "EventError: bad is refused"),
        (b'{"events":[{}],"chunks":[]}\n', "KeyError"),
    ],
)
def test_a_poisonous_line_is_set_aside(
    spool: Spool, line: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that can never be recorded is kept elsewhere, with the reason; others are recorded."""
    store = Store(bad=["bad"])
    spool.append([event("a")])
    with open(files(spool)[0], "ab") as file:
        file.write(line)
    spool.append([event("b")])

    assert spool.replay(store.record) == 2
    assert store.names == ["a", "b"]
    assert files(spool) == []
    (found,) = rejected(spool)
    assert reason in found["reason"]
    assert found["line"].encode("utf-8", "surrogateescape") == line
    assert len(caplog.records) == 1


def test_many_lines_are_recorded_at_once(spool: Spool) -> None:
    """A line is not a transaction of its own."""
    calls = []
    for number in range(20):
        spool.append([event(str(number))], [CHUNK])
    spool.replay(lambda events, chunks: calls.append((len(events), len(chunks))))

    assert calls == [(20, 1)]


def test_a_file_that_is_being_written_is_left_alone(spool: Spool) -> None:
    """A file whose lock another process holds is neither recorded nor removed."""
    store = Store()
    spool.append([event("a")])
    with open(files(spool)[0], "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        assert spool.replay(store.record) == 0

    assert spool.replay(store.record) == 1


def test_what_is_written_during_a_replay_waits_for_the_next(spool: Spool) -> None:
    """A writer whose file is being replayed goes on in another one, without waiting."""
    store = Store()
    spool.append([event("a")])

    def record(events: list[Event], chunks: list[Chunk]) -> None:
        spool.append([event("b")])
        store.record(events, chunks)

    assert spool.replay(record) == 1
    assert spool.replay(store.record) == 1
    assert store.names == ["a", "b"]


def test_a_writer_goes_on_after_its_file_was_taken_away(spool: Spool) -> None:
    """A replay by another process takes no line that is written after it."""
    store = Store()
    for name in "abc":
        spool.append([event(name)])
        Spool(spool.folder).replay(store.record)

    assert store.names == ["a", "b", "c"]


def test_a_file_taken_away_while_its_lock_was_awaited_is_not_written(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that gets the lock of a file which a replay has just removed takes another one."""
    store = Store()
    lock = fcntl.flock
    spool.append([event("a")])

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        Spool(spool.folder).replay(store.record)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    spool.append([event("b")])
    spool.replay(store.record)

    assert store.names == ["a", "b"]


def test_a_forked_process_writes_a_file_of_its_own(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child does not write into its parent's file."""
    spool.append([event("a")])
    monkeypatch.setattr(os, "getpid", lambda: -1)
    spool.append([event("b")])

    assert len(files(spool)) == 2


def test_a_full_disk_is_a_store_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the caller learns it, and no half line stays."""
    spool.append([event("a")])
    whole = files(spool)[0].read_bytes()
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:5])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\)"):
        spool.append([event("b")])

    assert files(spool)[0].read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A spool below a file cannot be written, and the error says where."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file/spool cannot be written"):
        Spool(tmp_path / "file" / "spool").append([event("a")])


def test_an_event_that_json_cannot_say_is_refused_at_once(spool: Spool) -> None:
    """What could never be read back is not written."""
    with pytest.raises(EventError, match="x is nan"):
        spool.append([{"name": "a", "x": float("nan")}])

    assert not spool.folder.exists()
