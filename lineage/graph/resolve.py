"""What a reference names: a model version, a run, or a dataset version.

| reference | names |
|---|---|
| `flight-delays@2`, `@latest`, `@Production`, `@ALIAS` | a model version |
| a run's or flow run's id, or a unique beginning of it | a run |
| `flights/raw[month=2013-12]`, `weather.csv` | the newest version of that partition |
| `blake3:…`, or a unique beginning of it | the version with those bytes |

A dataset may be named by any unique tail of its name that begins after a `/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..errors import RefError
from ..records import DatasetVersion, ModelVersion, RunRef
from . import nodes, queries
from .connection import Connection, Row
from .stages import STAGES
from .store import Store

T = TypeVar("T")

_MODEL_VERSIONS = "SELECT model, version, digest, run_id FROM model_version WHERE model = :model"
_ANY = "SELECT 1 FROM model_version WHERE model = :model LIMIT 1"
_NEWEST = "SELECT MAX(version) FROM model_version WHERE model = :model"
_NUMBERED = "AND version = :number"
_NAMED = "AND version = (SELECT version FROM alias WHERE model = :model AND name = :which)"
_CHOSEN = dict.fromkeys(STAGES, "AND stage = :which ORDER BY version") | {
    "latest": "ORDER BY version DESC LIMIT 1"
}
#: Candidates that an error lists.
CANDIDATES = 10
#: A run's id or a beginning of it; `#2` behind an id is its second execution.
RUN_ID = re.compile(r"[0-9a-f]{4,8}(-[0-9a-f-]*)?(#\d+)?", re.IGNORECASE)
DATASET = re.compile(r"(?P<name>[^\[\]]+)(?P<inside>\[(?P<partition>[^\[\]]*)\])?")

_RUNS = """
SELECT r.uuid, COALESCE(j.namespace, '') AS namespace, COALESCE(j.name, '') AS job
FROM run r LEFT JOIN job j ON j.id = r.job
WHERE r.uuid >= :low AND r.uuid < :high ORDER BY r.uuid
"""
_JOBS = "SELECT id, namespace, name FROM job WHERE"
_DATASETS = "SELECT id, namespace, name FROM dataset WHERE"
# A version is seen when a run made it, or when a run that read it began.
_VERSIONS = f"""
SELECT d.namespace, d.name, v.partition, v.digest, v.rows, v.size, v.format, v.kind,
    COALESCE(r.uuid, '') AS producer,
    COALESCE(r.ended_at, (
        SELECT MAX(COALESCE(g.started_at, g.ended_at)) FROM edge e JOIN run g ON g.id = e.child / 4
        WHERE e.parent = p.id * 4 + {nodes.PRODUCT} AND e.child % 4 = {nodes.RUN}
    ), '') AS seen
