"""Events of others into the store: what can be read is stored, the rest is told by its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..content.digest import digest_bytes
from ..errors import EventError, StoreError
from ..events.reading import Read
from .statement import Statement, statement
from .store import Origin, Store

#: One transaction takes at most so many events, and so many characters unless one event has more.
EVENTS, CHARACTERS = 500, 4 << 20

_STORED = "SELECT hash, origin FROM event WHERE hash IN (SELECT value FROM json_each(:hashes))"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An event that was not stored."""

    #: Its place among those that came, from 0.
    index: int
    #: `unreadable` as JSON, or `invalid` as OpenLineage.
    kind: str
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


def take(
    store: Store,
    events: Iterable[Read | EventError],
    origin: Origin = "ingested",
    *,
    most_refused: int | None = None,
) -> Intake:
    """Store events as they are read, so that however many there are, few are held.

    What is counted as stored is committed. Events that were taken before come to nothing, so
    whoever sees an error may send all of them again.

    Args:
        store: where to.
        events: as `events.reading` reads them.
        origin: `ingested`, unless begat itself recorded them.
        most_refused: no more is read when so many were refused; None for no bound.

    Raises:
        StoreError: the store failed. Transactions before the one that failed are kept.
        EventError: more than `most_refused` were refused. What was stored before is kept.
    """
    intake = Intake()
    held: list[_Held] = []
    size = 0
    for event in events:
        said = _said(event, intake.received)
        if isinstance(said, Refusal):
            intake.refused.append(said)
        else:
            held.append(said)
            size += len(said.said.text)
        intake.received += 1
        if len(held) >= EVENTS or size >= CHARACTERS:
            _keep(store, held, origin, intake)
            held, size = [], 0
        if most_refused is not None and len(intake.refused) > most_refused:
            raise EventError(
                f"more than {most_refused} events were refused, the first of them for "
                f"{intake.refused[0].reason}; send events only"
            )
    _keep(store, held, origin, intake)
    intake.refused.sort(key=lambda refusal: refusal.index)
    return intake


def known(store: Store, texts: Sequence[bytes], origin: Origin = "ingested") -> set[int]:
    """Which of some texts are stored to the letter, found out without reading them.

    Args:
        store: where.
        texts: of events.
        origin: events that are stored with this one, or as recorded.

    Raises:
        StoreError: the store failed.
    """
    hashes = [digest_bytes(text) for text in texts]
    with store.read() as db:
        rows = db.execute(_STORED, {"hashes": json.dumps(hashes)}).fetchall()
    stored = {event_hash for event_hash, by in rows if by in (origin, "recorded")}
    return {place for place, event_hash in enumerate(hashes) if event_hash in stored}


def _said(event: Read | EventError, place: int) -> _Held | Refusal:
    if isinstance(event, EventError):
        return Refusal(index=place, kind="unreadable", reason=str(event))
    try:
        return _Held(place, statement(event.event, event.text))
    except EventError as error:
        return Refusal(index=place, kind="invalid", reason=str(error))


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
            place, reason = held[0].place, _reason(error)
            intake.refused.append(Refusal(index=place, kind="invalid", reason=reason))
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
