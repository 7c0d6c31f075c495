"""Findings about a registered version, from what is recorded of it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import RefError
from ..graph import commits, nodes, queries
from ..graph.ancestry import Ancestry
from . import ranges, reasons
from .findings import Finding, found, ordered
from .words import is_latest

if TYPE_CHECKING:
    from ..graph.store import Store
    from ..records import ModelVersion
    from ..workspace import Workspace

_VERSION = """
SELECT run_id, training_run_id, body FROM model_version
WHERE model = :model AND version = :version
"""
_IDS = """
SELECT uuid, id FROM run WHERE state != '' AND uuid IN (SELECT value FROM json_each(:uuids))
"""
_PREPARED = """
SELECT o.facets FROM output o JOIN version v ON v.id = o.version JOIN dataset d ON d.id = v.dataset
WHERE d.namespace = 'begat' AND d.name LIKE '%/prepared'
    AND o.run IN (SELECT CAST(value AS BIGINT) FROM json_each(:runs))
ORDER BY o.run DESC LIMIT 1
"""
# What other producers say of the code, begat takes for a trait of the run.
_COMMIT = """
SELECT 1 FROM run_trait h JOIN trait t ON t.id = h.trait WHERE h.run = :run AND t.kind = 'commit'
"""
#: Runs that a finding names.
_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What is recorded of a version."""

    name: str
    body: Mapping[str, Any]
    #: Row of the run that trained it; none if nothing is known of it.
    training: int | None = None
    #: What it stands on; none without any run.
    ancestry: Ancestry | None = None
    #: Whether the training run names the commit that its code was at.
    commit: bool = False
    #: What runs said, by row, in the order in which they started.
    facets: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    jobs: Mapping[int, str] = field(default_factory=dict)
    #: Columns of what prepare returned; those that expectations can be about.
    prepared: frozenset[str] = frozenset()

    @property
    def features(self) -> list[Mapping[str, Any]]:
        """What its signature says of the features."""
        found: list[Mapping[str, Any]] = (self.body.get("signature") or {}).get("features", [])
        return found

    def said(self, run: int | None, facet: str) -> Mapping[str, Any]:
        """What a run said; empty if it did not."""
        return {} if run is None else self.facets.get(run, {}).get(facet) or {}

    def where(self, runs: Iterable[int]) -> str:
        """Runs as people find them: their jobs."""
        names = list(dict.fromkeys(self.jobs[run] for run in runs))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"{self.name}: {', '.join(names[:_NAMED])}{more}"


def of_version(space: Workspace, version: ModelVersion) -> tuple[Finding, ...]:
    """What is wrong with a version, by its recorded lineage, errors first.

    Args:
        space: its store has the version and its lineage.
        version: need not have been trained here.

    Raises:
        RefError: it is not registered.
        StoreError: the store failed.
    """
    recorded = read(space.store, version)
    if recorded.ancestry is None or recorded.training is None:
        what = "nothing is recorded of the run that trained it"
        return (found("unrecorded-run", what, recorded.name),)
    return ordered(
        [
            *_code(recorded, recorded.training, space.store),
            *_environment(recorded, recorded.training),
            *_data(recorded, recorded.ancestry, recorded.training),
            *_evaluation(recorded, recorded.ancestry, recorded.training),
            *_ranges(recorded, recorded.ancestry),
            *_reuse(recorded),
        ]
    )


def read(store: Store, version: ModelVersion) -> Recorded:
    """What is recorded of a version.

    Raises:
        RefError: it is not registered.
        StoreError: the store failed.
    """
    with store.read() as db:
        key = {"model": version.model, "version": version.version}
        row = db.execute(_VERSION, key).fetchone()
        if row is None:
            raise RefError(f"{version} is not registered; `begat models` lists what is")
        uuids = json.dumps([row["run_id"], row["training_run_id"]])
        ids = dict(db.execute(_IDS, {"uuids": uuids}).fetchall())
        body, training = json.loads(row["body"]), ids.get(row["training_run_id"])
    if not ids:
        return Recorded(name=version.ref, body=body)
    ancestry = Ancestry.of(store, *map(nodes.run, ids.values()))
    with store.read() as db:
        runs = json.dumps([row["id"] for row in ancestry.runs])
        made = db.execute(_PREPARED, {"runs": runs}).fetchone()
        commit = db.execute(_COMMIT, {"run": training}).fetchone() is not None
    schema = queries.facets_of(made).get("schema", {}) if made else {}
    return Recorded(
        name=version.ref,
        body=body,
        training=training,
        ancestry=ancestry,
        commit=commit,
        facets={row["id"]: queries.facets_of(row) for row in ancestry.runs},
        jobs={row["id"]: row["job"] or row["uuid"] for row in ancestry.runs},
        prepared=frozenset(one["name"] for one in schema.get("fields", ())),
    )