FROM version v JOIN dataset d ON d.id = v.dataset
LEFT JOIN product p ON p.version = v.id LEFT JOIN run r ON r.id = p.run
"""


def resolve(store: Store, ref: str) -> ModelVersion | RunRef | DatasetVersion:
    """What `ref` names.

    Raises:
        RefError: nothing, or more than one thing; the message lists what there is.
        StoreError: the store failed.
    """
    ref = ref.strip()
    with store.read() as db:
        if "@" in ref:
            return model_version(db, ref)
        if ref.startswith("blake3:"):
            found = by_digest(db, ref)
            return only(ref, found, "versions", lambda one: f"{one} {one.digest[:19]}")
        if RUN_ID.fullmatch(ref) and (named := runs(db, ref)):
            return only(ref, named, "runs", lambda run: f"{run.run_id} ({run.job})")
        return _by_name(db, ref)


def model_version(db: Connection, ref: str) -> ModelVersion:
    """The model version that a reference with an `@` names.

    Raises:
        RefError: there is none, or more than one.
    """
    model, _, which = ref.rpartition("@")
    if not model:
        raise RefError(f"{ref!r} names no model; write MODEL@{which}, `begat models` lists them")
    number = int(which) if which.isdecimal() and len(which) < 10 else 0
    chosen = _NUMBERED if which.isdecimal() else _CHOSEN.get(which, _NAMED)
    given = {"model": model, "which": which, "number": number}
    rows = db.execute(f"{_MODEL_VERSIONS} {chosen}", given).fetchall()
    if not rows and not db.execute(_ANY, {"model": model}).fetchone():
        names = [name for (name,) in db.execute("SELECT name FROM model ORDER BY name")]
        raise RefError(f"no model is named {model!r}; {_there_are(names, 'models')}")
    if not rows:
        raise RefError(
            f"{model} has no version {which!r}; `begat models` lists numbers, stages and aliases"
        )
    return only(ref, [queries.model_version_of(row) for row in rows], "versions", str)


def runs(db: Connection, ref: str) -> list[RunRef]:
    """Runs whose ids begin so; the one alone that has just this id."""
    rows = db.execute(_RUNS, _range(ref.lower())).fetchall()
    rows = [row for row in rows if row["uuid"] == ref.lower()] or rows
    return [RunRef(run_id=row["uuid"], namespace=row["namespace"], job=row["job"]) for row in rows]


def by_digest(db: Connection, ref: str) -> list[DatasetVersion]:
    """The newest version of each partition among those whose digests begin so.

    Raises:
        RefError: there is none.
    """
    rows = db.execute(f"{_VERSIONS} WHERE v.digest >= :low AND v.digest < :high", _range(ref))
    found = _newest(rows, lambda row: (row["namespace"], row["name"], row["partition"]))
    if not found:
        raise RefError(f"no version has a digest that begins with {ref}; check its characters")
    return found


def _by_name(db: Connection, ref: str) -> DatasetVersion:
    parsed = DATASET.fullmatch(ref)
    if parsed is None:
        raise RefError(
            f"{ref!r} is no reference; write model@version, the id of a run, dataset[partition] "
            "or blake3:…"
        )
    dataset = _dataset(db, ref, parsed["name"])
    rows = db.execute(f"{_VERSIONS} WHERE v.dataset = :dataset", {"dataset": dataset})
    found = _newest(rows, lambda row: row["partition"])
    wanted = parsed["partition"]
    chosen = [one for one in found if wanted is None or one.partition == wanted]
    if not chosen:
        there = [one.partition for one in found]
        if wanted is None:
            raise RefError(
                f"no version of {parsed['name']} was told of; `begat downstream {ref}` shows who "
                "read it all the same"
            )
        raise RefError(
            f"{parsed['name']} has no partition {wanted!r}; {_there_are(there, 'partitions')}"
        )
    return only(ref, chosen, "partitions", str)


def datasets(db: Connection, name: str) -> list[tuple[int, str]]:
    """Datasets of this name, with or without their namespace; else those whose names end so.

    Returns:
        Ids, and names as people write them, sorted by namespace and name.
    """
    rows = _named(db, _DATASETS, name, "/")
    return [(row["id"], queries.dataset_name(row["namespace"], row["name"])) for row in rows]


def jobs(db: Connection, name: str) -> list[tuple[int, str]]:
    """Jobs of this name, with or without their namespace; else those whose names end so.

    An end begins after a `/` or a `.`.

    Returns:
        Ids, and names behind their namespaces, sorted.
    """
    rows = _named(db, _JOBS, name, "/.")
    return [(row["id"], f"{row['namespace']}:{row['name']}") for row in rows]


def _named(db: Connection, query: str, name: str, marks: str) -> list[Row]:
    rows = db.execute(f"{query} name = :name", {"name": name}).fetchall()
    for at in (at for at, sign in enumerate(name) if sign == ":"):
        parts = {"namespace": name[:at], "name": name[at + 1 :]}
        rows += db.execute(f"{query} namespace = :namespace AND name = :name", parts).fetchall()
    if not rows:
        # LIKE does not tell capitals apart.
        found = db.execute(f"{query} name LIKE :tail ESCAPE '\\'", {"tail": f"%{escaped(name)}"})
        ends = tuple(f"{mark}{name}" for mark in marks)
        rows = [row for row in found if row["name"].endswith(ends)]
    return sorted(rows, key=lambda row: (row["namespace"], row["name"]))


def escaped(text: str) -> str:
    """A text as LIKE takes it for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _dataset(db: Connection, ref: str, name: str) -> int:
    if not (found := datasets(db, name)):
        (newest,) = db.execute(_NEWEST, {"model": ref}).fetchone()
        if newest is not None:
            raise RefError(
                f"{ref!r} is a model; name a version of it: {ref}@latest is {ref}@{newest}, and "
                "`begat models` lists all"
            )
        rows = db.execute("SELECT namespace, name FROM dataset ORDER BY namespace, name")
        names = [queries.dataset_name(row["namespace"], row["name"]) for row in rows]
        raise RefError(
            f"{ref!r} names no run, dataset or model version; {_there_are(names, 'datasets')}"
        )
    return only(ref, found, "datasets", lambda one: one[1])[0]


def _newest(rows: Iterable[Row], group: Callable[[Row], object]) -> list[DatasetVersion]:
    """The version of each group that was seen last, as its latest producer made it."""
    last: dict[object, Row] = {}
    for row in sorted(rows, key=lambda row: (row["seen"], row["digest"], row["producer"])):
        last[group(row)] = row
    return [
        queries.version_of(row, row["producer"])
        for row in sorted(last.values(), key=lambda row: (row["name"], row["partition"]))
    ]


def only(ref: str, found: Sequence[T], what: str, label: Callable[[T], str]) -> T:
    """The one thing that a reference names.

    Raises:
        RefError: there are several; the message lists them.
    """
    if len(found) == 1:
        return found[0]
    raise RefError(f"{ref!r} names {len(found)} {what}: {_listed(map(label, found))}; name one")


def _there_are(names: Sequence[str], what: str) -> str:
    return f"there are {_listed(names)}" if names else f"there are no {what} yet"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - CANDIDATES} more" if len(names) > CANDIDATES else ""
    return ", ".join(names[:CANDIDATES]) + more


def _range(prefix: str) -> dict[str, str]:
    # Nothing that is part of an id sorts after a tilde.
    return {"low": prefix, "high": f"{prefix}~"}
