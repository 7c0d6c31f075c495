"""What is recorded of a model version, in the registry and in the lineage of its training run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import RefError
from ..graph import closure, commits, nodes, queries
from ..graph.connection import Connection
from ..graph.store import Store
from ..records import ModelVersion

_ROW = "SELECT * FROM model_version WHERE model = :model AND version = :version"
_RUN = "SELECT id, state, facets FROM run WHERE uuid = :uuid"
_RAW = """
SELECT d.namespace, d.name, COUNT(DISTINCT v.partition) AS partitions,
    MAX(v.partition) AS latest FROM product p
JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
WHERE p.run = 0 AND p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:products))
GROUP BY d.namespace, d.name ORDER BY d.namespace, d.name
"""
_MADE = """
SELECT MAX(ended_at) FROM run
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
"""
# The flow that a run is a step of.
_FLOW = """
SELECT j.name FROM run r JOIN run p ON p.id = r.parent JOIN job j ON j.id = p.job
WHERE r.id = :run
"""
_COMMITS = """
SELECT DISTINCT j.name AS job, t.value AS revision FROM run r LEFT JOIN job j ON j.id = r.job
LEFT JOIN run_trait x ON x.run = r.id
    AND x.trait IN (SELECT id FROM trait WHERE kind = 'commit')
LEFT JOIN trait t ON t.id = x.trait
WHERE r.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs)) ORDER BY j.name, t.value
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """The data from outside that a training run stands on."""

    #: How many partitions of each dataset, by its name.
    datasets: Mapping[str, int] = field(default_factory=dict)
    #: The last partition of each, as text sorts; empty without partitions.
    latest: Mapping[str, str] = field(default_factory=dict)
    #: When the last of it was prepared; empty where the training run read it as it was.
    prepared_at: str = ""
    #: Commits of the code that prepared it.
    commits: tuple[str, ...] = ()
    #: Jobs of other flows that prepared some of it from no commit.
    uncommitted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """All of it."""

    #: Digest of the model file.
    digest: str
    #: What the registry keeps with the version: metrics, slices, signature.
    body: Mapping[str, Any]
    training_run_id: str
    #: How the training run ended; empty if the store does not know it.
    state: str
    #: What the training run said of itself, by facet.
    training: Mapping[str, Any]
    data: Data
    registered_by: str = ""
    created_at: str = ""
    #: Where a run had no commit: the first at which a flow run had this version as its result,
    #: with nothing changed since. It holds the code that the version was trained by.
    commit: str = ""

    @property
    def trained_at(self) -> str:
        """The commit that the training run was at; empty if it had none."""
        commit: str = self.training.get("begat_recipe", {}).get("commit") or ""
        source: str = self.training.get("job.sourceCodeLocation", {}).get("version") or ""
        return commit or source

    @property
    def code_is_kept(self) -> bool:
        """Whether that commit holds the code, or it does with the sources that were kept."""
        recipe = self.training.get("begat_recipe", {})
        return bool(self.trained_at and (not recipe.get("dirty") or recipe.get("sources")))


def of_run(store: Store, training_run_id: str, *, digest: str, body: Mapping[str, Any]) -> Recorded:
    """What is recorded of a model that is about to be registered.

    Args:
        store: where lineage is.
        training_run_id: the run that fitted it.
        digest: of the model file.
        body: what is to be kept with the version.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        return _recorded(store, db, training_run_id, digest=digest, body=body)


def of_version(store: Store, of: ModelVersion) -> Recorded:
    """What is recorded of a registered version.

    Raises:
        RefError: no such version is registered.
        StoreError: the store failed.
    """
    with store.read() as db:
        row = db.execute(_ROW, {"model": of.model, "version": of.version}).fetchone()
        if row is None:
            raise RefError(f"no model version {of.ref} is registered; `begat models` lists them")
        about = {key: row[key] for key in ("digest", "registered_by", "created_at")}
        body = json.loads(row["body"])
        found = _recorded(store, db, row["training_run_id"], body=body, **about)
        if found.code_is_kept:
            return found  # nobody asks for a commit, and all flow runs would be looked at for it
        return replace(found, commit=commits.confirmed(db, of.ref))


def _recorded(store: Store, db: Connection, training_run_id: str, **about: Any) -> Recorded:
    run = db.execute(_RUN, {"uuid": training_run_id}).fetchone()
    return Recorded(
        training_run_id=training_run_id,
        state=run["state"] if run else "",
        training=queries.facets_of(run) if run else {},
        data=_data(store, db, run["id"]) if run else Data(),
        **about,
    )


def _data(store: Store, db: Connection, training: int) -> Data:
    reached = closure.ancestors(store, nodes.run(training))
    before = json.dumps([run for run in reached.runs if run != training])
    told = db.execute(_COMMITS, {"runs": before}).fetchall()
    # What a flow run takes over from earlier ones of its steps, its own code would make again.
    flow = db.execute(_FLOW, {"run": training}).fetchone()
    own = flow["name"] if flow else None
    uncommitted = {row["job"] or "" for row in told if not row["revision"]}
    raw = {
        queries.dataset_name(row["namespace"], row["name"]): row
        for row in db.execute(_RAW, {"products": json.dumps(reached.products)})
    }
    return Data(
        datasets={name: row["partitions"] for name, row in raw.items()},
        latest={name: row["latest"] for name, row in raw.items()},
        prepared_at=db.execute(_MADE, {"runs": before}).fetchone()[0] or "",
        commits=tuple(sorted({row["revision"] for row in told if row["revision"]})),
        uncommitted=tuple(sorted(job for job in uncommitted if job.rpartition(".")[0] != own)),
    )
