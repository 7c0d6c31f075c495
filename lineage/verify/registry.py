"""The registry's entry for a model version beside what its register run said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..content.store import ArtifactStore
from ..errors import ArtifactError, EventError
from ..events.canonical import parse
from ..graph import queries, registers
from ..graph.connection import Connection, Row
from ..graph.stages import STAGES
from ..records import ModelVersion
from .replay import BACKUP, Replay
from .report import Finding

_ROW = "SELECT * FROM model_version WHERE model = :model AND version = :version"
_ALL = "SELECT model, version, digest, run_id FROM model_version ORDER BY model, version"
_NUMBERS = "SELECT version FROM model_version WHERE model = :model ORDER BY version"
_LATEST = "SELECT latest FROM model WHERE name = :model"
_SAID = """
SELECT run_id, body FROM event
WHERE type = 'COMPLETE' AND origin = 'recorded'
    AND instr(body, '"begat_modelVersion"') > 0 AND instr(body, :model) > 0
ORDER BY id
"""
_WRITTEN = """
SELECT r.facets AS run, o.facets AS output FROM run r JOIN output o ON o.run = r.id
WHERE r.uuid = :run AND instr(o.facets, 'begat_modelVersion') > 0
"""
_RUN = "SELECT state, facets FROM run WHERE uuid = :run"
_READ = """
SELECT g.argument, v.digest FROM reading g JOIN run r ON r.id = g.run
JOIN product p ON p.id = g.node / 4 AND g.node % 4 = 1 JOIN version v ON v.id = p.version
WHERE r.uuid = :run
"""


def told(db: Connection, model: str = "") -> Iterator[ModelVersion]:
    """The versions that begat registered here, by the stored events, listed by the registry or not.

    What another store registered is told in events too, where they were sent on to this one.

    Args:
        db: a connection to the store that is verified.
        model: of this model only.
    """
    for row in db.execute(_SAID, {"model": json.dumps(model, ensure_ascii=False).strip('"')}):
        try:
            outputs = parse(row["body"]).get("outputs", [])
        except EventError:
            continue  # told where its run is verified
        for output in outputs:
            body = output.get("facets", {}).get("begat_modelVersion", {})
            if body.get("digest") and body.get("model") and model in ("", body["model"]):
                yield ModelVersion(
                    model=body["model"],
                    version=body["version"],
                    digest=body["digest"],
                    producer=row["run_id"],
                )


def listed(db: Connection) -> Iterator[ModelVersion]:
    """The versions that the registry lists."""
    for row in db.execute(_ALL):
        yield queries.model_version_of(row)


def said(replay: Replay, run: str, model: str, version: int) -> tuple[dict[str, Any], str]:
    """What a register run said of a version, and the digest of its recipe; nothing if it did not.

    Args:
        replay: what the events say.
        run: id of the register run.
        model: name of the model.
        version: its number.
    """
    with replay.store.read() as own:
        rows = own.execute(_WRITTEN, {"run": run}).fetchall()
    for row in rows:
        body = _register(row["output"], "begat_modelVersion")
        if (body.get("model"), body.get("version")) == (model, version):
            return body, _register(row["run"], "begat_recipe").get("digest", "")
    return {}, ""


def starts(db: Connection, of: ModelVersion) -> set[str]:
    """Ids of the runs that a model version begins at: the one that registered, and trained it."""
    row = db.execute(_ROW, {"model": of.model, "version": of.version}).fetchone()
    return {of.producer} if row is None else {of.producer, row["run_id"], row["training_run_id"]}


def check(
    db: Connection, replay: Replay, artifacts: ArtifactStore, of: ModelVersion
) -> Iterator[Finding]:
    """What of a model version's entry is not as its register run said.

    Args:
        db: a connection to the store that is verified.
        replay: what its events say.
        artifacts: hold the signature and the evaluation; read only where they are sound.
        of: the model version.
    """
    key = {"model": of.model, "version": of.version}
    row = db.execute(_ROW, key).fetchone()
    if row is None:
        yield _finding("missing", of.ref, "the event of its registration is there, its entry not")
    else:
        for says in _differences(db, replay, artifacts, row):
            yield _finding("changed", of.ref, says)


def numbers(db: Connection, model: str, *, known: set[int]) -> Iterator[Finding]:
    """Numbers are given without gaps, so a gap was a version.

    Args:
        db: a connection to the store that is verified.
        model: whose numbers.
        known: those that are looked at one by one.
    """
    row = db.execute(_LATEST, {"model": model}).fetchone()
    numbers = [number for (number,) in db.execute(_NUMBERS, {"model": model})]
    if row is None:
        says = "the registry does not list the model, of which versions are registered"
        yield _finding("missing", model, says)
        return
    gone = sorted({*range(1, max([row["latest"], *numbers]) + 1)} - {*numbers} - known)
    for number in gone:
        says = "its number was given, and it is not registered any more"
        yield _finding("missing", f"{model}@{number}", says)
    if numbers and row["latest"] < numbers[-1]:
        says = f"the registry has {row['latest']} as its latest number, and {numbers[-1]} is given"
        yield _finding("changed", model, says)


def _differences(
    db: Connection, replay: Replay, artifacts: ArtifactStore, row: Row
) -> Iterator[str]:
    if not row["run_id"]:  # registered outside a run: no event tells of it
        for model in told(db, row["model"]):
            if model.version == row["version"]:
                yield f"no run is named that registered it, and run {model.producer} did"
        yield from _body(artifacts, row["body"], {}, "")
        return
    with replay.store.read() as own:
        read = dict(own.execute(_READ, {"run": row["run_id"]}).fetchall())
    body, recipe = _registered(db, replay, row)
    if not body:
        waits = ": it has not completed, and the next run of its flow says it"
        more = waits if _unfinished(replay, row) else ""
        yield f"run {row['run_id']}, which registered it, does not say so{more}"
        return
    for column, value in (
        ("digest", body.get("digest")),
        ("training_run_id", body.get("training_run")),
        ("recipe", recipe),
    ):
        if value and row[column] != value:
            yield f"its {column} is {row[column]}, and was registered as {value}"
    if row["stage"] not in STAGES:
        yield f"its stage is {row['stage']!r}; stages are {', '.join(STAGES)}"
    yield from _body(artifacts, row["body"], read, body.get("signature") or "")


def _registered(db: Connection, replay: Replay, row: Row) -> tuple[dict[str, Any], str]:
    """What was said of an entry by the run that it names, else by one that met it there.

    A run that was killed between registering and saying so is done again: the next one has
    the same recipe, is given the same version, and says so.
    """
    key = row["model"], row["version"]
    body, recipe = said(replay, row["run_id"], *key)
    if body or not _unfinished(replay, row):
        return body, recipe
    others = [one.producer for one in told(db, row["model"]) if one.version == row["version"]]
    replay.add(others)
    found = (said(replay, run, *key) for run in others)
    return next(((body, recipe) for body, recipe in found if recipe == row["recipe"]), ({}, ""))


def _unfinished(replay: Replay, row: Row) -> bool:
    """Whether the run that an entry names began with its recipe, and has not completed."""
    with replay.store.read() as own:
        found = own.execute(_RUN, {"run": row["run_id"]}).fetchone()
    if found is None or found["state"] in ("", "COMPLETE"):
        return False
    return bool(_register(found["facets"], "begat_recipe").get("digest") == row["recipe"])


def _body(
    artifacts: ArtifactStore, text: str, read: Mapping[str, str], signature: str
) -> Iterator[str]:
    try:
        body = json.loads(text)
        expected = {
            "evaluation_digest": read.get("evaluation", body.get("evaluation_digest")),
            "signature_digest": signature or read.get("signature", body.get("signature_digest")),
        }
    except (ValueError, AttributeError):
        yield "its body is not a JSON object"
        return
    for key, digest in expected.items():
        if digest and body.get(key) != digest:
            yield f"its {key} is {body.get(key)}, and was registered as {digest}"
    evaluation = _json(artifacts, expected["evaluation_digest"])
    for key in ("task", "metrics", "slices"):
        if evaluation is not None and body.get(key) != evaluation.get(key):
            yield f"its {key} are not those of its evaluation ({_first(body, evaluation, key)})"
    kept = _json(artifacts, expected["signature_digest"])
    if kept is not None and body.get("signature") != kept:
        yield "its signature is not the one that was kept when it was trained"


def _json(artifacts: ArtifactStore, digest: str | None) -> dict[str, Any] | None:
    """A JSON object of the artifact store; None if it is not there, which is told elsewhere."""
    try:
        # Hashed before it is read: reading sets aside what is not sound, and looking must not.
        found = artifacts.rehash(digest) if digest else None
        if not digest or found is None or found[0] != digest:
            return None
        content = json.loads(artifacts.read(digest))
    except (ArtifactError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _first(body: Mapping[str, Any], kept: Mapping[str, Any], key: str) -> str:
    here, there = body.get(key), kept.get(key)
    if isinstance(here, dict) and isinstance(there, dict):
        name = next(name for name in [*there, *here] if here.get(name) != there.get(name))
        return f"{name}: {_short(here.get(name))} instead of {_short(there.get(name))}"
    return f"{_short(here)} instead of {_short(there)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _register(text: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = registers.bodies(text).get(key, {})
    return found


def _finding(state: Any, name: str, says: str) -> Finding:
    return Finding(kind="registry", state=state, name=name, says=says, recovery=BACKUP)


def body_of(db: Connection, of: ModelVersion) -> dict[str, Any]:
    """What the registry keeps with a model version; empty if it does not know it."""
    row = db.execute(_ROW, {"model": of.model, "version": of.version}).fetchone()
    try:
        found = json.loads(row["body"]) if row else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
