"""Events that wait to be forwarded."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from begat.lineage.events.forward import queue as module
from begat.lineage.events.forward.queue import Progress, Queue


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """A queue whose folder is not there yet."""
    return Queue(tmp_path / "home" / "queue")


def waiting(queue: Queue, **offsets: int) -> list[str]:
    """The texts that wait."""
    return [line.data.decode() for line in queue.after(offsets)]


def test_what_is_appended_waits(queue: Queue) -> None:
    """Events wait in the order they came, whoever appends."""
    queue.append(["1", "2"])
    Queue(queue.folder).append(["é"])

    assert waiting(queue) == ["1", "2", "é"]
    assert len(queue.files()) == 1


def test_a_line_says_where_it_ends(queue: Queue) -> None:
    """What was had is not read again."""
    queue.append(["1", "22", "3"])
    lines = list(queue.after({}))

    assert [line.end for line in lines] == [2, 5, 7]
    assert [line.data for line in queue.after({lines[0].file: 2})] == [b"22", b"3"]


def test_a_file_goes_when_all_have_had_it(queue: Queue) -> None:
    """The slowest backend decides how long events stay."""
    queue.append(["1", "2"])
    [name] = [path.name for path in queue.files()]

    queue.drop([{name: 4}, {name: 2}])
    assert waiting(queue) == ["1", "2"]

    queue.drop([{name: 4}, {name: 4}])
    assert queue.files() == []


def test_nobody_is_not_everybody(queue: Queue) -> None:
    """Without backends nothing is dropped."""
    queue.append(["1"])
    queue.drop([])

    assert waiting(queue) == ["1"]


def test_a_file_that_grew_stays(queue: Queue) -> None:
    """What came after a backend had everything is not dropped with it."""
    queue.append(["1"])
    [name] = [path.name for path in queue.files()]
    queue.append(["2"])
    queue.drop([{name: 2}])

    assert waiting(queue) == ["1", "2"]


def test_a_name_that_went_does_not_come_back(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a backend has had of a dropped file is never taken for what it had of a later one."""
    queue.append(["1"])
    [first] = queue.files()
    had = {first.name: 2}
    real = queue._entries

    def dropped_meanwhile() -> list[os.DirEntry[str]]:
        found = real()
        queue.drop([had])
        return found

    monkeypatch.setattr(queue, "_entries", dropped_meanwhile)
    queue.append(["2"])

    assert waiting(queue, **had) == ["2"]
    assert first not in queue.files()


def test_an_append_to_a_file_that_goes_finds_another(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event is never written into a file that was dropped between looking and locking."""
    queue.append(["1"])
    [first] = queue.files()
    real = os.open

    def open_and_lose(path: os.PathLike[str], *args: int, **kwargs: int) -> int:
        descriptor = real(path, *args, **kwargs)
        monkeypatch.setattr(os, "open", real)
        first.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    queue.append(["2"])

    assert waiting(queue) == ["2"]


def test_an_interrupted_write_stops_at_its_line(queue: Queue) -> None:
    """What a killed process left in the middle of a line spoils no other event."""
    queue.append(["1"])
    with open(queue.files()[0], "ab") as file:
        file.write(b'{"torn')
    assert waiting(queue) == ["1"]

    queue.append(["2"])
    assert waiting(queue) == ["1", '{"torn', "2"]


def test_a_torn_end_is_dropped(queue: Queue) -> None:
    """What was never promised does not keep a file for ever."""
    queue.append(["1"])
    with open(queue.files()[0], "ab") as file:
        file.write(b"x" * 100_000)
    queue.drop([{queue.files()[0].name: 2}])

    assert queue.files() == []


def test_a_full_disk_leaves_no_half_event(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that fails is undone, and says so."""
    queue.append(["1"])
    real = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 5:
            raise OSError(errno.ENOSPC, "no space left on device")
        return real(descriptor, data[:5])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="no space"):
            queue.append(["22222"])
    queue.append(["3"])

    assert waiting(queue) == ["1", "3"]


def test_a_full_disk_keeps_whole_events(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been read, and sent, already is not taken back: offsets would be wrong."""
    queue.append(["1"])
    real = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 9:
            raise OSError(errno.ENOSPC, "no space left on device")
        return real(descriptor, data[:5])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="no space"):
            queue.append(["22", "33333"])
    queue.append(["4"])

    assert waiting(queue) == ["1", "22", "4"]


def test_one_process_sends(queue: Queue) -> None:
    """While one holds the queue, another is told that it may not send."""
    with queue.sending() as first, Queue(queue.folder).sending() as second:
        pass
    with queue.sending() as third:
        pass

    assert (first, second, third) == (True, False, True)


def test_progress_is_kept(tmp_path: Path) -> None:
    """How far a backend has come outlives the process."""
    path = tmp_path / "sent" / "a.json"
    progress = Progress.load(path)
    progress.offsets["x.jsonl"] = 7
    progress.failures = 2
    progress.save()

    assert Progress.load(path) == progress


@pytest.mark.parametrize("text", ["", "{", "[]", '{"offsets": 1}', "{}"])
def test_progress_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    """What cannot be read is nothing: events are sent twice rather than never."""
    (tmp_path / "a.json").write_text(text)

    assert Progress.load(tmp_path / "a.json").offsets == {}


def test_a_forked_process_does_not_keep_the_lock(queue: Queue) -> None:
    """The lock is given back even while another process has its descriptor too."""
    with module._locked(queue.folder / "x", os.O_CREAT) as descriptor:
        assert descriptor is None  # the folder is not there
    queue.append(["1"])
    with module._locked(queue.files()[0]) as descriptor:
        assert descriptor is not None
        kept = os.dup(descriptor)
    queue.append(["2"])
    os.close(kept)

    assert waiting(queue) == ["1", "2"]
