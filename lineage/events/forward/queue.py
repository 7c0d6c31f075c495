"""Events that wait to be forwarded, one a line, and who has had which of them.

All processes of a home append to one file, so that its order is the order in which things
were recorded. An append holds the file's `flock` for one `write`; it is not synced to the
disk, so that it costs no more than that: it outlives the process, however that ends, but
not the machine's power. A file is removed, under the same lock, once everybody has had all
of it.

Who sends holds the lock of the folder, one process at a time: that keeps the order.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..ids import new_id

#: How far a backend has come: bytes of each file, by the file's name.
Offsets = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An event that waits."""

    #: The file it is in, and where it ends there.
    file: str
    end: int
    #: Its JSON text, unless the process that wrote it was stopped in the middle.
    data: bytes


class Queue:
    """A folder of waiting events.

    Args:
        folder: created at the first append.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, texts: Sequence[str]) -> None:
        """Let events wait, in this order.

        Args:
            texts: canonical JSON, which has no line breaks.

        Raises:
            OSError: the disk is full or cannot be written; not all of them wait.
        """
        data = "".join(f"{text}\n" for text in texts).encode()
        while not self._append(data):
            pass

    def files(self) -> list[Path]:
        """What holds waiting events, the oldest first."""
        return sorted(self.folder.glob("*.jsonl"))

    def after(self, offsets: Offsets) -> Iterator[Line]:
        """The events behind these offsets, the oldest first."""
        for path in self.files():
            try:
                with open(path, "rb") as file:
                    end = file.seek(offsets.get(path.name, 0))
                    for line in file:
                        if not line.endswith(b"\n"):
                            break  # still being written
                        end += len(line)
                        yield Line(file=path.name, end=end, data=line.rstrip(b"\n"))
            except FileNotFoundError:
                continue

    def drop(self, had: Sequence[Offsets]) -> None:
        """Remove the files that everybody has had to the end.

        Args:
            had: of each backend, its offsets; of none at all, nothing is removed.
        """
        for path in self.files() if had else ():
            done = min(offsets.get(path.name, 0) for offsets in had)
            with _locked(path) as descriptor:
                # What an interrupted write left behind was never promised to anybody.
                if descriptor is not None and not _has_line(descriptor, done):
                    path.unlink()

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Be the one process that sends; whether this one may."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            yield _lock_at_once(descriptor)
        finally:
            _release(descriptor)

    def _append(self, data: bytes) -> bool:
        """Add to the newest file; False if it was removed meanwhile."""
        newest = max((entry.name for entry in self._entries()), default="")
        # Only a new name may be created: what backends have had of a name that was removed
        # would be taken for what they have had of the file that bears it now.
        name, flags = (newest, 0) if newest else (f"{new_id()}.jsonl", os.O_CREAT)
        with _locked(self.folder / name, flags) as descriptor:
            if descriptor is None:
                return False
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # behind what an interrupted write left
            try:
                _write(descriptor, data)
            except OSError:
                with contextlib.suppress(OSError):
                    # Whole events may have been read, and sent, already: they stay.
                    written = os.fstat(descriptor).st_size - size
                    os.ftruncate(descriptor, size + data.rfind(b"\n", 0, written) + 1)
                raise
        return True

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry for entry in entries if entry.name.endswith(".jsonl")]
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            return []


@dataclass(kw_only=True)
class Progress:
    """How far one backend has come, kept beside the queue.

    Args:
        path: of the file it is kept in.
    """

    path: Path
    offsets: dict[str, int] = field(default_factory=dict)
    #: How often in a row the event at the front was not taken.
    failures: int = 0

    @classmethod
    def load(cls, path: Path) -> Progress:
        """As it was saved; from the beginning, if it was not or cannot be read."""
        try:
            saved = json.loads(path.read_bytes())
            return cls(path=path, offsets=dict(saved["offsets"]), failures=int(saved["failures"]))
        except (OSError, ValueError, TypeError, KeyError):
            return cls(path=path)

    def save(self) -> None:
        """Keep it.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace(self.path, json.dumps({"offsets": self.offsets, "failures": self.failures}))


def replace(path: Path, text: str) -> None:
    """Write a file so that others see the old one or the new one.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


@contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[int | None]:
    """A file's descriptor under its lock; None if somebody removed the file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o666)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor if os.fstat(descriptor).st_nlink else None
    finally:
        _release(descriptor)


def _lock_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _release(descriptor: int) -> None:
    # A process forked meanwhile has the descriptor too: closing ours would not unlock it.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _has_line(descriptor: int, start: int) -> bool:
    """Whether a whole line begins at this offset."""
    while part := os.pread(descriptor, 1 << 16, start):
        if b"\n" in part:
            return True
        start += len(part)
    return False


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
