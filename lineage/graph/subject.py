"""What a question is about: a reference, as nodes to start from.

Beside all that `resolve` knows, questions take

| reference | stands for |
|---|---|
| `flights/prepared` (`dataset:…`) | what is current of each partition of a dataset |
| `flights.train` (`job:…`) | the latest run of a job |
| `commit:ab12cd3`, `image:sha256:…`, `package:numpy==2.0.1`, `tag:team=risk` | all runs with it |
| `flights/prepared#delay`, `flights/prepared[month=2013-12]#delay` | a column |
| `ID#2` | the second execution of a run |
| the key of a node (`version:…`, `run:…`, `model:…`) | that node |

A `#` stands for a column if what is before it names a dataset; a full run id with a number
behind the `#` is an execution. A dataset answers to its other names (`symlinks`) too. A run
stands for all runs inside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from ..errors import ParameterError, RefError
from ..records import DatasetVersion, ModelVersion, RunRef
from . import nodes, present, queries, resolve
from .answer import Asked
from .connection import Connection
from .facts import normalised
from .nearby import Bounds, Way

#: What a question may be about.
Thing = str | ModelVersion | RunRef | DatasetVersion

_TRAITS = ("commit", "image", "package", "packages", "tag")
_KINDS = re.compile(r"(dataset|job|run|model|version|commit|image|packages?|tag):(.+)", re.DOTALL)
_EXECUTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(#\d+)?", re.IGNORECASE)
_VERSION_KEY = re.compile(
    r"(?P<namespace>.*):(?P<name>[^:\[\]@#]*)(\[(?P<partition>[^\[\]]*)\])?@(?P<digest>[^#]*)"
    r"(#(?P<run>.*))?"
)

_RUN = "SELECT id, uuid, started_at FROM run WHERE uuid = :uuid"
_EXECUTIONS = "SELECT uuid FROM run WHERE uuid = :first OR (uuid >= :low AND uuid < :high)"
_INSIDE = """
WITH RECURSIVE inside(id) AS (
    SELECT CAST(value AS BIGINT) FROM json_each(:ids)
    UNION SELECT r.id FROM run r, inside WHERE r.parent = inside.id
)
SELECT id, reuse_of FROM run WHERE id IN (SELECT id FROM inside)
    AND (started_at IS NULL OR started_at <= :at)
"""
_BEGUN = """
SELECT id FROM run WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
    AND (started_at IS NULL OR started_at <= :at)
"""
_MADE = """
SELECT p.id FROM product p JOIN run r ON r.id = p.run
WHERE p.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
    AND (r.ended_at IS NULL OR r.ended_at <= :at)
"""
_PRODUCTS = """
SELECT p.id, COALESCE(r.uuid, '') AS uuid, r.ended_at FROM dataset d
JOIN version v ON v.dataset = d.id JOIN product p ON p.version = v.id
LEFT JOIN run r ON r.id = p.run
WHERE d.namespace = :namespace AND d.name = :name AND v.partition = :partition
    AND v.digest = :digest AND (r.ended_at IS NULL OR r.ended_at <= :at)
ORDER BY r.ended_at DESC, r.uuid
"""
_ALL = """
SELECT p.id FROM version v JOIN product p ON p.version = v.id LEFT JOIN run r ON r.id = p.run
WHERE v.dataset IN (SELECT CAST(value AS BIGINT) FROM json_each(:datasets))
    AND (:partition = '*' OR v.partition = :partition)
    AND (r.ended_at IS NULL OR r.ended_at <= :at)