def _code(recorded: Recorded, training: int, store: Store) -> Iterator[Finding]:
    """Which code it was made by: all of it, for what prepares data decides as much."""
    recipes = {run: recorded.said(run, "begat_recipe") for run in recorded.facets}
    tracked = {run: recipe for run, recipe in recipes.items() if recipe}
    without = [run for run, recipe in tracked.items() if not recipe.get("commit")]
    if training not in tracked and not recorded.commit:
        without.append(training)
    dirty = [run for run, recipe in tracked.items() if recipe.get("dirty")]
    if without or dirty:
        later = _committed_later(recorded, training, store)
        without, dirty = ([run for run in runs if run not in later] for runs in (without, dirty))
    if without:
        what = "it is not recorded which commit the code was at"
        yield found("no-commit", what, recorded.where(without))
    if dirty:
        what = "the code was not as it was committed"
        yield found("dirty-tree", what, recorded.where(dirty))


def _committed_later(recorded: Recorded, training: int, store: Store) -> set[int]:
    """Runs whose code a commit holds that was made behind them: those of the same flow."""
    with store.read() as db:
        if not commits.confirmed(db, recorded.name):
            return set()
    flow = recorded.jobs[training].rpartition(".")[0]
    return {run for run, job in recorded.jobs.items() if job.rpartition(".")[0] == flow}


def _environment(recorded: Recorded, training: int) -> Iterator[Finding]:
    where = recorded.where([training])
    if not recorded.said(training, "begat_packages").get("digest"):
        yield found("no-packages", "it is not recorded which packages were installed", where)
    image = recorded.said(training, "begat_image")
    if image and not image.get("digest"):
        what = f"of the image {image.get('reference')} only the name is recorded, not the digest"
        yield found("unpinned-image", what, where)
    seed = recorded.said(training, "begat_recipe").get("seed")
    if seed is None and recorded.said(training, "begat_seeds").get("seed") is None:
        yield found("no-seed", "it was trained without a seed", where)


def _data(recorded: Recorded, ancestry: Ancestry, training: int) -> Iterator[Finding]:
    behind = ancestry.reach(nodes.run(training))
    if not behind & ancestry.products.keys():
        what = "it is not recorded what it was trained on"
        yield found("no-data", what, recorded.where([training]))
    places = ancestry.locations()
    named = {}
    for node in sorted(ancestry.raw):
        row = ancestry.products[node]
        name = queries.dataset_name(row["namespace"], row["name"])
        texts = (name, row["partition"], places.get(node, ""))
        if text := next(filter(is_latest, texts), ""):
            named[name] = text
    for name, text in named.items():
        what = f"{text} names whatever is newest"
        yield found("latest", what, f"{recorded.name}: {name}")


def _evaluation(recorded: Recorded, ancestry: Ancestry, training: int) -> Iterator[Finding]:
    judged = [run for run in recorded.facets if recorded.said(run, "begat_metrics")]
    if not judged and not recorded.body.get("metrics"):
        yield found("no-holdout", "no metrics are recorded", recorded.name)
    own = _held(ancestry, training, "features")
    for run in judged:
        given = recorded.said(run, "begat_recipe").get("parameters") or {}
        shared = own & _held(ancestry, run, "holdout")
        if shared and given.get("holdout_fraction") is None:
            what = f"{len(shared)} of the partitions that it is judged on have trained it"
            yield found("trained-on-holdout", what, recorded.where([run]))


def _held(ancestry: Ancestry, run: int, argument: str) -> set[str]:
    """Digests of what a run was given as one argument."""
    read = [one.node for one in ancestry.readings if (one.run, one.argument) == (run, argument)]
    reached = ancestry.reach(*read, past_runs=False) & ancestry.products.keys()
    return {ancestry.products[node]["digest"] for node in reached}


def _ranges(recorded: Recorded, ancestry: Ancestry) -> Iterator[Finding]:
    bounds = {
        str(one.get("column", ""))
        for reading in ancestry.readings
        for one in (reading.facets.get("dataQualityAssertions") or {}).get("assertions", ())
        if one.get("assertion") in ranges.BOUNDING
    }
    checked = recorded.prepared or {one["name"] for one in recorded.features}
    yield from ranges.of_features(
        recorded.features, checked=checked, bounds=bounds, where=f"{recorded.name}: signature"
    )


def _reuse(recorded: Recorded) -> Iterator[Finding]:
    for run, facets in recorded.facets.items():
        why = (facets.get("begat_recipe") or {}).get("reasons", ())
        yield from reasons.of_reasons(why, recorded.where([run]))
