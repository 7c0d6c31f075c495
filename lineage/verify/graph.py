"""Rows of the graph beside what the stored events say they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ..graph import nodes
from ..graph.connection import Connection
from . import picture
from .picture import DESCRIBED, Key, Picture
from .replay import BACKUP, Replay
from .report import Finding, Recovery

#: Runs outside that are heard about a row which those inside do not explain.
_WITNESSES = 1000
# Who speaks of a version elsewhere: runs that wrote it, or read it by itself.
_SPEAKERS = f"""
SELECT r.uuid FROM version v JOIN dataset d ON d.id = v.dataset
JOIN output o ON o.version = v.id JOIN run r ON r.id = o.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
UNION SELECT r.uuid FROM version v JOIN dataset d ON d.id = v.dataset
JOIN product p ON p.version = v.id
JOIN edge e ON e.parent = p.id * 4 + {nodes.PRODUCT} AND e.child % 4 = {nodes.RUN}
JOIN run r ON r.id = e.child / 4
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
LIMIT {_WITNESSES}
"""
# Who says that a run made a version: those that read it as that run's, alone or with others.
_READERS = f"""
WITH RECURSIVE held(node) AS (
    SELECT p.id * 4 + {nodes.PRODUCT} FROM product p JOIN version v ON v.id = p.version
    JOIN dataset d ON d.id = v.dataset JOIN run r ON r.id = p.run
    WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
        AND v.digest = :digest AND r.uuid = :run
    UNION SELECT e.child FROM edge e, held
    WHERE e.parent = held.node AND e.child % 4 IN ({nodes.SNAPSHOT}, {nodes.SEGMENT})
)
SELECT r.uuid FROM reading g JOIN run r ON r.id = g.run
WHERE g.node IN (SELECT node FROM held) LIMIT {_WITNESSES}
"""
_VERSION = f"""
SELECT {", ".join(f"v.{column}" for column in DESCRIBED)}
FROM version v JOIN dataset d ON d.id = v.dataset
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest
"""
_PRODUCT = """
SELECT 1 FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
JOIN run r ON r.id = p.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest AND r.uuid = :run
"""
#: Runs that are compared at a time.
_BATCH = 250
#: Rows that one finding names.
_NAMED = 3
_GRAPH = Recovery(
    by="events", name="", says="the events say what it was: `begat verify --repair` rebuilds it"
)
_State = Literal["missing", "changed", "unfounded"]
#: What is the matter with rows in a state.
SAYS: Mapping[_State, str] = {
    "missing": "the events say them, and they are not there",
    "changed": "they are not as the events say",
    "unfounded": "no stored event says them",
}

#: Whether a run that begat recorded here names a run, or stands on what it made.
_NEEDED = f"""
WITH RECURSIVE held(node) AS (
    SELECT p.id * 4 + {nodes.PRODUCT} FROM product p JOIN run u ON u.id = p.run WHERE u.uuid = :run
    UNION SELECT e.child FROM edge e JOIN held h ON e.parent = h.node
    WHERE h.node % 4 != {nodes.RUN}
)
SELECT 1 FROM run r WHERE r.facets LIKE '{{"1|%' AND (
    r.id IN (SELECT node / 4 FROM held WHERE node % 4 = {nodes.RUN})
    OR EXISTS (SELECT 1 FROM run u WHERE u.uuid = :run AND u.id IN (r.parent, r.root, r.reuse_of))
) LIMIT 1
"""


def compare(
    db: Connection, replay: Replay, tell: Callable[[int, int], None] = lambda *_: None
) -> Iterator[Finding | int]:
    """Every row of the replayed runs in both stores: findings, and how many rows were seen.

    Args:
        db: a connection to the store that is verified.
        replay: what its events say.
        tell: is told how many runs are done, and of how many.
    """
    runs = sorted(replay.runs)
    for start in range(0, len(runs), _BATCH):
        tell(start, len(runs))
        batch = runs[start : start + _BATCH]
        with replay.store.read() as own:
            said = picture.take(own, batch)
        there = picture.take(db, batch)
        yield len(said.rows)
        yield from replay.missing_events(there.stamps)
        yield from _silent(db, said, there, batch)
        yield from _late(said, there, batch)
        yield from _Differences(db, replay, said, there).findings()
    tell(len(runs), len(runs))


def _silent(
    db: Connection, said: Picture, there: Picture, runs: Sequence[str]
) -> Iterator[Finding]:
    """Runs of which no stored event speaks, and one of begat's own stands on them.

    What others name, as Airflow does a parent, need not have been heard of.
    """
    for run in runs:
        rows = [found.rows.get(("run", run), {}) for found in (said, there)]
        if rows[0].get("state") or not db.execute(_NEEDED, {"run": run}).fetchone():
            continue
        job = next((row["job"] for row in rows if row.get("job")), "")
        yield Finding(
            kind="event",
            state="missing",
            name=f"events of run {run[:13]}" + (f" ({job})" if job else ""),
            says="something stands on this run, and no event of it is stored",
            recovery=Recovery(
                by="backup",
                name=run,
                says="restore the lineage store from a backup, or let whoever spooled them replay",
            ),
        )


def _late(said: Picture, there: Picture, runs: Sequence[str]) -> Iterator[Finding]:
    """Runs that started before the first of their stored events: that one is gone."""
    for run in runs:
        first, started = (
            found.rows.get(("run", run), {}).get("started_at") or "" for found in (said, there)
        )
        if "" < started < first:
            yield Finding(
                kind="event",
                state="missing",
                name=f"an event of run {run[:13]}",
                says=f"the graph has it started at {started}, and no stored event says so",
                recovery=BACKUP,
            )


class _Differences:
    """What two pictures of the same runs differ in."""

    def __init__(self, db: Connection, replay: Replay, said: Picture, there: Picture) -> None:
        self._db = db
        self._replay = replay
        self._said = said
        self._there = there
        self._grouped: dict[tuple[str, _State], list[str]] = {}

    def findings(self) -> Iterator[Finding]:
        """One for each owner of rows and each way in which they differ."""
        for key, columns in self._said.rows.items():
            if key[0] == "run" and not columns["state"]:
                continue  # known by name only, and told as silent
            if key not in self._there.rows:
                self._note("missing", key, self._said)
            elif changed := self._changed(key, columns):
                self._note("changed", key, self._said, f" ({', '.join(changed)})")
        for key in self._there.rows.keys() - self._said.rows.keys():
            if self._unfounded(key):
                self._note("unfounded", key, self._there)
        for (owner, state), labels in sorted(self._grouped.items()):
            more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
            yield Finding(
                kind="graph",
                state=state,
                name=f"graph rows of {owner}",
                says=f"{SAYS[state]}: {', '.join(sorted(labels)[:_NAMED])}{more}",
                recovery=_GRAPH,
            )

    def _note(self, state: _State, key: Key, of: Picture, more: str = "") -> None:
        self._grouped.setdefault((of.owner[key], state), []).append(picture.label(key) + more)

    def _changed(self, key: Key, said: Mapping[str, Any]) -> list[str]:
        there = self._there.rows[key]
        if key[0] != "version":
            return [
                name
                for name, value in said.items()
                # It may have learned from others which rows a snapshot has.
                if (value > there[name] if name == "known" else value != there[name])
            ]
        changed = _described_otherwise(said, there)
        if not changed:
            return []
        # The largest value counts, whoever said it, and one that nobody said does not.
        self._hear(_SPEAKERS, key)
        with self._replay.store.read() as own:
            row = own.execute(_VERSION, _named(key)).fetchone()
        return _described_otherwise({name: row[name] for name in DESCRIBED}, there)

    def _unfounded(self, key: Key) -> bool:
        """Whether events that are at hand would have told of a row, were it true."""
        if key[0] in ("run", "snapshot", "segment", "version"):
            return False  # a run without events is told as silent, others may speak of the rest
        spoken = self._said.rows.get(("run", picture.run_of(key)), {}).get("state")
        child = picture.ends_of(key)[0] if key[0] == "edge" else key
        if child[0] in ("snapshot", "segment"):
            return bool(self._said.rows.get(child, {}).get("known"))
        if child[0] != "product":
            return bool(spoken)
        if not spoken:
            return False
        # A reader elsewhere may have said that this run made it.
        self._hear(_READERS, child, run=child[5])
        with self._replay.store.read() as own:
            return own.execute(_PRODUCT, _named(child) | {"run": child[5]}).fetchone() is None

    def _hear(self, query: str, key: Key, **more: str) -> None:
        """Replay what runs outside say about a version, too."""
        self._replay.add({uuid for (uuid,) in self._db.execute(query, {**_named(key), **more})})


def _named(version: Key) -> dict[str, str]:
    """What a version or a product is found by."""
    return dict(zip(("namespace", "name", "partition", "digest"), version[1:5], strict=True))


def _described_otherwise(said: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    return [name for name, value in said.items() if value != there[name]]
