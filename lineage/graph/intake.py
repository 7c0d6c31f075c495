"""Events of others into the store: what can be read is stored, the rest is told by its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import EventError
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
        EventError: more than `most_refused` were refused.
        StoreError: the store failed. Transactions before the one that failed are kept.
    """
    intake = Intake()
    held: list[Statement] = []
    size = 0
    for event in events:
        said = _said(event, intake.received)
        if isinstance(said, Refusal):
            if len(intake.refused) == most_refused:
                raise EventError(
                    f"more than {most_refused} events were refused, the first of them for "
                    f"{intake.refused[0].reason}; send events only"
                )
            intake.refused.append(said)
        else:
            held.append(said)
            size += len(said.text)
        intake.received += 1
        if len(held) >= EVENTS or size >= CHARACTERS:
            _keep(store, held, origin, intake)
            held, size = [], 0
    _keep(store, held, origin, intake)
    return intake


def _said(event: Read | EventError, index: int) -> Statement | Refusal:
    if isinstance(event, EventError):
        return Refusal(index=index, kind="unreadable", reason=str(event))
    try:
        return statement(event.event, event.text)
    except EventError as error:
        return Refusal(index=index, kind="invalid", reason=str(error))


def _keep(store: Store, held: list[Statement], origin: Origin, intake: Intake) -> None:
    if held:
        new = store.add(held, origin=origin)
        intake.stored += new
        intake.known += len(held) - new
