"""What may not be collected, and why; in a few questions to the store, whatever its size.

| why | what |
|---|---|
| pinned | what somebody pinned by its digest |
| Production, Staging | all that versions in these stages stand on |
| retained | all that versions stand on which were archived less than `retain_days` ago |
| alias | all that versions with an alias stand on |
| newest | all that the last `keep_versions` versions of each model stand on |
| current | the version of each partition, raw or made, that is current now |
| record | kept sources and lists of packages of runs: small, and what `diff` reads |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from ..content.digest import is_digest
from ..content.manifest import Manifest
from ..content.sources import FILES
from ..errors import ArtifactError, DataError
from ..events import shifted
from ..graph import nodes, presence, queries, sql
from ..graph.connection import Connection, stream
from ..graph.present import present
from ..graph.stages import moves
from ..records import ModelVersion
from ..registry import current
from ..registry.policy import policy_of
from ..workspace import Workspace
from .ledger import Ledger

#: Reasons why a model version is kept, the strongest first.
VERSIONS = ("Production", "Staging", "retained", "alias", "newest")
_DIGEST = re.compile(r"blake3:[0-9a-f]{64}")
_ROWS = 1000

_VERSIONS = """
SELECT model, version, digest, run_id, training_run_id, stage, body FROM model_version
WHERE model = :model ORDER BY version DESC
"""
_ALIASED = "SELECT version FROM alias WHERE model = :model"
_LOG = """
SELECT at, action, version, before, after, replaced, body FROM audit
WHERE model = :model ORDER BY seq
"""
_PINNED = "SELECT digest FROM pin"
# All that runs stand on, and all that those runs made.
_BEHIND = f"""
WITH RECURSIVE behind(node) AS (
    SELECT id * 4 + {nodes.RUN} FROM run
    WHERE uuid IN (SELECT value FROM json_each(:runs))
    UNION SELECT e.parent FROM edge e, behind b WHERE e.child = b.node
)
SELECT v.digest FROM behind b JOIN product p ON p.id = b.node / 4 JOIN version v ON v.id = p.version
WHERE b.node % 4 = {nodes.PRODUCT}
UNION ALL
SELECT v.digest FROM behind b JOIN output o ON o.run = b.node / 4 JOIN version v ON v.id = o.version
WHERE b.node % 4 = {nodes.RUN}
"""
_PURGES = "SELECT body FROM audit WHERE action = 'purge'"
_DATASETS = "SELECT id FROM dataset ORDER BY id"
_PRODUCTS = """
SELECT p.id, v.digest FROM product p JOIN version v ON v.id = p.version
WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
"""
_KINDS = """
SELECT v.digest, d.name, v.format,
    EXISTS (SELECT 1 FROM product p WHERE p.version = v.id AND p.run = 0) AS raw
