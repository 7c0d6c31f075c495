"""What begat's own runs stand on may have come from other producers: that is verified, too."""

from __future__ import annotations

import json
from pathlib import Path

from begat.lineage import verify as checks
from begat.lineage.content.merkle import Chunk
from begat.lineage.settings import load
from begat.lineage.verify import Report
from begat.lineage.workspace import Workspace
from support.foreign import dataset, dataset_event, event, facet, run_id
from support.spoiling import Spoiler


def verify(space: Workspace, ref: str = "rides@1") -> Report:
    with checks.verification(space, ref) as done:
        return done.report


def arrive(space: Workspace) -> None:
    """Another producer wrote what the pipeline read, twice under one run id."""
    with space.store.read() as db:
        rows = db.execute(
            "SELECT DISTINCT d.namespace, d.name FROM version v JOIN dataset d ON d.id = v.dataset "
            "JOIN product p ON p.version = v.id WHERE p.run = 0"
        ).fetchall()
    outputs = [dataset((row[0], row[1])) for row in rows]
    events = [event(1, "START", 0), event(1, "COMPLETE", 1, outputs=outputs)]
    events += [event(1, "START", 2), event(1, "COMPLETE", 3, outputs=outputs)]
    events += [event(2, "COMPLETE", 4, inputs=outputs, outputs=[dataset(0)])]
    events += [dataset_event(5, dataset(0, version="v1"))]
    space.store.record(events, origin="ingested")


def test_sound(space: Workspace) -> None:
    """A version that stands on foreign runs, bound and used again, is as the events say."""
    arrive(space)

    assert verify(space).findings == ()
    assert verify(space, "").findings == ()


def test_spoilt_binding(space: Workspace, spoil: Spoiler) -> None:
    """What a reading was bound to is missed when it is gone."""
    arrive(space)
    spoil.sql("DELETE FROM edge WHERE child IN (SELECT snapshot * 4 + 2 FROM binding)")

    assert verify(space, "").findings != ()


def test_only_named(space: Workspace) -> None:
    """A run that others name, as Airflow names parents, need not have been heard of."""
    named = {"run": {"runId": run_id(9)}, "job": {"namespace": "airflow", "name": "dag"}}
    child = event(1, "COMPLETE", 1, facets={"parent": facet(**named)}, outputs=[dataset(0)])
    space.store.record([child], origin="ingested")

    assert verify(space, "").findings == ()


def test_told_by_another_store(space: Workspace, tmp_path: Path) -> None:
    """A store that was sent another's events is sound without that one's registry."""
    with space.store.read() as db:
        bodies = [json.loads(row[0]) for row in db.execute("SELECT body FROM event ORDER BY id")]
        chunks = [
            Chunk.from_json(row[0]) for row in db.execute("SELECT body FROM chunk ORDER BY digest")
        ]
    central = Workspace(load(environ={"BEGAT_HOME": str(tmp_path / "central")}))
    central.store.record(bodies, chunks, origin="ingested")
    try:
        found = [one for one in verify(central, "").findings if one.kind != "artifact"]
    finally:
        central.close()

    assert [one for one in found if one.kind in ("event", "registry")] == []
