"""Events of others into the store: what can be read is stored, the rest is told by its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import EventError, StoreError
from ..events.reading import Read
from .statement import Statement, statement
from .store import Origin, Store

#: One transaction takes at most so many events, and so many characters unless one event has more.
EVENTS, CHARACTERS = 500, 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An event that was not stored."""

    #: Its place among those that came, from 0.
    index: int
    reason: str


@dataclass(kw_only=True, slots=True)
class Intake:
    """What became of events, as far as they have been taken."""

    #: How many came.
    received: int = 0
    #: How many of them were new.
    stored: int = 0
    #: How many were there already.
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)


class _Held(NamedTuple):
    """An event that has been read, and its place."""

    place: int
    said: Statement


def take(store: Store, events: Iterable[Read | EventError], origin: Origin = "ingested") -> Intake:
    """Store events as they are read, so that however many there are, few are held.

    What is counted as stored is committed. Events that were taken before come to nothing, so
    whoever sees an error may send all of them again.

    Args:
        store: where to.
        events: as `events.reading` reads them.
        origin: `ingested`, unless begat itself recorded them.

    Raises:
        StoreError: the store failed. Transactions before the one that failed are kept.
    """
    intake = Intake()
    held: list[_Held] = []
    size = 0
    for event in events:
        try:
            if isinstance(event, EventError):
                raise event
            said = statement(event.event, event.text)
        except EventError as error:
            intake.refused.append(Refusal(index=intake.received, reason=str(error)))
        else:
            held.append(_Held(intake.received, said))
            size += len(said.text)
        intake.received += 1
        if len(held) >= EVENTS or size >= CHARACTERS:
            _keep(store, held, origin, intake)
            held, size = [], 0
    _keep(store, held, origin, intake)
    intake.refused.sort(key=lambda refusal: refusal.index)
    return intake


def _keep(store: Store, held: Sequence[_Held], origin: Origin, intake: Intake) -> None:
    if not held:
        return
    try:
        new = store.add([one.said for one in held], origin=origin)
    except StoreError:
        raise
    except Exception as error:
        # An event that reads well may still say what cannot be: find out which one it is.
        if len(held) == 1:
            intake.refused.append(Refusal(index=held[0].place, reason=_reason(error)))
            return
        half = len(held) // 2
        _keep(store, held[:half], origin, intake)
        _keep(store, held[half:], origin, intake)
        return
    intake.stored += new
    intake.known += len(held) - new


def _reason(error: Exception) -> str:
    if isinstance(error, EventError):
        return str(error)
    return f"the event says what cannot be ({type(error).__name__}: {error}); mend it"