FROM version v JOIN dataset d ON d.id = v.dataset
"""
_MODEL_FILES = "SELECT digest FROM model_version"
_FACETS = "SELECT facets FROM run WHERE recorded = 1"
#: Last parts of the names of datasets that belong to a model.
_OF_MODELS = ("model", "signature", "evaluation", "curves")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptVersion:
    """A model version whose files stay, or go."""

    version: ModelVersion
    training_run_id: str
    #: One of `VERSIONS`; empty for one that goes.
    why: str
    #: What its entry in the registry names.
    digests: tuple[str, ...]


def note(space: Workspace, ledger: Ledger) -> list[KeptVersion]:
    """Note in a ledger of what kind artifacts are, and why they stay.

    Returns:
        Every model version, with the reason why it stays.

    Raises:
        StoreError: the store failed.
        SettingsError: a model's policy makes no sense.
    """
    with space.store.read() as db:
        models = current.models(db)
    found = [one for model in models for one in versions(space, model)]
    with space.store.read() as db:
        _note_kinds(db, ledger)
        ledger.keep((digest for (digest,) in stream(db, _PINNED)), "pinned")
        for why in VERSIONS:
            kept = [one for one in found if one.why == why]
            ledger.keep((digest for one in kept for digest in one.digests), why)
            ledger.keep(_behind(db, kept), why)
        ledger.keep(_current(db), "current")
        records = _records(db)
        ledger.are((digest, "records") for digest in records)
        ledger.keep(records, "record")
        for (body,) in db.execute(_PURGES, {}).fetchall():
            # One that was killed may have left bytes, whatever stands on them.
            ledger.refuse(presence.collected(db, json.loads(body)["digests"]))
    return found


def files(space: Workspace, ledger: Ledger, of: Iterable[str]) -> None:
    """Note the files of manifests: they stay for the reason that it does."""
    for digest in of:
        with suppress(ArtifactError, DataError):  # nobody can say what its files were
            held = [file.digest for file in _manifest(space, digest).files]
            ledger.are((one, "raw") for one in held)
            if why := ledger.why(digest):
                ledger.keep(held, why)


def versions(space: Workspace, model: str) -> list[KeptVersion]:
    """The versions of a model, the newest first, and why each stays.

    Raises:
        StoreError: the store failed.
        SettingsError: the model's policy makes no sense.
    """
    policy = policy_of(space, model)
    with space.store.read() as db:
        rows = db.execute(_VERSIONS, {"model": model}).fetchall()
        aliased = {number for (number,) in db.execute(_ALIASED, {"model": model})}
        archived = _archived(db, model)
        # The database's clock: that of this machine may be another one.
        [now] = db.execute(sql.statements()["clock"], {}).fetchone()
    try:
        until = shifted(now, -timedelta(days=policy.retain_days))
    except OverflowError:  # so long that it is for ever
        until = ""
    kept = []
    for place, row in enumerate(rows):
        number = row["version"]
        why = ""
        if row["stage"] in ("Production", "Staging"):
            why = row["stage"]
        elif row["stage"] == "Archived" and archived.get(number, "") > until:
            why = "retained"
        elif number in aliased:
            why = "alias"
        elif place < policy.keep_versions:
            why = "newest"
        kept.append(
            KeptVersion(
                version=queries.model_version_of(row),
                training_run_id=row["training_run_id"],
                why=why,
                digests=(row["digest"], *dict.fromkeys(_DIGEST.findall(row["body"]))),
            )
        )
    return kept


def _archived(db: Connection, model: str) -> dict[int, str]:
    """When each version was archived last."""
    found: dict[int, str] = {}
    for row in db.execute(_LOG, {"model": model}):
        found |= {number: row["at"] for number, _, after in moves(row) if after == "Archived"}
    return found


def _behind(db: Connection, kept: Iterable[KeptVersion]) -> Iterator[str]:
    runs = sorted({run for one in kept for run in (one.version.producer, one.training_run_id)})
    return (digest for (digest,) in db.execute(_BEHIND, {"runs": json.dumps(runs)}))


def _current(db: Connection) -> Iterator[str]:
    for (dataset,) in db.execute(_DATASETS, {}).fetchall():
        found = [one.product for one in present(db, [dataset])]
        for start in range(0, len(found), _ROWS):
            given = {"ids": json.dumps(found[start : start + _ROWS])}
            yield from (row["digest"] for row in db.execute(_PRODUCTS, given))


def _note_kinds(db: Connection, ledger: Ledger) -> None:
    ledger.are(
        (row["digest"], kind_of(row["name"], row["format"] or "", raw=bool(row["raw"])))
        for row in stream(db, _KINDS)
    )
    ledger.are((digest, "model files") for (digest,) in stream(db, _MODEL_FILES))
    ledger.manifests(
        row["digest"] for row in stream(db, _KINDS) if (row["format"] or "").endswith(FILES)
    )


def kind_of(name: str, form: str, *, raw: bool) -> str:
    """Of what kind a version is, one of `ledger.KINDS`.

    Args:
        name: the dataset's.
        form: how it is read.
        raw: whether no tracked run made it.
    """
    if raw:
        return "raw"
    of_model = name.rpartition("/")[2] in _OF_MODELS or "/pictures/" in name
    return "model files" if of_model or form == "skops" else "intermediates"


def _records(db: Connection) -> set[str]:
    found: set[str] = set()
    for row in stream(db, _FACETS):
        facets = queries.facets_of(row)
        for facet, key in (("begat_recipe", "sources"), ("begat_packages", "digest")):
            digest = facets.get(facet, {}).get(key) or ""
            if is_digest(digest):
                found.add(digest)
    return found


def _manifest(space: Workspace, digest: str) -> Manifest:
    return Manifest.from_bytes(space.artifacts.read(digest))
