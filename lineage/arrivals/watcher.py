"""Watching: from messages to arrivals, from arrivals to batches, from batches to who waits.

What is killed at any moment is done again by whoever starts next, and comes to the same: a
message is taken off its queue only when what it says is recorded, recording again changes
nothing, and a batch that nobody is known to have been told of is told again under its id.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..content.digest import digest_bytes
from ..errors import DataError, EventError, StoreError, WorldError
from ..graph.facts import normalised
from ..workspace import Workspace
from . import batches, ledger, listing
from .batches import Batch
from .notice import Notice
from .sources import Message, Source
from .watched import Watched, matched

log = logging.getLogger("begat")

#: A message that could not be read so often is set aside.
ATTEMPTS = 3
#: Seconds until such a message is tried again, and for which one is held while the store is away.
_RETRY, _HELD = 1, 60
#: Seconds between two looks at what waits, and the longest pause while something is away.
_LOOK, _LONGEST_PAUSE = 0.5, 30.0
#: Seconds that a server's clock may be behind another's.
_SKEW = 300.0


class Tell(Protocol):
    """Tells whoever waits for new content."""

    def __call__(self, batch: Batch) -> None:
        """Tell of a batch; told again, it is the same by its id.

        Raises:
            WorldError: nobody could be told.
        """
        ...


def tell_nobody(batch: Batch) -> None:
    """Nobody waits."""


def utc() -> str:
    """The time, as the store writes it."""
    return normalised(datetime.now(UTC).isoformat())


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long new content waits for more; all in seconds."""

    #: Without anything new before a batch is closed.
    quiet: float = 30.0
    #: At most, from the first of it on.
    longest: float = 600.0
    #: Between two listings.
    reconcile: float = 3600.0