"""
_LATEST = """
SELECT id, uuid FROM run WHERE job = :job AND started_at <= :at
ORDER BY started_at DESC, uuid DESC LIMIT :most
"""
_CREATED = "SELECT created_at FROM model_version WHERE model = :model AND version = :version"
_MODEL_RUNS = """
SELECT r.id FROM run r WHERE r.uuid IN (
    SELECT run_id FROM model_version WHERE model = :model AND version = :version
    UNION SELECT training_run_id FROM model_version WHERE model = :model AND version = :version
)
"""
_FLOW_RUNS = """
SELECT facets FROM run
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids)) AND kind = 'FLOW'
"""
_MODEL_FILES = """
SELECT p.id FROM model_version m JOIN version v ON v.digest = m.digest
JOIN product p ON p.version = v.id JOIN run r ON r.id = p.run AND r.uuid = m.training_run_id
WHERE m.model = :model AND m.version = :version
"""
_TRAIT = """
SELECT id, value FROM trait WHERE kind = :kind AND value >= :low AND value < :high ORDER BY value
"""
_WITH_TRAIT = """
SELECT run FROM run_trait WHERE trait IN (SELECT CAST(value AS BIGINT) FROM json_each(:traits))
UNION
SELECT run FROM run_trait WHERE trait IN (
    SELECT whole FROM trait_part
    WHERE part IN (SELECT CAST(value AS BIGINT) FROM json_each(:traits))
)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a question starts from."""

    asked: Asked
    #: How far away each node is from what was asked about.
    start: dict[int, int]
    #: The model version it is, if it is one.
    model: tuple[str, int] | None = None
    column: str = ""
    #: Ids of the dataset's names, where it is one.
    datasets: tuple[int, ...] = ()


def time(given: str | None, called: str = "as_of") -> str:
    """A time as the store compares it; empty for none.

    Raises:
        ParameterError: it is no ISO 8601 time; the message says what it is called.
    """
    if not given:
        return ""
    try:
        return normalised(given)
    except (ValueError, OverflowError, TypeError):
        raise ParameterError(
            f"{called} is an ISO 8601 time, such as 2013-12-31T08:00:00Z; got {given!r}"
        ) from None


def find(
    db: Connection, thing: Thing, way: Way, as_of: str = "", *, every: bool = False
) -> Subject:
    """What a question about `thing` starts from.

    Args:
        db: a connection.
        thing: a reference, or what one was resolved to.
        way: where the question goes; downwards a run stands for what it made, too.
        as_of: as things were then; empty for now.
        every: of a dataset, a partition or a job all there ever was, not what is current.

    Raises:
        RefError: it names nothing, or more than one thing.
    """
    return _Finder(db, way, as_of, every=every).find(thing)


def bounded(db: Connection, stop_at: Iterable[str], as_of: str, depth: int | None) -> Bounds:
    """What a walk does not go past.

    Raises:
        RefError: an entry of `stop_at` names no dataset and no job, or several.
    """
    datasets: set[int] = set()
    jobs: set[int] = set()
    for name in stop_at:
        kind, _, rest = name.partition(":")
        plain = rest if kind in ("dataset", "job") else name
        if kind != "job" and (found := resolve.datasets(db, plain)):
            datasets |= _stops(db, name, found)
        elif kind != "dataset" and (others := resolve.jobs(db, plain)):
            jobs.add(resolve.only(name, others, "jobs", lambda one: one[1])[0])
        else:
            raise RefError(f"{name!r} names no dataset and no job at which to stop")
    return Bounds(datasets=frozenset(datasets), jobs=frozenset(jobs), as_of=as_of, depth=depth)


def _stops(db: Connection, name: str, found: list[tuple[int, str]]) -> set[int]:
    """A dataset with its other names."""
    named = present.family(db, found[0][0])
    if any(row not in named for row, _ in found):
        resolve.only(name, found, "datasets", lambda one: one[1])
    return set(named)


def cursor(after: str | None) -> tuple[int, str]:
    """Where a page begins: behind this depth and key.

    Raises:
        ParameterError: no page ends so.
    """
    if after is None:
        return (-1, "")
    depth, space, key = after.partition(" ")
    if not space or not depth.isdecimal():
        raise ParameterError(f"after is what a page gave as its next; got {after!r}")
    return (int(depth), key)


class _Finder:
    def __init__(self, db: Connection, way: Way, as_of: str, *, every: bool) -> None:
        self._db = db
        self._way = way
        self._as_of = as_of
        self._at = as_of or present.EVER
        self._every = every

    def find(self, thing: Thing) -> Subject:
        if isinstance(thing, ModelVersion):
            return self._model(str(thing), thing)
        if isinstance(thing, RunRef):
            return self._run(thing.run_id, thing.run_id)
        if isinstance(thing, DatasetVersion):
            return self._version(str(thing), thing)
        ref = thing.strip()
        if (kind := _KINDS.fullmatch(ref)) and not resolve.datasets(self._db, ref):
            return self._of_kind(ref, kind[1], kind[2])
        return self._plain(ref)

    def _of_kind(self, ref: str, kind: str, name: str) -> Subject:
        if kind in _TRAITS:
            return self._trait(ref, kind, name)
        if kind == "job":
            return self._job(ref, name)
        if kind == "version":
            return self._key(ref, name)
        if kind == "dataset":
            return self._dataset(ref, name) or self._nothing(ref)
        if kind == "model":
            model = resolve.model_version(self._db, unquote(name))
            return self._model(ref, model)
        return self._run_named(ref, name) or self._nothing(ref)

    def _plain(self, ref: str) -> Subject:
        if "#" in ref and not _EXECUTION.fullmatch(ref) and (column := self._column(ref)):
            return column
        if "@" in ref and not resolve.datasets(self._db, ref):
            return self._model(ref, resolve.model_version(self._db, ref))
        if ref.startswith("blake3:"):
            return self._digest(ref)
        if found := self._run_named(ref, ref) or self._dataset(ref, ref):
            return found
        if resolve.jobs(self._db, ref):
            return self._job(ref, ref)
        return self._nothing(ref)

    def _nothing(self, ref: str) -> Subject:
        raise RefError(
            f"{ref!r} names no run, dataset, job or model version; `begat search WORDS` finds names"
        )

    # --- runs ----------------------------------------------------------------------------

    def _run_named(self, ref: str, name: str) -> Subject | None:
        if _EXECUTION.fullmatch(name):
            return self._run(ref, name.lower())
        if not resolve.RUN_ID.fullmatch(name):
            return None
        found = resolve.runs(self._db, name)
        if not found:
            return None
        one = resolve.only(ref, found, "runs", lambda run: f"{run.run_id} ({run.job})")
        return self._run(ref, one.run_id)

    def _run(self, ref: str, uuid: str) -> Subject:
        row = self._db.execute(_RUN, {"uuid": uuid}).fetchone()
        if row is None:
            raise RefError(f"no run {uuid} is in the store; `begat runs` lists flow runs")
        if row["started_at"] and row["started_at"] > self._at:
            raise RefError(f"run {uuid} started at {row['started_at']}, after {self._as_of}")
        others = tuple(one for one in self._executions(uuid) if one != uuid)
        asked = Asked(ref=ref, what="run", name=uuid, executions=others)
        return self._of_runs(asked, [row["id"]])

    def _executions(self, uuid: str) -> list[str]:
        """All executions of the run that one belongs to, the first one first."""
        first = uuid.partition("#")[0]
        given = {"first": first, "low": f"{first}#", "high": f"{first}#~"}
        rows = [row["uuid"] for row in self._db.execute(_EXECUTIONS, given)]
        return sorted(rows, key=lambda one: int(one.partition("#")[2] or 1))

    def _of_runs(self, asked: Asked, runs: Iterable[int]) -> Subject:
        """Runs with all inside them; downwards with what they made."""
        given = {"ids": json.dumps([*runs]), "at": self._at}
        rows = self._db.execute(_INSIDE, given).fetchall()
        ids = {row["id"] for row in rows} | {row["reuse_of"] for row in rows if row["reuse_of"]}
        if self._way == "up" and asked.what in ("run", "job"):
            ids |= self._resulted(ids)
        start = {nodes.run(row): 0 for row in ids}
        if self._way == "down":
            made = self._db.execute(_MADE, {"ids": json.dumps(sorted(ids)), "at": self._at})
            start |= {nodes.product(row): 0 for (row,) in made}
        return Subject(asked=asked, start=start)

    def _resulted(self, runs: Iterable[int]) -> set[int]:
        """The runs behind the model versions that flow runs came to, however much they reused."""
        found: set[int] = set()
        for row in self._db.execute(_FLOW_RUNS, {"ids": json.dumps([*runs])}).fetchall():
            named = queries.facets_of(row).get("begat_reuse", {}).get("model_version")
            model, _, number = str(named or "").rpartition("@")
            if number.isdecimal() and len(number) < 10:
                key = {"model": model, "version": int(number)}
                found |= {run for (run,) in self._db.execute(_MODEL_RUNS, key)}
        begun = {"ids": json.dumps(sorted(found)), "at": self._at}
        return {row["id"] for row in self._db.execute(_BEGUN, begun)} if found else found

    def _job(self, ref: str, name: str) -> Subject:
        found = resolve.jobs(self._db, name)
        if not found:
            raise RefError(f"no job is named {name!r}; `begat jobs` lists them")
        job, full = resolve.only(ref, found, "jobs", lambda one: one[1])
        most = 2**31 if self._every else 1
        given = {"job": job, "at": self._at, "most": most}
        runs = [row["id"] for row in self._db.execute(_LATEST, given)]
        if not runs:
            raise RefError(f"{name} has not run{' by then' if self._as_of else ''}")
        return self._of_runs(Asked(ref=ref, what="job", name=full), runs)

    def _trait(self, ref: str, kind: str, name: str) -> Subject:
        # A commit or a digest may be shortened; a package or a tag is given whole.
        short = kind in ("commit", "image", "packages")
        given = {"kind": kind, "low": name, "high": f"{name}~" if short else f"{name}\x01"}
        rows = self._db.execute(_TRAIT, given).fetchall()
        rows = [row for row in rows if row["value"] == name] or (rows if short else [])
        if not rows:
            whole = "" if kind != "package" or "==" in name else "; write package:NAME==VERSION"
            raise RefError(f"no run is known to have {kind} {name}{whole}")
        if len(rows) > 1:
            resolve.only(ref, [row["value"] for row in rows], f"{kind}s", str)
        found = self._db.execute(_WITH_TRAIT, {"traits": json.dumps([rows[0]["id"]])})
        runs = [run for (run,) in found]
        return self._of_runs(Asked(ref=ref, what=kind, name=rows[0]["value"]), runs)

    # --- models and versions -------------------------------------------------------------

    def _model(self, ref: str, model: ModelVersion) -> Subject:
        key = {"model": model.model, "version": model.version}
        row = self._db.execute(_CREATED, key).fetchone()
        if row is None or row["created_at"] > self._at:
            raise RefError(f"{model} is not registered{' by then' if self._as_of else ''}")
        asked = Asked(ref=ref, what="model", name=str(model))
        if self._way == "down":
            found = [nodes.product(row) for (row,) in self._db.execute(_MODEL_FILES, key)]
            start = dict.fromkeys(found, 0)
        else:
            start = {nodes.run(row): 1 for (row,) in self._db.execute(_MODEL_RUNS, key)}
        return Subject(asked=asked, start=start, model=(model.model, model.version))

    def _digest(self, ref: str) -> Subject:
        found = resolve.by_digest(self._db, ref)
        if len(found) > 1 and self._every:
            parts = [self._version(ref, one) for one in found]
            start = {node: 0 for part in parts for node in part.start}
            return Subject(asked=Asked(ref=ref, what="version", name=ref), start=start)
        one = resolve.only(ref, found, "versions", lambda one: f"{one} {one.digest[:19]}")
        return self._version(ref, one)

    def _version(self, ref: str, of: DatasetVersion, *, exact: bool = False) -> Subject:
        key = {
            "namespace": of.namespace,
            "name": of.name,
            "partition": of.partition,
            "digest": of.digest,
        }
        rows = self._db.execute(_PRODUCTS, {**key, "at": self._at}).fetchall()
        chosen = [row for row in rows if row["uuid"] == of.producer]
        if exact:  # the key of a node is that node
            rows = chosen
        elif not self._every:
            rows = chosen or rows[:1]
        if not rows:
            then = " by then" if self._as_of else ""
            raise RefError(f"no version {of} with digest {of.digest} is in the store{then}")
        asked = Asked(ref=ref, what="version", name=f"{of}@{of.digest}")
        return Subject(asked=asked, start={nodes.product(row["id"]): 0 for row in rows})

    def _key(self, ref: str, key: str) -> Subject:
        parsed = _VERSION_KEY.fullmatch(key)
        if parsed is None:
            return self._nothing(ref)
        said = {name: unquote(part or "") for name, part in parsed.groupdict().items()}
        if not said["digest"]:
            return self._dataset(ref, f"{said['namespace']}:{said['name']}") or self._nothing(ref)
        one = DatasetVersion(
            namespace=said["namespace"],
            name=said["name"],
            partition=said["partition"],
            digest=said["digest"],
            size=0,
            producer=said["run"],
        )
        return self._version(ref, one, exact=True)

    # --- datasets ------------------------------------------------------------------------

    def _dataset(self, ref: str, name: str) -> Subject | None:
        """A dataset, or a partition of it; None if there is none of this name."""
        whole, partition = name, None
        found = resolve.datasets(self._db, whole)
        if not found and (parsed := resolve.DATASET.fullmatch(name)) and parsed["inside"]:
            whole, partition = parsed["name"], parsed["partition"]
            found = resolve.datasets(self._db, whole)
        if not found:
            return None
        named = present.family(self._db, found[0][0])
        if any(row not in named for row, _ in found):  # not all of them names of the same data
            resolve.only(ref, found, "datasets", lambda one: one[1])
        start = self._versions([*named], partition)
        if not start:
            whole = name if partition is None else f"{whole}[{partition}]"
            raise RefError(
                f"nothing is known to be in {whole}{' by then' if self._as_of else ''}; "
                f"`begat partitions` and `begat versions` list what is"
            )
        main = found[0][1]
        asked = Asked(
            ref=ref,
            what="dataset" if partition is None else "partition",
            name=main if partition is None else f"{main}[{partition}]",
            also_known_as=tuple(sorted(one for row, one in named.items() if row != found[0][0])),
        )
        return Subject(asked=asked, start=start, datasets=tuple(named))

    def _versions(self, datasets: list[int], partition: str | None) -> dict[int, int]:
        which = "*" if partition is None else partition
        if self._every:
            given = {"datasets": json.dumps(datasets), "partition": which, "at": self._at}
            products = [row for (row,) in self._db.execute(_ALL, given)]
        else:
            products = [
                one.product
                for one in present.present(self._db, datasets, self._as_of)
                if which in ("*", one.partition)
            ]
        start = {nodes.product(row): 0 for row in products}
        if self._every or not start:
            unknown = present.unknown(self._db, datasets, which, self._as_of)
            start |= dict.fromkeys(unknown, 0)
        return start

    def _column(self, ref: str) -> Subject | None:
        """A column: the longest name of a dataset before a `#`."""
        for at in reversed([at for at, sign in enumerate(ref) if sign == "#"]):
            name, column = ref[:at], ref[at + 1 :]
            if column and (found := self._dataset(ref, name)):
                asked = Asked(
                    ref=ref,
                    what="column",
                    name=f"{found.asked.name}#{column}",
                    also_known_as=found.asked.also_known_as,
                )
                return Subject(
                    asked=asked, start=found.start, column=column, datasets=found.datasets
                )
        return None
