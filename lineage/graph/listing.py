"""What there is: datasets, their partitions and versions, jobs, runs, events, models.

Each list has a fixed order, the same in every store, and comes in pages.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from ..errors import ParameterError, RefError
from . import names, nodes, queries, resolve
from .answer import LIMIT, Listing, ModelNode, Record, limited
from .connection import Connection, Row
from .facts import RANK
from .present import EVER, family, present
from .store import Store
from .subject import time

_DATASETS = """
SELECT d.id, d.namespace, d.name,
    (SELECT COUNT(DISTINCT v.partition) FROM version v WHERE v.dataset = d.id) AS partitions,
    (SELECT COUNT(*) FROM version v WHERE v.dataset = d.id) AS versions,
    (SELECT MAX(c.since) FROM current c WHERE c.dataset = d.id) AS changed_at
FROM dataset d
WHERE d.namespace > :namespace OR (d.namespace = :namespace AND d.name > :name)
ORDER BY d.namespace, d.name LIMIT :most
"""
_ALIASES = """
SELECT s.dataset, d.namespace, d.name FROM symlink s JOIN dataset d ON d.id = s.other
WHERE s.dataset IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_VERSIONS = """
SELECT d.namespace, d.name, v.partition, v.digest, v.rows, v.size, r.uuid, j.name AS job, p.id,
    COALESCE(r.ended_at, '') AS made_at
FROM version v JOIN dataset d ON d.id = v.dataset JOIN product p ON p.version = v.id
LEFT JOIN run r ON r.id = p.run LEFT JOIN job j ON j.id = r.job
WHERE v.dataset IN (SELECT CAST(value AS BIGINT) FROM json_each(:datasets))
"""
_PRODUCTS = f"{_VERSIONS} AND p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:products))"
_JOBS = """
SELECT j.id, j.namespace, j.name, (SELECT COUNT(*) FROM run r WHERE r.job = j.id) AS runs
FROM job j
WHERE j.namespace > :namespace OR (j.namespace = :namespace AND j.name > :name)
ORDER BY j.namespace, j.name LIMIT :most
"""
_LATEST = """
SELECT j.id, r.uuid, r.state, r.started_at FROM job j JOIN run r ON r.id = (
    SELECT l.id FROM run l WHERE l.job = j.id AND l.started_at IS NOT NULL
    ORDER BY l.started_at DESC, l.uuid DESC LIMIT 1
)
WHERE j.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_RUNS = """
SELECT r.id, r.uuid, r.state, r.started_at, r.ended_at, p.uuid AS parent,
    COALESCE(j.namespace, '') AS namespace, COALESCE(j.name, '') AS job
FROM run r LEFT JOIN job j ON j.id = r.job LEFT JOIN run p ON p.id = r.parent
WHERE {which} AND r.started_at >= :since AND r.started_at < :until
    AND (:state = '' OR r.state = :state)
    AND (r.started_at < :time OR (r.started_at = :time AND r.uuid < :uuid))
ORDER BY r.started_at DESC, r.uuid DESC LIMIT :most
"""
_NEXT_KIND = "SELECT MIN(kind) FROM run WHERE kind > :kind"
_EVENTS = """
SELECT hash, origin, event_time, run_id, type,
    CASE WHEN :bodies = 1 OR run_id = '' THEN body ELSE '{{}}' END AS body
FROM event WHERE {which} AND event_time >= :since AND event_time < :until
    AND (event_time > :time OR (event_time = :time AND hash > :hash))
