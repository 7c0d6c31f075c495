"""The audit log: every act on the registry, in order, each row sealed by the hash of the last.

A row's hash is BLAKE3 over the canonical JSON of the row, which holds the hash of the row
before. So no row can be edited, removed or put elsewhere without every later hash being
another. What would be left is to cut off the end, or to write all of it anew: against that,
each row is told in an event of its own, with its hash, and `verify` takes a hash that was
kept elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..content.digest import digest_bytes
from ..errors import ParameterError
from ..events import facets, now
from ..events.canonical import canonical
from ..events.facets import CORE, PRODUCER
from ..graph.answer import Record
from ..graph.connection import Connection, Row
from ..graph.facts import normalised
from ..graph.stages import Standing, standing
from ..graph.store import Store
from ..records import ModelVersion
from .current import check_model, sealed
from .identity import Identity

#: What the first row names as the hash before it.
FIRST = "blake3:" + "0" * 64
_COLUMNS = (
    "seq, at, action, model, version, before, after, replaced, who, identity, reason, body, "
    "previous, hash"
)
_LAST = "SELECT seq, at, hash FROM audit ORDER BY seq DESC LIMIT 1"
_ADD = f"""INSERT INTO audit ({_COLUMNS}) VALUES (:seq, :at, :action, :model, :version, :before,
:after, :replaced, :who, :identity, :reason, :body, :previous, :hash)"""
_ENTRIES = f"""
SELECT {_COLUMNS} FROM audit
WHERE (:model = '' OR model = :model) AND at <= :until AND seq > :after ORDER BY seq LIMIT :most
"""
_OF_VERSION = f"""
SELECT {_COLUMNS} FROM audit WHERE model = :model AND version = :version ORDER BY seq
"""
_STAGES = "SELECT model, version, stage FROM model_version WHERE stage <> 'None'"
_ALIASES = "SELECT model, name, version FROM alias"
_REGISTERED = """
SELECT digest, registered_by, body FROM model_version
WHERE model = :model AND version = :version
"""
# What others were told is no witness: anybody who may send events could accuse the log.
_EVENTS = """
SELECT body FROM event
WHERE type = 'DATASET' AND origin = 'recorded' AND instr(body, '"begat_transition"') > 0
"""
#: Later than every time.
ALWAYS = "9999-12-31T23:59:59.999999Z"
_MANY = 2**31
_ALL = {"model": "", "until": ALWAYS, "after": 0, "most": _MANY}
#: A time by how much of it is written; the clock is what counts.
_TIME = re.compile(r"\d{4}-?\d\d-?\d\d(.(?P<clock>[\d:.,]+).*)?")
#: What a time lasts by the digits of its clock; a fraction of a second is a moment.
_LASTS = {
    0: timedelta(days=1),
    2: timedelta(hours=1),
    4: timedelta(minutes=1),
    6: timedelta(seconds=1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Record):
    """A row of the log."""

    #: Its place, from 1, without gaps.
    seq: int
    #: ISO 8601, UTC; never before the row before, even when the clock went back.
    at: str
    action: str
    #: Empty, and no version, for what is about no model.
    model: str
    version: int | None
    #: Stages; empty where none changed.
    before: str
    after: str
    #: The version that left Production by that, if any.
    replaced: int | None
    who: str
    #: How that is known: `kind` (token, user or policy), `token`, `email`, `host`.
    identity: Mapping[str, Any]
    reason: str
    #: `gates` with their values, `policy`, `alias`, …
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """What is not as it was written."""

    #: Of the row, or of where one should be; 0 for what the registry's own rows say.
    seq: int
    says: str


def append(
    store: Store,
    db: Connection,
    *,
    action: str,
    identity: Identity,
    model: str = "",
    version: int | None = None,
    before: str = "",
    after: str = "",
    replaced: int | None = None,
    reason: str = "",
    body: Mapping[str, Any] | None = None,
) -> Entry:
    """Add a row, and the event that tells of it, inside the caller's transaction.

    Args:
        store: whose transaction it is.
        db: the connection that `store.write()` gave.
        action: what was done, a verb.
        identity: who did it.
        model: what it was done to.
        version: the number, where it was done to one version.
        before: the stage before, where it changed.
        after: the stage after.
        replaced: the version that leaves Production by that.
        reason: why, as they said.
        body: more, JSON-safe: see `Entry.body`.

    Raises:
        StoreError: the store failed; nothing is kept.
    """
    last = db.execute(_LAST, {}).fetchone()
    row: dict[str, Any] = {
        "seq": last["seq"] + 1 if last else 1,
        "at": max(now(), last["at"]) if last else now(),
        "action": action,
        "model": model,
        "version": version,
        "before": before,
        "after": after,
        "replaced": replaced,
        "who": identity.who,
        "identity": identity.to_json(),
        "reason": reason,
        "body": dict(body or {}),
        "previous": last["hash"] if last else FIRST,
    }
    entry = Entry(**row, hash=_hash(row))
    kept = {**entry.to_json(), "identity": _text(row["identity"]), "body": _text(row["body"])}
    db.execute(_ADD, kept)
    if model:
        store.record([_event(entry)])
    return entry


def entries(
    store: Store, model: str = "", *, until: str = ALWAYS, after: int = 0, most: int = _MANY
) -> list[Entry]:
    """The rows of the log, in their order.

    Args:
        store: where it is.
        model: of this model only.
        until: none later than this, an ISO 8601 time in UTC with microseconds.
        after: none up to this `seq`.
        most: at most so many.

    Raises:
        RefError: there is no such model.
        StoreError: the store failed.
    """
    asked = {"model": model, "until": until, "after": after, "most": most}
    with store.read() as db:
        found = [_entry(row) for row in db.execute(_ENTRIES, asked)]
        if model and not found:
            check_model(db, model)
    return found


def of_version(db: Connection, of: ModelVersion) -> list[Entry]:
    """The rows about one version, in their order."""
    key = {"model": of.model, "version": of.version}
    return [_entry(row) for row in db.execute(_OF_VERSION, key)]


def as_of(store: Store, until: str = ALWAYS) -> Standing:
    """Which version was in which stage then, and had which alias.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return standing(db.execute(_ENTRIES, {**_ALL, "until": until}))


