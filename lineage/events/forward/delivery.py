"""Sends what waits to one backend: in order, at least once, nothing skipped without a word."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .destinations import Answer, Backends, Destination, keys_of
from .queue import Line, Progress, Queue, replace

log = logging.getLogger("begat")

#: Seconds before a backend that took nothing is asked again: the first time, and at most.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
#: So often has the event at the front to fail before another is tried in its place.
_PATIENCE = 5
#: Seconds that one of several backends is sent to before it is the others' turn.
_TURN = 1.0
#: How far behind it one of another run is looked for.
_LOOK_AHEAD = 1_000


class Delivery:
    """One backend, and how far it has come.

    Args:
        destination: the backend.
        key: a file name for what is kept about it.
        folder: of all that is kept about forwarding.
        wanted: whether an event is for it at all.
    """

    def __init__(
        self, destination: Destination, key: str, folder: Path, wanted: Callable[[bytes], bool]
    ) -> None:
        self.destination = destination
        self.rejected = folder / "rejected" / f"{key}.jsonl"
        #: Events it took from this process.
        self.sent = 0
        #: Why it takes no more just now.
        self.reason = ""
        self._folder = folder
        self._path = folder / "sent" / f"{key}.json"
        self._wanted = wanted
        self._outage = _Outage()
        self._told: set[str] = set()
        self._progress = Progress.load(self._path)

    @property
    def wait(self) -> float:
        """Seconds before it is to be asked again; 0 if it took what it was sent last."""
        return self._outage.left

    @property
    def offsets(self) -> dict[str, int]:
        """How far it has come in each file of the queue."""
        return self._progress.offsets

    def deliver(self, queue: Queue, until: float = math.inf) -> bool:
        """Send what waits until nothing does, the backend takes no more, or its turn is over.

        Args:
            queue: what waits.
            until: when its turn is over, by the monotonic clock.

        Returns:
            Whether it would take more, but for its turn.

        Raises:
            OSError: what it took or refused cannot be noted.
        """
        self._progress = Progress.load(self._path)  # others may have sent since
        files = {path.name for path in queue.files()}
        self._progress.offsets = {k: v for k, v in self.offsets.items() if k in files}
        for line in queue.after(dict(self.offsets)):
            answer = self._send(line)
            if answer.state not in ("taken", "refused"):
                answer = self._doubted(line, answer, queue)
            if answer.state == "refused":
                self._set_aside(line, answer.reason)
            elif answer.state != "taken":
                self._stop(answer)
                return False
            self.offsets[line.file] = line.end
            self._progress.failures = 0
            self._progress.save()
            self._outage, self.reason = _Outage(), ""
            if time.monotonic() >= until:
                return True
        self._outage, self.reason = _Outage(), ""
        return False

    def resend(self) -> int:
        """Send once more what was set aside; what is not taken stays.

        Returns:
            How many events it took.

        Raises:
            OSError: the file of what was set aside cannot be read or written.
        """
        if not self.rejected.exists():
            return 0
        lines = self.rejected.read_text(encoding="utf-8").split("\n")[:-1]
        left: list[str] = []
        failures = 0
        for place, text in enumerate(lines):
            state = self._resent(text)
            if state != "taken":
                left.append(text)
            failures = failures + 1 if state in ("away", "busy") else 0
            if failures == _PATIENCE:  # it is the backend that is away, not these events
                left += lines[place + 1 :]
                break
        replace(self.rejected, "".join(f"{text}\n" for text in left))
        if not left:
            self.rejected.unlink()
        return len(lines) - len(left)

    def waiting(self, queue: Queue) -> int:
        """How many events it has not had yet."""
        return sum(1 for _ in queue.after(self.offsets))

    def set_aside(self) -> int:
        """How many events it refused and were not sent again."""
        try:
            return len(self.rejected.read_bytes().splitlines())
        except FileNotFoundError:
            return 0

    def _send(self, line: Line) -> Answer:
        if _run_of(line) is None:
            return Answer(state="refused", reason="its process was stopped while it wrote it")
        if not self._wanted(line.data):
            return Answer(state="taken")
        answer = self.destination.send(line.data)
        self.sent += answer.state == "taken"
        return answer

    def _doubted(self, line: Line, answer: Answer, queue: Queue) -> Answer:
        """Whether it is the event that cannot be taken, and not the backend that is away.

        It is, if the backend takes one of another run in between. That one is sent again in
        its turn: nobody can tell a backend's failure from its success for certain anyway.
        """
        self._progress.failures += 1
        if answer.state == "busy" or self._progress.failures <= _PATIENCE:
            return answer
        other = self._of_another_run(line, queue)
        if other is None or self.destination.send(other.data).state != "taken":
            return answer
        again = self.destination.send(line.data)
        if again.state == "away":
            reason = f"{again.reason}, {self._progress.failures} times, while it took another"
            return Answer(state="refused", reason=reason)
        return again

    def _of_another_run(self, line: Line, queue: Queue) -> Line | None:
        run = _run_of(line)
        for ahead, other in enumerate(queue.after(dict(self.offsets))):
            if _run_of(other) not in (run, None) and self._wanted(other.data):
                return other
            if ahead > _LOOK_AHEAD:
                break
        return None

    def _stop(self, answer: Answer) -> None:
        self._progress.save()
        self._outage.again(at_least=answer.wait)
        self.reason = answer.reason
        self._tell(
            "away",
            f"OpenLineage backend {self.destination.name} {answer.reason}; events wait in "
            f"{self._folder} and are sent when it is back",
        )

    def _set_aside(self, line: Line, reason: str) -> None:
        self.rejected.parent.mkdir(parents=True, exist_ok=True)
        text = line.data.decode("utf-8", "replace")
        with open(self.rejected, "a", encoding="utf-8") as file:
            file.write(json.dumps({"reason": reason, "event": text}, ensure_ascii=False) + "\n")
        self._tell(
            "refused",
            f"OpenLineage backend {self.destination.name} {reason}; such events are set aside "
            f"in {self.rejected}, and `begat forward --rejected` sends them again",
        )

    def _resent(self, text: str) -> str:
        try:
            data = str(json.loads(text)["event"]).encode()
        except (ValueError, KeyError, TypeError):
            return "refused"
        state = self.destination.send(data).state
        self.sent += state == "taken"
        return state

    def _tell(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", message)


class Deliveries:
    """All backends of a configuration.

    Args:
        folder: of all that is kept about forwarding.
        given: the backends.
    """

    def __init__(self, folder: Path, given: Backends) -> None:
        self.queue = Queue(folder / "queue")
        self.each: Sequence[Delivery] = [
            Delivery(destination, key, folder, given.wanted)
            for destination, key in zip(
                given.destinations, keys_of(given.destinations), strict=True
            )
        ]

    def round(self) -> float | None:
        """Send what waits to every backend that is not being left alone.

        Returns:
            Seconds to wait before the next round; None if nothing waits any more.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        more = False
        for delivery in self.each:
            if not delivery.wait:
                until = time.monotonic() + _TURN if len(self.each) > 1 else math.inf
                more |= delivery.deliver(self.queue, until)
        self.queue.drop([delivery.offsets for delivery in self.each])
        if not self.queue.files():
            return None
        waits = [wait for delivery in self.each if (wait := delivery.wait)]
        return 0.0 if more else min(waits, default=0.0)

    def close(self) -> None:
        """Give back connections."""
        for delivery in self.each:
            delivery.destination.close()


@dataclass
class _Outage:
    """How long a backend that takes nothing is left alone: ever longer, and not in step."""

    failures: int = 0
    until: float = field(default=0.0)

    @property
    def left(self) -> float:
        return max(0.0, self.until - time.monotonic()) if self.failures else 0.0

    def again(self, *, at_least: float) -> None:
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self.failures, 16))
        self.failures += 1
        self.until = time.monotonic() + max(at_least, random.uniform(longest / 2, longest))


def _run_of(line: Line) -> Any:
    """The id of an event's run; None for what is no event."""
    try:
        return json.loads(line.data)["run"]["runId"]
    except (ValueError, KeyError, TypeError):
        return None