ORDER BY event_time, hash LIMIT :most
"""
_RUNS_OF = f"""
SELECT r.uuid FROM run r WHERE r.id IN (
    SELECT o.run FROM output o JOIN version v ON v.id = o.version WHERE v.dataset IN ({{ids}})
    UNION SELECT g.run FROM version v JOIN product p ON p.version = v.id
    JOIN reading g ON g.node = p.id * 4 + {nodes.PRODUCT} WHERE v.dataset IN ({{ids}})
    UNION SELECT g.run FROM snapshot s JOIN reading g ON g.node = s.id * 4 + {nodes.SNAPSHOT}
    WHERE s.dataset IN ({{ids}})
)
""".replace("{ids}", "SELECT CAST(value AS BIGINT) FROM json_each(:datasets)")
_MODELS = "SELECT * FROM model_version"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetItem(Record):
    """A dataset."""

    kind: ClassVar[str] = "dataset"
    dataset: str
    namespace: str
    name: str
    also_known_as: tuple[str, ...]
    partitions: int
    versions: int
    #: When a run last changed what is current; null if none did.
    changed_at: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionItem(Record):
    """A version as one run made it, or as it was found."""

    kind: ClassVar[str] = "version"
    key: str
    dataset: str
    partition: str
    digest: str
    producer: str | None
    job: str | None
    made_at: str | None
    rows: int | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobItem(Record):
    """A job, and its latest run."""

    kind: ClassVar[str] = "job"
    namespace: str
    name: str
    runs: int
    run_id: str | None
    state: str | None
    started_at: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EventItem(Record):
    """An event as it was stored."""

    kind: ClassVar[str] = "event"
    hash: str
    #: recorded or ingested
    origin: str
    event_time: str
    type: str
    run_id: str | None
    body: Mapping[str, Any]


def datasets(store: Store, *, limit: int = LIMIT, after: str | None = None) -> Listing:
    """All datasets, by namespace and name.

    Raises:
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    limit, (namespace, name) = limited(limit), _cursor(after, 2)
    with store.read() as db:
        given = {"namespace": namespace, "name": name, "most": limit + 1}
        rows = db.execute(_DATASETS, given).fetchall()
        others: dict[int, list[str]] = {}
        for row in db.execute(_ALIASES, {"ids": json.dumps([row["id"] for row in rows])}):
            others.setdefault(row[0], []).append(queries.dataset_name(row[1], row[2]))
        items = [
            DatasetItem(
                dataset=queries.dataset_name(row["namespace"], row["name"]),
                namespace=row["namespace"],
                name=row["name"],
                also_known_as=tuple(sorted(others.get(row["id"], ()))),
                partitions=row["partitions"],
                versions=row["versions"],
                changed_at=row["changed_at"],
            )
            for row in rows
        ]
    return _page(items, [[row["namespace"], row["name"]] for row in rows], limit, after)