class Watcher:
    """Takes from sources, and tells of batches.

    Args:
        space: its store is where arrivals are recorded.
        watched: what belongs to which dataset.
        sources: where messages come from.
        tell: whom batches are told to.
        patience: how long new content waits.
        clock: the time, ISO 8601.
        report: is told what happened: `batch`, `warning`, and what comes with it.
        well: is called after each look of `run` that found all well: nobody is away, nothing
            waits for being tried again.
        stop: set to end `run`; one of its own by default.
    """

    def __init__(
        self,
        space: Workspace,
        watched: Sequence[Watched],
        sources: Sequence[Source] = (),
        *,
        tell: Tell = tell_nobody,
        patience: Patience | None = None,
        clock: Callable[[], str] = utc,
        report: Callable[[str, dict[str, Any]], None] = lambda kind, about: None,
        well: Callable[[], None] = lambda: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._space = space
        self._watched = tuple({one.dataset: one for one in watched}.values())
        self._patterns = tuple(watched)
        self._sources = tuple(sources)
        self._tell = tell
        self._patience = patience or Patience()
        self._clock = clock
        self._report = report
        self._well = well
        self._since = ""
        self._stop = stop or threading.Event()
        self._failure: Exception | None = None
        #: What goes badly, by what it is about, as it was warned of.
        self._warned: dict[str, str] = {}
        #: Messages that came, arrivals that were `new`, `known` or `ignored`, batches told.
        self.counts: Counter[str] = Counter()

    # One step at a time

    def take(self, source: Source, timeout: float = 0.0) -> int:
        """Record what a source hands out next; how many messages that were.

        Raises:
            StoreError: the store is away; the messages stay where they are.
            WorldError: the source is.
        """
        messages = source.receive(timeout)
        self.record(source, messages)
        return len(messages)

    def record(self, source: Source, messages: Sequence[Message]) -> None:
        """Record what messages say, and let their source forget them.

        Raises:
            StoreError: the store is away; nothing was recorded.
            WorldError: the source is.
        """
        found: list[Notice] = []
        good: list[Message] = []
        bad: list[tuple[Message, str]] = []
        for one in messages:
            try:
                notices = one.notices()
                ours = matched(notices, self._patterns)
            except EventError as error:
                bad.append((one, str(error)))
            else:
                good.append(one)
                found += ours
                self.counts["ignored"] += max(0, len(notices) - len(ours))
        if found:
            told = ledger.record(
                self._space.store, found, told_by=source.told_by, now=self._clock()
            )
            self.counts.update(new=told.new, known=told.known)
        self.counts["messages"] += len(messages)
        if good:
            source.done(good)
        for one, reason in bad:
            self._refuse(source, one, reason)

    def adopt(self) -> None:
        """Take what the server was told since the last listing, or shortly before the last time.

        Raises:
            StoreError: the store is away.
        """
        told, last = ledger.adopt(
            self._space.store, self._patterns, since=self._since, now=self._clock()
        )
        self.counts.update(new=told.new, known=told.known)
        self._since = _earlier(last, _SKEW) if last else ""

    def reconcile(self) -> None:
        """Record what is there and was not told.

        Raises:
            StoreError: the store is away.
            DataError: a folder cannot be listed.
            WorldError: a bucket cannot be listed.
        """
        store, cache = self._space.store, self._space.cache
        told = listing.reconcile(store, self._patterns, cache, now=self._clock())
        self.counts.update(new=told.new, known=told.known, listings=1)

    def settle(self, *, force: bool = False) -> None:
        """Close the batches that are due, and tell of all that nobody was told of.

        Args:
            force: nothing waits any longer.

        Raises:
            StoreError: the store is away.
            WorldError: nobody could be told; it is told the next time.
        """
        failed: list[WorldError] = []
        for one in self._watched:
            self._close(one, force=force)
            for batch in batches.untold(self._space.store, one.dataset):
                try:
                    self._tell_of(batch)
                except StoreError:
                    raise
                except WorldError as error:
                    failed.append(error)  # others may be told all the same
                    break
        if failed:
            raise failed[0]

    def _close(self, watched: Watched, *, force: bool) -> None:
        store, patience = self._space.store, self._patience
        while force or batches.due(
            store, watched, now=self._clock(), quiet=patience.quiet, longest=patience.longest
        ):
            if batches.close(store, watched, now=self._clock()) is None:
                return

    def _tell_of(self, batch: Batch) -> None:
        self._tell(batch)
        self._space.forwarder.append([batch.event()])  # not each time that nobody was there
        batches.mark_told(self._space.store, batch, now=self._clock())
        self.counts["batches"] += 1
        about = {"source": batch.source, "name": str(batch.dataset)}
        self._report("batch", batch.to_json() | about)

    # All of them

    def drain(self) -> None:
        """Take all that there is, close and tell what comes of it, and end.

        Raises:
            StoreError: the store is away.
            WorldError: a source is, or nobody could be told.
        """
        for source in self._sources:
            start(source)
            empty = 0
            while empty < 2:  # a queue on several machines may hide a message once
                empty = 0 if self.take(source, 1.0) else empty + 1
        self.adopt()
        try:
            self.reconcile()
        finally:  # what was told is told on, also where nothing can be listed
            self.settle(force=True)

    def run(self) -> None:
        """Watch until `stop` is called.

        Raises:
            UserError: a source never will be there as it is named.
        """
        for source in self._sources:
            start(source)
        threads = [
            threading.Thread(target=self._follow, args=(source,), daemon=True, name=source.name)
            for source in self._sources
        ]
        for thread in threads:
            thread.start()
        listed = asked = ""
        pause = _LOOK
        while not self._stop.is_set():
            now = self._clock()
            wait = self._patience.reconcile if listed == asked else _LONGEST_PAUSE
            if not asked or _seconds(asked, now) >= min(wait, self._patience.reconcile):
                asked, self._since = now, ""
                if self._tried(self.reconcile):
                    listed = asked
            well = [self._tried(step) for step in (self.adopt, self.settle)]
            pause = _LOOK if all(well) else min(2 * pause, _LONGEST_PAUSE)
            if not self._warned:
                self._well()
            self._stop.wait(pause)
        for thread in threads:
            thread.join(timeout=2)  # a long poll may go on: what comes of it is not taken
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End `run` soon; safe in a signal handler."""
        self._stop.set()

    def _tried(self, step: Callable[[], None]) -> bool:
        """Whether a step could be done; if not, it is done the next time."""
        try:
            step()
        except (WorldError, DataError) as error:
            self._warn(step.__name__, str(error))
            return False
        self._warned.pop(step.__name__, None)
        return True

    def _follow(self, source: Source) -> None:
        pause = _LOOK
        while not self._stop.is_set():
            try:
                messages = source.receive(2.0)
                if messages and not self._stop.is_set():
                    self._insist(source, messages)
            except WorldError as error:
                self._warn(source.name, str(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception as error:  # a thread has nobody to raise to, and is not to go deaf
                self._failure = error
                self._stop.set()
            else:
                self._warned.pop(source.name, None)
                pause = _LOOK

    def _insist(self, source: Source, messages: Sequence[Message]) -> None:
        """Record messages, however long the store is away; nobody else gets them meanwhile."""
        pause = _LOOK
        while not self._stop.is_set():
            try:
                self.record(source, messages)
            except StoreError as error:
                source.hold(messages, _HELD)
                self._warn(source.name, str(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    def _refuse(self, source: Source, message: Message, reason: str) -> None:
        if message.attempts < ATTEMPTS:
            source.hold([message], _RETRY)
            return
        path = set_aside(self._space.settings.home, source, message, reason)
        source.done([message])
        self.counts["set_aside"] += 1
        self._say(f"a message of {source.name} was set aside as {path.name}: {reason}")

    def _warn(self, about: str, message: str) -> None:
        """Warn, once until what it is about goes well or badly in another way."""
        if self._warned.get(about) != message:
            self._warned[about] = message
            self._say(f"{message}. Watching goes on, and tries again")

    def _say(self, warning: str) -> None:
        log.warning("%s", warning)
        self._report("warning", {"message": warning})


def start(source: Source) -> None:
    """Let a source that has to begin before a listing begin."""
    begin: Callable[[], None] | None = getattr(source, "start", None)
    if begin is not None:
        begin()


def set_aside(home: Path, source: Source, message: Message, reason: str) -> Path:
    """Keep a message that nobody can read where a person can look at it.

    Raises:
        WorldError: it cannot be written.
    """
    folder = home / "arrivals" / "set-aside"
    path = folder / f"{digest_bytes(message.body.encode(errors='replace'))[7:23]}.json"
    said = {"source": source.name, "reason": reason, "body": message.body}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise WorldError(
            f"{folder} cannot be written ({error.strerror or error}); make it writable"
        ) from None
    return path


def _seconds(then: str, now: str) -> float:
    return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()


def _earlier(time: str, seconds: float) -> str:
    found = datetime.fromisoformat(time).timestamp() - seconds
    return normalised(datetime.fromtimestamp(max(0.0, found), UTC).isoformat())