def end_of(text: str) -> str:
    """The last moment of a time, as the log writes it: a day, a minute, a second is meant whole.

    Raises:
        ParameterError: it is no time.

    >>> end_of("2024-06-30"), end_of("2024-06-30T12:00+02:00")
    ('2024-06-30T23:59:59.999999Z', '2024-06-30T10:00:59.999999Z')
    """
    try:
        begins, written = datetime.fromisoformat(text), _TIME.fullmatch(text)
        if written is None:
            raise ValueError(text)  # a week, which would be meant to its end
        digits = sum(map(str.isdecimal, written["clock"] or ""))
        lasts = _LASTS.get(digits, timedelta(microseconds=1))
        return normalised((begins + (lasts - timedelta(microseconds=1))).isoformat())
    except (ValueError, OverflowError):
        raise ParameterError(
            f"{text!r} is no time; write 2024-06-30, or 2024-06-30T12:00:00+02:00"
        ) from None


def minute(time: str) -> str:
    """A time of the log as sentences name it.

    >>> minute("2024-06-30T12:00:01.000000Z")
    '2024-06-30 12:00 UTC'
    """
    return f"{time[:16].replace('T', ' ')} UTC"


def verify(store: Store, *, head: str = "") -> list[Flaw]:
    """Every row that was edited, removed or put elsewhere, and what does not follow from the log.

    Args:
        store: where it is.
        head: a hash of the log that was kept elsewhere: it must still be in it.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        rows = db.execute(_ENTRIES, {**_ALL, "until": "~"}).fetchall()
        flaws = [*_chain(rows), *_told(db, rows), *_registry(db, rows), *_sealed(db, rows)]
    if head and head not in {row["hash"] for row in rows}:
        flaws.append(Flaw(seq=0, says=f"no row has the hash {head}: the log was written anew"))
    return flaws


def _chain(rows: Iterable[Row]) -> Iterator[Flaw]:
    seq, at, previous = 0, "", FIRST
    for row in rows:
        if row["seq"] != seq + 1:
            missing = f"{seq + 1}" if row["seq"] == seq + 2 else f"{seq + 1} to {row['seq'] - 1}"
            yield Flaw(seq=seq + 1, says=f"row {missing} was removed")
        elif row["previous"] != previous:
            yield Flaw(seq=row["seq"], says="it does not follow on the row before")
        try:
            entry = _entry(row)
            sound = entry.hash == _hash(entry.to_json())
        except (ValueError, TypeError):
            sound = False
        if not sound:
            yield Flaw(seq=row["seq"], says="it was edited: it is not what its hash says")
        if row["at"] < at:
            yield Flaw(seq=row["seq"], says=f"its time {row['at']} is before that of the last row")
        seq, at, previous = row["seq"], row["at"], row["hash"]


def _told(db: Connection, rows: Iterable[Row]) -> Iterator[Flaw]:
    """Rows that events tell of, and that are there no more, or otherwise."""
    there = {row["seq"]: row["hash"] for row in rows}
    last = max(there, default=0)
    for (body,) in db.execute(_EVENTS, {}):
        said = json.loads(body)["dataset"]["facets"].get("begat_transition", {})
        seq = said.get("seq", 0)
        if seq > last:
            yield Flaw(seq=seq, says=f"row {seq} was removed: an event tells of it")
        elif seq in there and there[seq] != said.get("hash"):
            yield Flaw(seq=seq, says="an event tells of another row at this place")


def _registry(db: Connection, rows: list[Row]) -> Iterator[Flaw]:
    try:
        found = standing(rows)
    except (ValueError, TypeError, AttributeError):
        return  # a row that cannot be read is told already
    stages = {(m, v): stage for m, v, stage in db.execute(_STAGES, {})}
    for model, version in sorted({*stages, *found.stages}):
        is_, was = stages.get((model, version), "None"), found.stages.get((model, version), "None")
        if is_ != was:
            says = f"the registry has {model}@{version} in {is_}, and the log comes to {was}"
            yield Flaw(seq=0, says=says)
    aliases = {(m, name): version for m, name, version in db.execute(_ALIASES, {})}
    for model, name in sorted({*aliases, *found.aliases}):
        here, there = aliases.get((model, name)), found.aliases.get((model, name))
        if here != there:
            says = (
                f"the registry has {model}@{name} as {here or 'none'}, and the log comes to "
                f"{there or 'none'}"
            )
            yield Flaw(seq=0, says=says)


def _sealed(db: Connection, rows: Iterable[Row]) -> Iterator[Flaw]:
    """Versions that are not what they were when somebody acted on them."""
    there: dict[tuple[str, int], dict[str, str]] = {}
    for row in rows:
        with suppress(ValueError):  # a row that cannot be read is told already
            said = json.loads(row["body"])
            if row["version"] is None or not isinstance(said, dict):
                continue
            key = (row["model"], row["version"])
            if key not in there:
                found = db.execute(_REGISTERED, {"model": key[0], "version": key[1]}).fetchone()
                there[key] = {}
                if found is not None:
                    digest, author, body = found
                    there[key] = sealed(digest, author, json.loads(body))
            for what in there[key].keys() & said.keys():
                is_ = there[key].pop(what)  # the first row decides, and is told
                if is_ != said[what]:
                    of = f"{what} of {key[0]}@{key[1]}"
                    yield Flaw(seq=0, says=f"{of} is {is_}, and row {row['seq']} has {said[what]}")


def _event(entry: Entry) -> dict[str, Any]:
    """An OpenLineage DatasetEvent of the model that tells of a row."""
    said = {
        "seq": entry.seq,
        "action": entry.action,
        "model": entry.model,
        "who": entry.who,
        "hash": entry.hash,
        "version": entry.version,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "replaced": entry.replaced,
        "alias": entry.body.get("alias"),
    }
    known = {key: value for key, value in said.items() if value not in (None, "", [])}
    return {
        "eventTime": entry.at,
        "producer": PRODUCER,
        "schemaURL": f"{CORE}#/$defs/DatasetEvent",
        "dataset": {
            "namespace": "begat",
            "name": f"{entry.model}/model",
            "facets": {"begat_transition": facets.transition(known)},
        },
    }


def _hash(row: Mapping[str, Any]) -> str:
    sealed = {key: value for key, value in row.items() if key != "hash"}
    return digest_bytes(canonical(sealed).encode())


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _entry(row: Row) -> Entry:
    found = {name: row[name] for name in Entry.__slots__}
    return Entry(
        **{**found, "identity": json.loads(row["identity"]), "body": json.loads(row["body"])}
    )
