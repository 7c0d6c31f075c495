"""Events that wait on disk until the store takes them.

One file a process, one line a batch of events. A line is written and a file is
taken away only under an exclusive `flock` on that file, which a process that dies
gives back: so a live writer never loses a line, and what two processes replay at
once is recorded at least once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ..content.merkle import Chunk
from ..errors import EventError, StoreError, WorldError
from .canonical import canonical, parse
from .ids import new_id

log = logging.getLogger("begat")

#: Takes events and the chunks of snapshots they refer to, all or nothing, again without harm.
Record = Callable[[list[dict[str, Any]], list[Chunk]], None]

#: Lines that one call of the recording function gets.
_LINES_AT_ONCE = 256


class Spool:
    """A folder of events that the store has not taken yet.

    Args:
        folder: created at the first `append`; the files in it are `*.jsonl`, what the store
            refused is in `rejected/`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = _Own()

    def append(self, events: Sequence[dict[str, Any]], chunks: Sequence[Chunk] = ()) -> None:
        """Keep a batch; it is on disk when this returns.

        Raises:
            StoreError: the disk is full or cannot be written; nothing of the batch is kept.
            EventError: an event holds what JSON cannot say.
        """
        line = _line(events, chunks)
        own = self._own_file()
        with own.lock:
            try:
                while not _append(own.path_in(self.folder), line):
                    own.name = ""
            except OSError as error:
                raise StoreError(
                    f"the spool {self.folder} cannot be written ({error.strerror or error}); "
                    "free space there and make it writable"
                ) from None

    def replay(self, record: Record) -> int:
        """Record everything that waits here, whichever process left it; drop what was recorded.

        A line that `record` refuses is moved to `rejected/` with the reason. A file that
        another process is writing or replaying is left to that one.

        Args:
            record: called with some batches at a time; a `WorldError` or OSError from it ends
                the replay and leaves everything where it is.

        Returns:
            How many events were recorded.

        Raises:
            StoreError: `record` could not reach the store.
        """
        return sum(self._replay_file(path, record) for path in sorted(self.folder.glob("*.jsonl")))

    def _own_file(self) -> _Own:
        if self._own.pid != os.getpid():  # after a fork the file is the parent's
            self._own = _Own()
        return self._own

    def _replay_file(self, path: Path, record: Record) -> int:
        try:
            with _claimed(path) as file:
                if file is None:
                    return 0
                recorded, refused = _record_lines(file, record)
                if refused:
                    self._reject(path.name, refused)
                path.unlink()
                return recorded
        except OSError as error:
            log.warning("%s cannot be replayed (%s); make it readable", path, error)
            return 0

    def _reject(self, name: str, refused: Sequence[tuple[bytes, str]]) -> None:
        folder = self.folder / "rejected"
        folder.mkdir(exist_ok=True)
        with open(folder / name, "a", encoding="utf-8") as file:
            for line, reason in refused:
                text = line.decode("utf-8", "surrogateescape")
                file.write(json.dumps({"reason": reason, "line": text}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        log.warning(
            "events in the spool were refused (%s) and set aside in %s",
            refused[0][1],
            folder / name,
        )


@dataclass
class _Own:
    """The file that this process writes."""

    pid: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    name: str = ""

    def path_in(self, folder: Path) -> Path:
        # Ids begin with the time: files sort by age.
        self.name = self.name or f"{new_id()}.jsonl"
        return folder / self.name


def _line(events: Sequence[dict[str, Any]], chunks: Sequence[Chunk]) -> bytes:
    listed = ",".join(map(canonical, events))
    parts = json.dumps([chunk.to_json() for chunk in chunks])
    return f'{{"events":[{listed}],"chunks":{parts}}}\n'.encode()


def _read(line: bytes) -> tuple[list[dict[str, Any]], list[Chunk]]:
    """What `_line` wrote.

    Raises:
        EventError: it is not that.
        DataError: a chunk is not what its digests say.
    """
    batch = parse(line)
    events, chunks = batch.get("events"), batch.get("chunks")
    if not isinstance(events, list) or not isinstance(chunks, list):
        raise EventError("a line of the spool holds lists `events` and `chunks`; this one does not")
    return events, [Chunk.from_json(text) for text in chunks]


def _append(path: Path, line: bytes) -> bool:
    """Add a line, durably; False if the file is being replayed or is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        if not _lock(descriptor):
            return False
        before = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, line)
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, before)
            raise
        if before == 0:
            _sync_folder(path.parent)
    finally:
        os.close(descriptor)
    return True


@contextmanager
def _claimed(path: Path) -> Iterator[IO[bytes] | None]:
    """The file, locked; None if another process has it or has dealt with it."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by the `with` below
    except FileNotFoundError:
        yield None
        return
    with file:
        yield file if _lock(file.fileno()) else None


def _lock(descriptor: int) -> bool:
    """Take the exclusive lock at once, unless it is taken or the file was removed before."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _record_lines(file: IO[bytes], record: Record) -> tuple[int, list[tuple[bytes, str]]]:
    recorded = 0
    refused: list[tuple[bytes, str]] = []
    while lines := list(islice(file, _LINES_AT_ONCE)):
        try:
            recorded += _record(lines, record)
        except StoreError:
            raise
        except Exception:
            # One of them is bad: find out which, and record the others.
            for line in lines:
                try:
                    recorded += _record([line], record)
                except StoreError:
                    raise
                except Exception as error:
                    refused.append((line, _reason(line, error)))
    return recorded, refused


def _record(lines: Sequence[bytes], record: Record) -> int:
    events: list[dict[str, Any]] = []
    chunks: dict[str, Chunk] = {}
    for line in lines:
        more, parts = _read(line)
        events += more
        chunks |= {part.lineage: part for part in parts}
    try:
        record(events, list(chunks.values()))
    except StoreError:
        raise
    except (WorldError, OSError) as error:
        raise StoreError(f"the store took no events ({error}); they wait in the spool") from error
    return len(events)


def _reason(line: bytes, error: Exception) -> str:
    if not line.endswith(b"\n"):
        return "the process that wrote it was stopped in the middle"
    return f"{type(error).__name__}: {error}"
