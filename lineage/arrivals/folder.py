"""Local folders, whose files tell by themselves that they changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from stat import S_ISREG

from ..content.stat import StatCache
from ..errors import BegatError, DataError, WorldError
from ..graph.facts import normalised
from .ledger import ToldBy
from .notice import Notice
from .sources import Message
from .watched import Watched

#: Milliseconds in which changes are taken together.
_TOGETHER = 200
#: What watchfiles calls a removal.
_GONE = 3


class Folders:
    """The folders that local patterns are in.

    Args:
        watched: local patterns.
        cache: knows digests of files that have not changed.
        stop: ends a waiting `receive`.

    Raises:
        DataError: a folder is not there.
    """

    told_by: ToldBy = "folder"

    def __init__(self, watched: Sequence[Watched], cache: StatCache, stop: threading.Event) -> None:
        self._watched = [one for one in watched if not one.in_s3]
        self._cache = cache
        self._stop = stop
        self._folders = sorted({one.pattern.folder for one in self._watched})
        for folder in self._folders:
            if not os.path.isdir(folder):
                raise DataError(f"there is no folder {folder} to watch; make it or mend the source")
        self.name = ", ".join(self._folders)
        self._changes: Iterator[Iterable[tuple[int, str]]] | None = None
        #: A folder has come in the place of another: what is in it was told by nobody.
        self._replaced = False

    def receive(self, timeout: float) -> Sequence[Message]:
        """What changed.

        Raises:
            WorldError: a folder is gone, or the system watches no more of them.
        """
        until = time.monotonic() + timeout
        while not self._stop.is_set():
            found = self._notices(self._changed())
            if found:
                return [Message(found=tuple(found))]
            if time.monotonic() >= until:
                break
        return []

    def done(self, messages: Sequence[Message]) -> None:
        """Nothing: a change is told once, and what was missed is found by a listing."""

    def hold(self, messages: Sequence[Message], seconds: int) -> None:
        """Nothing: nobody else is told."""

    def start(self) -> None:
        """Watch from now on, so that what changes during a listing is not missed.

        Raises:
            WorldError: a folder is gone, or the system watches no more of them.
        """
        self._changed()

    def _changed(self) -> set[str]:
        try:
            changed = next(self._watching(), set())
        except (OSError, RuntimeError) as error:
            self._changes = None
            raise WorldError(
                f"{self.name} cannot be watched ({' '.join(str(error).split())}); see that it is "
                "there, and how many files the system lets one watch"
            ) from None
        paths = {path for _, path in changed}
        if self._replaced:
            self._replaced = False
            for one in self._watched:
                with suppress(BegatError):
                    paths.update(path for _, path in one.pattern.find())
        if any(kind == _GONE and path in self._folders for kind, path in changed):
            self._changes, self._replaced = None, True
        return paths

    def _watching(self) -> Iterator[Iterable[tuple[int, str]]]:
        if self._changes is None:
            import watchfiles

            self._changes = watchfiles.watch(
                *self._folders,
                watch_filter=None,
                debounce=_TOGETHER,
                step=50,
                stop_event=self._stop,
                rust_timeout=200,
                yield_on_timeout=True,
                raise_interrupt=False,
            )
        return self._changes

    def _notices(self, changed: Iterable[str]) -> list[Notice]:
        paths = {path for one in changed for path in (one, *_inside(one))}
        ours = sorted(
            path
            for path in paths
            if any(one.pattern.match(path) is not None for one in self._watched)
        )
        gone = [path for path in ours if not os.path.lexists(path)]
        return [*written(ours, self._cache), *map(_gone, gone)]


def listing(watched: Watched, cache: StatCache) -> list[Notice]:
    """The files that match a local pattern, as they are now.

    Raises:
        DataError: a folder cannot be listed.
    """
    return written(sorted(path for _, path in watched.pattern.find()), cache)


def written(paths: Sequence[str], cache: StatCache) -> list[Notice]:
    """Files as they are now; those that are empty or gone by now are left out."""
    there = {path: state for path in paths if (state := _state(path))}
    with suppress(BegatError):
        digests = cache.digests([*there])
        return [
            _notice(path, *found, modified)
            for (path, modified), found in zip(there.items(), digests, strict=True)
        ]
    notices = []
    for path, modified in there.items():
        # One of them is being written or removed: whoever does that makes another change.
        with suppress(BegatError):
            [found] = cache.digests([path])
            notices.append(_notice(path, *found, modified))
    return notices


def _state(path: str) -> int:
    """When a file was written, in nanoseconds; 0 if there is nothing in it yet."""
    try:
        found = os.stat(path)
    except OSError:
        return 0
    return found.st_mtime_ns if S_ISREG(found.st_mode) and found.st_size else 0


def _inside(path: str) -> Iterator[str]:
    """The files of a folder that came as a whole, of which nothing else is told."""
    for parent, _, names in os.walk(path):
        yield from (os.path.join(parent, name) for name in names)


def _notice(path: str, digest: str, size: int, modified: int) -> Notice:
    time = normalised(datetime.fromtimestamp(modified // 1000 / 1e6, UTC).isoformat())
    return Notice(namespace="file", key=path, digest=digest, size=size, happened=time)


def _gone(path: str) -> Notice:
    time = normalised(datetime.now(UTC).isoformat())
    return Notice(namespace="file", key=path, happened=time, removed=True)
