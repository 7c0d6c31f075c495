"""Where messages come from: one seam, and a source for tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .ledger import ToldBy
from .messages import parse
from .notice import Notice


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a source handed out, and has to be told of when it is recorded."""

    #: As it came; empty where notices came at once.
    body: str = ""
    found: tuple[Notice, ...] = ()
    #: By which its source knows it.
    handle: Any = None
    #: How often it has been handed out, this time included.
    attempts: int = 1

    def notices(self) -> tuple[Notice, ...]:
        """What it says.

        Raises:
            EventError: nothing that can be read.
        """
        return parse(self.body) if self.body else self.found


class Source(Protocol):
    """Something that tells of objects, at least once, in any order."""

    @property
    def told_by(self) -> ToldBy:
        """How it is called in the store."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def receive(self, timeout: float) -> Sequence[Message]:
        """The next messages; none if nothing came within so many seconds.

        Raises:
            WorldError: it cannot be reached now.
            UserError: it never will be, as it is named.
        """
        ...

    def done(self, messages: Sequence[Message]) -> None:
        """These have been recorded: hand them out no more.

        Raises:
            WorldError: it cannot be reached now; they will come again.
        """
        ...

    def hold(self, messages: Sequence[Message], seconds: int) -> None:
        """Do not hand these out to anybody for so many seconds from now on.

        Raises:
            WorldError: it cannot be reached now.
        """
        ...


class Given:
    """A source that hands out what it is given; for tests.

    What is not done is handed out again, as a queue does it.

    Args:
        bodies: of messages.
        at_once: how many are handed out together.
    """

    told_by: ToldBy = "sqs"
    name = "given"

    def __init__(self, bodies: Iterable[str] = (), *, at_once: int = 10) -> None:
        self._waiting = deque(Message(body=body, attempts=0) for body in bodies)
        self._out: list[Message] = []
        self._at_once = at_once
        self._changed = threading.Condition()

    def put(self, body: str) -> None:
        """Add a message."""
        with self._changed:
            self._waiting.append(Message(body=body, attempts=0))
            self._changed.notify_all()

    def receive(self, timeout: float) -> Sequence[Message]:
        """The next ones."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout)
            number = min(self._at_once, len(self._waiting))
            found = [self._waiting.popleft() for _ in range(number)]
            again = [Message(body=one.body, attempts=one.attempts + 1) for one in found]
            self._out += again
            return again

    def done(self, messages: Sequence[Message]) -> None:
        """Forget them."""
        self._out = [one for one in self._out if all(one is not other for other in messages)]

    def hold(self, messages: Sequence[Message], seconds: int) -> None:
        """Hand them out again, later than all others."""
        self.done(messages)
        with self._changed:
            self._waiting.extend(messages)

    @property
    def left(self) -> list[str]:
        """Bodies that are not done."""
        return [one.body for one in (*self._waiting, *self._out)]
