"""Taking many events: the good ones are stored, and of the others it is said why not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..content.digest import digest_bytes
from ..errors import EventError, StoreError
from ..events.canonical import read
from ..events.text import text
from .facts import Facts, facts
from .store import Origin, Store

#: An event, or its JSON text.
Line = bytes | str | Mapping[str, Any]

_STORED = "SELECT hash, origin FROM event WHERE hash IN (SELECT value FROM json_each(:hashes))"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An event that was not stored."""

    #: Which of those that were given, from 0.
    index: int
    reason: str
    #: Whether the same event may be taken another time.
    retriable: bool = False


@dataclass(kw_only=True, slots=True)
class Taken:
    """What became of the events that were given."""

    stored: int = 0
    #: How many were there already.
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """An event that is to be stored."""

    index: int
    said: Facts
    body: str


def take(
    store: Store, lines: Iterable[Line], origin: Origin = "ingested", *, at_once: int = 500
) -> Taken:
    """Store the events that can be stored, each as it was given.

    Args:
        store: where.
        lines: the events; those that are there already cost little.
        origin: `ingested` for what somebody tells, `recorded` for what begat's own wrapper saw.
        at_once: how many are committed together: what is committed stays, whatever comes later.

    Raises:
        StoreError: the store failed; of what was given last, nothing was stored.
    """
    taken = Taken()
    given = iter(lines)
    first = 0
    while batch := list(islice(given, at_once)):
        _take(store, first, batch, origin, taken)
        first += len(batch)
    return taken


def _take(store: Store, first: int, batch: Sequence[Line], origin: Origin, taken: Taken) -> None:
    # A text in the canonical form is known by its own digest, without being read.
    hashes = {at: _digest(line) for at, line in enumerate(batch) if not isinstance(line, Mapping)}
    known = _known(store, hashes.values(), origin)
    unread: list[tuple[int, str, Mapping[str, Any], str]] = []
    for at, line in enumerate(batch):
        if hashes.get(at) in known:
            taken.known += 1
            continue
        try:
            event, canonical, body = _parsed(line)
        except EventError as error:
            taken.refused.append(Refusal(index=first + at, reason=str(error)))
        else:
            unread.append((first + at, digest_bytes(canonical.encode()), event, body))
    known = _known(store, [event_hash for _, event_hash, _, _ in unread], origin)
    good: list[_Read] = []
    for index, event_hash, event, body in unread:
        if event_hash in known:
            taken.known += 1
            continue
        try:
            good.append(_Read(index=index, said=facts(event, event_hash), body=body))
        except (EventError, RecursionError) as error:
            taken.refused.append(Refusal(index=index, reason=_reason(error)))
    _store(store, good, origin, taken)
    taken.refused.sort(key=lambda refusal: refusal.index)


def _known(store: Store, hashes: Iterable[str], origin: Origin) -> set[str]:
    """Which of these are stored, with this origin or a better one."""
    asked = [*hashes]
    if not asked:
        return set()
    with store.read() as db:
        found = db.execute(_STORED, {"hashes": json.dumps(asked)}).fetchall()
    return {event_hash for event_hash, by in found if by in (origin, "recorded")}


def _parsed(line: Line) -> tuple[Mapping[str, Any], str, str]:
    """An event, its canonical text, and the text that is kept of it."""
    if isinstance(line, Mapping):
        canonical = text(line)
        return line, canonical, canonical
    event, canonical = read(line)
    body = line if isinstance(line, str) else line.decode()
    return event, canonical, body.strip()


def _digest(line: bytes | str) -> str:
    try:
        return digest_bytes(line.encode() if isinstance(line, str) else line)
    except UnicodeEncodeError:  # it will be refused
        return ""


def _store(store: Store, good: Sequence[_Read], origin: Origin, taken: Taken) -> None:
    if not good:
        return
    try:
        stored = _together(store, good, origin)
    except StoreError:
        raise
    except Exception as error:
        # One of them cannot be projected: find out which, and store the others.
        if len(good) == 1:
            taken.refused.append(Refusal(index=good[0].index, reason=_reason(error)))
            return
        half = len(good) // 2
        for part in (good[:half], good[half:]):
            _store(store, part, origin, taken)
        return
    taken.stored += stored
    taken.known += len(good) - stored


def _together(store: Store, good: Sequence[_Read], origin: Origin) -> int:
    with store.ingesting() as ingest:
        return sum(ingest.add_event(one.said, one.body, origin) for one in good)


def _reason(error: Exception) -> str:
    if isinstance(error, EventError):
        return str(error)
    if isinstance(error, RecursionError):
        return "the event is nested too deeply; flatten it"
    return f"the event cannot be stored ({type(error).__name__}: {error}); mend it"
