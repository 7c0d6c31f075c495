"""What a graph is, whoever ran the tasks and whenever: natural keys, no run ids, no times."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from begat.lineage.graph.dump import dump
from begat.lineage.graph.registers import bodies
from begat.lineage.graph.store import Store

#: Facets that say who ran it.
_ENGINE = {".job", "parent", "processing_engine", "begat_attempt", "nominalTime", "job.jobType"}


def shape(home: Path) -> dict[str, Any]:
    """Jobs, datasets, versions, runs, edges and model versions of a home's store.

    A run goes by its job and recipe (a flow run by its turn), a snapshot and its chunks by
    their content.
    """
    store = Store.open(f"sqlite:///{home / 'begat.db'}")
    found = dump(store)
    store.close()
    found["run"] = [[*row[:7], *row[9:15], row[-1]] for row in found["run"]]  # without its times
    found["current"] = [[*row[:3], *row[4:]] for row in found["current"]]
    found["binding"] = [row[:-1] for row in found["binding"]]
    for table in ("run", "output", "reading"):
        found[table] = [[*row[:-1], _bodies(row[-1])] for row in found[table]]
    names = _names(found, home)
    found["model_version"] = _models(home)
    kept = {key: value for key, value in found.items() if key not in ("event", "chunk")}
    text = json.dumps(kept)
    for name, meaning in names.items():
        text = text.replace(name, meaning)
    return {key: sorted(rows, key=json.dumps) for key, rows in json.loads(text).items()}


def _bodies(registers: str) -> dict[str, Any]:
    return {key: body for key, body in bodies(registers).items() if key not in _ENGINE}


def _names(found: dict[str, Any], home: Path) -> dict[str, str]:
    with closing(sqlite3.connect(home / "begat.db")) as db:
        runs = db.execute(
            "SELECT r.uuid, j.name, r.recipe, o.recipe FROM run r JOIN job j ON j.id = r.job "
            "LEFT JOIN run o ON o.id = r.reuse_of ORDER BY r.started_at"
        ).fetchall()
    names: dict[str, str] = {}
    turns: dict[str, int] = {}
    for uuid, job, recipe, reused in runs:
        turns[job] = turns.get(job, 0) + 1
        again = f"{job} again {reused}" if reused else f"{job} {turns[job]}"
        names[uuid] = f"{job} {recipe}" if recipe else again
    roots = {lineage: content for _, _, lineage, content, *_ in found["snapshot"]}
    chunks = {digest: json.loads(body)["content"] for digest, body in found["chunk"]}
    return names | roots | chunks


def _models(home: Path) -> list[list[Any]]:
    with closing(sqlite3.connect(home / "begat.db")) as db:
        rows = db.execute(
            "SELECT model, version, recipe, run_id, training_run_id, digest, stage, body "
            "FROM model_version"
        )
        return [[*row] for row in rows]