def partitions(
    store: Store,
    dataset: str,
    *,
    as_of: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Listing:
    """What is current of each partition of a dataset, by partition.

    Args:
        store: the lineage store.
        dataset: its name, or an end of it that begins after a `/`.
        as_of: ISO 8601 event time; now if not given.
        limit: how many on a page.
        after: `next` of the page before.

    Raises:
        RefError: there is no such dataset, or more than one.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    at = time(as_of)
    with store.read() as db:
        ids = _dataset(db, dataset)
        products = [one.product for one in present(db, ids, at)]
        given = {"datasets": json.dumps(ids), "products": json.dumps(products)}
        return _versions(db.execute(_PRODUCTS, given), limit, after)


def versions(
    store: Store, dataset: str, *, limit: int = LIMIT, after: str | None = None
) -> Listing:
    """All versions of a dataset, by partition and the time they were made.

    Args:
        store: the lineage store.
        dataset: its name, or an end of it that begins after a `/`.
        limit: how many on a page.
        after: `next` of the page before.

    Raises:
        RefError: there is no such dataset, or more than one.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    with store.read() as db:
        given = {"datasets": json.dumps(_dataset(db, dataset))}
        return _versions(db.execute(_VERSIONS, given), limit, after)


def jobs(store: Store, *, limit: int = LIMIT, after: str | None = None) -> Listing:
    """All jobs with their latest runs, by namespace and name.

    Raises:
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    limit, (namespace, name) = limited(limit), _cursor(after, 2)
    with store.read() as db:
        given = {"namespace": namespace, "name": name, "most": limit + 1}
        rows = db.execute(_JOBS, given).fetchall()
        latest = {
            row["id"]: row
            for row in db.execute(_LATEST, {"ids": json.dumps([row["id"] for row in rows])})
        }
        items = []
        for row in rows:
            last = latest.get(row["id"])
            items.append(
                JobItem(
                    namespace=row["namespace"],
                    name=row["name"],
                    runs=row["runs"],
                    run_id=last["uuid"] if last else None,
                    state=last["state"] if last else None,
                    started_at=last["started_at"] if last else None,
                )
            )
    return _page(items, [[row["namespace"], row["name"]] for row in rows], limit, after)


def runs(
    store: Store,
    *,
    job: str = "",
    state: str = "",
    since: str | None = None,
    until: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Listing:
    """Runs that have started, the newest first.

    Args:
        store: the lineage store.
        job: only of this job: its name, or an end of it that begins after a `/` or a `.`.
        state: only in this state: START, RUNNING, COMPLETE, FAIL, ABORT or OTHER.
        since: only started at this time or later, ISO 8601.
        until: only started before this time.
        limit: how many on a page.
        after: `next` of the page before.

    Raises:
        RefError: there is no such job, or more than one.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    limit = limited(limit)
    last, uuid = _cursor(after, 2) if after else (EVER, "")
    if state and state.upper() not in RANK:
        raise ParameterError(f"no run is in a state {state!r}; there are {', '.join(RANK)}")
    given = {
        "state": state.upper(),
        "since": time(since, "since"),
        "until": time(until, "until") or EVER,
        "time": last,
        "uuid": uuid,
        "most": limit + 1,
    }
    with store.read() as db:
        if job:
            found = resolve.jobs(db, job)
            if not found:
                raise RefError(f"no job is named {job!r}; `begat jobs` lists them")
            one = resolve.only(job, found, "jobs", lambda named: named[1])[0]
            rows = db.execute(_RUNS.format(which="r.job = :job"), {**given, "job": one}).fetchall()
        else:
            rows = newest(db, given)
    items = [names.run_node(row, 0) for row in rows]
    return _page(items, [[one.started_at or "", one.run_id] for one in items], limit, after)


def newest(db: Connection, given: Mapping[str, Any]) -> list[Row]:
    """The newest runs of all kinds: an index has them by kind, of which there are few."""
    lists: list[list[Row]] = []
    kind: str | None = ""
    while kind is not None:
        query = _RUNS.format(which="r.kind = :kind")
        lists.append(db.execute(query, {**given, "kind": kind}).fetchall())
        kind = db.execute(_NEXT_KIND, {"kind": kind}).fetchone()[0]
    merged = heapq.merge(*lists, key=lambda row: (row["started_at"], row["uuid"]), reverse=True)
    return list(islice(merged, given["most"]))


def events(
    store: Store,
    *,
    run: str = "",
    dataset: str = "",
    since: str | None = None,
    until: str | None = None,
    limit: int = LIMIT,
    after: str | None = None,
    bodies: bool = True,
) -> Listing:
    """Events as they were stored, by event time.

    Args:
        store: the lineage store.
        run: only of this run: its id, or a unique beginning of it.
        dataset: only of runs that read or wrote this dataset, and about itself.
        since: only of this event time or later, ISO 8601.
        until: only before this time.
        limit: how many on a page.
        after: `next` of the page before.
        bodies: whether to say what each event says; else its `body` is empty.

    Raises:
        RefError: there is no such run or dataset, or more than one.
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    limit, (last, hash_) = limited(limit), _cursor(after, 2)
    given: dict[str, Any] = {
        "since": time(since, "since"),
        "until": time(until, "until") or EVER,
        "time": last,
        "hash": hash_,
        "most": limit + 1,
        "bodies": int(bodies),
    }
    with store.read() as db:
        about: set[tuple[str, str]] = set()
        which = "1 = 1"
        if run:
            given["run"] = _run(db, run)
            which = "run_id = :run"
        if dataset:
            ids = _dataset(db, dataset)
            found = {
                row[0].partition("#")[0]
                for row in db.execute(_RUNS_OF, {"datasets": json.dumps(ids)})
            }
            about = _names(db, ids)
            given["runs"] = json.dumps(["", *sorted(found)])
            which += " AND run_id IN (SELECT value FROM json_each(:runs))"
        rows = _ahead(db, _EVENTS.format(which=which), given)
        wanted = (row for row in rows if row["run_id"] or not about or _is_about(row, about))
        page = list(islice(wanted, limit + 1))
    items = [
        EventItem(
            hash=row["hash"],
            origin=row["origin"],
            event_time=row["event_time"],
            type=row["type"],
            run_id=row["run_id"] or None,
            body=json.loads(row["body"]) if bodies else {},
        )
        for row in page
    ]
    return _page(items, [[one.event_time, one.hash] for one in items], limit, after)


def models(store: Store, *, limit: int = LIMIT, after: str | None = None) -> Listing:
    """All registered model versions, by model and number.

    Raises:
        ParameterError: an argument is out of its range.
        StoreError: the store failed.
    """
    with store.read() as db:
        named = queries.aliases(db)
        found: list[ModelNode] = [
            names.model_node(row, named.get((row["model"], row["version"]), ()), 0)
            for row in db.execute(_MODELS)
        ]
    found.sort(key=lambda one: (one.model, one.version))
    return _cut(found, [[one.model, f"{one.version:09}"] for one in found], limited(limit), after)


def _versions(rows: Iterable[Row], limit: int, after: str | None) -> Listing:
    found = [
        VersionItem(
            key=names.version_key(row),
            dataset=queries.dataset_name(row["namespace"], row["name"]),
            partition=row["partition"],
            digest=row["digest"],
            producer=row["uuid"],
            job=row["job"],
            made_at=row["made_at"] or None,
            rows=row["rows"],
            bytes=row["size"],
        )
        for row in rows
    ]
    found.sort(key=lambda one: (one.partition, one.made_at or "", one.key))
    keys = [[one.partition, one.made_at or "", one.key] for one in found]
    return _cut(found, keys, limited(limit), after)


def _dataset(db: Connection, name: str) -> list[int]:
    """Ids of a dataset's names."""
    found = resolve.datasets(db, name)
    if not found:
        raise RefError(f"no dataset is named {name!r}; `begat datasets` lists them")
    named = family(db, found[0][0])
    if any(row not in named for row, _ in found):
        resolve.only(name, found, "datasets", lambda one: one[1])
    return sorted(named)


def _names(db: Connection, ids: list[int]) -> set[tuple[str, str]]:
    query = """
    SELECT namespace, name FROM dataset
    WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
    """
    return {(row[0], row[1]) for row in db.execute(query, {"ids": json.dumps(ids)})}


def _run(db: Connection, run: str) -> str:
    found = resolve.runs(db, run)
    if not found:
        raise RefError(f"no run has an id that begins with {run!r}; `begat runs` lists flow runs")
    ids = sorted({one.run_id.partition("#")[0] for one in found})
    return resolve.only(run, ids, "runs", str)


def _ahead(db: Connection, query: str, given: Mapping[str, Any]) -> Iterator[Row]:
    """Events from a place on, some at a time: a database may send all that it is asked for."""
    place = dict(given)
    while rows := db.execute(query, place).fetchall():
        yield from rows
        if len(rows) < place["most"]:
            return
        place |= {"time": rows[-1]["event_time"], "hash": rows[-1]["hash"]}


def _is_about(row: Row, about: set[tuple[str, str]]) -> bool:
    """Whether an event without a run names one of these datasets."""
    body = json.loads(row["body"])
    named = [body.get("dataset"), *(body.get("inputs") or ()), *(body.get("outputs") or ())]
    return any(
        (one.get("namespace"), one.get("name")) in about for one in named if isinstance(one, dict)
    )


def _cursor(after: str | None, parts: int) -> list[str]:
    if after is None:
        return [""] * parts
    try:
        found = json.loads(after)
    except ValueError:
        found = None
    if not (isinstance(found, list) and [type(one) for one in found] == [str] * parts):
        raise ParameterError(f"after is what a page gave as its next; got {after!r}")
    return found


def _page(items: list[Any], keys: list[list[str]], limit: int, after: str | None) -> Listing:
    """A page of one item more than it may hold."""
    more = len(items) > limit
    return Listing(
        items=tuple(items[:limit]),
        reasons=("page",) if more or after else (),
        next=json.dumps(keys[limit - 1], ensure_ascii=False) if more else None,
    )


def _cut(items: list[Any], keys: list[list[str]], limit: int, after: str | None) -> Listing:
    """A page of all items."""
    position = _cursor(after, len(keys[0])) if after and keys else []
    ahead = [(key, one) for key, one in zip(keys, items, strict=True) if key > position]
    found = ahead[: limit + 1]
    return _page([one for _, one in found], [key for key, _ in found], limit, after)
