"""Whatever is deleted or edited in a store is found, and what events say is put back."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import verify as checks
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import RefError
from begat.lineage.events.canonical import event_hash
from begat.lineage.graph import nodes
from begat.lineage.verify import Report
from begat.lineage.workspace import Workspace
from support.spoiling import Spoiler

REF = "rides@1"


def verify(space: Workspace, ref: str = REF) -> Report:
    """What a verification says."""
    with checks.verification(space, ref) as done:
        return done.report


def found(report: Report) -> list[tuple[str, str, str]]:
    """Kind, state and name of the findings."""
    return [(one.kind, one.state, one.name) for one in report.findings]


def delete_event(spoil: Spoiler, type_: str) -> None:
    spoil.sql(
        "DELETE FROM event WHERE type = ? AND run_id = ?",
        type_,
        spoil.run("rides.featurize", "month=2013-01"),
    )


def delete_edge(spoil: Spoiler, kind: int) -> None:
    spoil.sql(
        "DELETE FROM edge WHERE (child, parent) = "
        "(SELECT MIN(child), parent FROM edge WHERE child % 4 = ?)",
        kind,
    )


ROWS: dict[str, Callable[[Spoiler], object]] = {
    "event COMPLETE": lambda spoil: delete_event(spoil, "COMPLETE"),
    "event START": lambda spoil: delete_event(spoil, "START"),
    "all events of a run": lambda spoil: spoil.sql(
        "DELETE FROM event WHERE run_id = ?", spoil.run("rides.prepare", "month=2013-01")
    ),
    "run": lambda spoil: spoil.sql(
        "DELETE FROM run WHERE uuid = ?", spoil.run("rides.prepare", "month=2013-01")
    ),
    "version": lambda spoil: spoil.sql(
        "DELETE FROM version WHERE digest = ?", spoil.digest("prepared", "month=2013-01")
    ),
    "product": lambda spoil: spoil.sql(
        "DELETE FROM product WHERE version = (SELECT id FROM version WHERE digest = ?)",
        spoil.digest("prepared", "month=2013-01"),
    ),
    "output": lambda spoil: spoil.sql(
        "DELETE FROM output WHERE run = (SELECT id FROM run WHERE uuid = ?)",
        spoil.run("rides.prepare", "month=2013-01"),
    ),
    "reading": lambda spoil: spoil.sql(
        "DELETE FROM reading WHERE run = (SELECT id FROM run WHERE uuid = ?)",
        spoil.run("rides.prepare", "month=2013-01"),
    ),
    "edges of a run": lambda spoil: spoil.sql(
        "DELETE FROM edge WHERE child = 4 * (SELECT id FROM run WHERE uuid = ?)",
        spoil.run("rides.train"),
    ),
    "edge of a product": lambda spoil: delete_edge(spoil, nodes.PRODUCT),
    "edge of a snapshot": lambda spoil: delete_edge(spoil, nodes.SNAPSHOT),
    "edge of a segment": lambda spoil: delete_edge(spoil, nodes.SEGMENT),
    "chunk": lambda spoil: spoil.sql("DELETE FROM chunk WHERE rowid = 1"),
    "snapshot": lambda spoil: spoil.sql("DELETE FROM snapshot WHERE id = 1"),
    "segment": lambda spoil: spoil.sql("DELETE FROM segment WHERE id = 1"),
    "dataset": lambda spoil: spoil.sql("DELETE FROM dataset WHERE name = 'rides/prepared'"),
    "job": lambda spoil: spoil.sql("DELETE FROM job WHERE name = 'rides.prepare'"),
    "model": lambda spoil: spoil.sql("DELETE FROM model"),
    "model_version": lambda spoil: spoil.sql("DELETE FROM model_version"),
}


@pytest.mark.parametrize("row", ROWS)
def test_deleted_row(space: Workspace, spoil: Spoiler, row: str) -> None:
    """A row that was deleted from the store is found, of whatever table it was."""
    ROWS[row](spoil)
    report = verify(space)

    kinds = {"event": "event", "all": "event", "chunk": "chunk"}
    kinds |= {"model": "registry", "model_version": "registry"}
    assert kinds.get(row.split(maxsplit=1)[0], "graph") in {one.kind for one in report.findings}


EDITS = {
    "event": (
        "UPDATE event SET body = replace(body, '\"rowCount\":20', '\"rowCount\":21') "
        "WHERE type = 'COMPLETE' AND body LIKE '%rides.prepare%'",
        "event",
    ),
    "event's run": (
        "UPDATE event SET run_id = '01990000-0000-7000-8000-000000000000' "
        "WHERE type = 'COMPLETE' AND body LIKE '%rides.train%'",
        "event",
    ),
    "chunk": ("UPDATE chunk SET body = replace(body, '2013-01', '2013-09')", "chunk"),
    "run": ("UPDATE run SET recipe = 'blake3:' || hex(zeroblob(32)) WHERE kind = 'TASK'", "graph"),
    "state of a run": ("UPDATE run SET state = 'FAIL' WHERE kind = 'TASK'", "graph"),
    "facets of a run": ("UPDATE run SET facets = replace(facets, 'max_depth', 'min')", "graph"),
    "version": ("UPDATE version SET rows = 1000 WHERE partition = 'month=2013-01'", "graph"),
    "rows that nobody counted": ("UPDATE version SET rows = 7 WHERE rows IS NULL", "graph"),
    "reuse of no run": ("UPDATE run SET reuse_of = 999999 WHERE kind = 'TASK'", "graph"),
    "edge to another run": (
        "UPDATE edge SET parent = (SELECT MAX(parent) FROM edge WHERE child % 4 = 1) "
        "WHERE child = (SELECT MIN(child) FROM edge WHERE child % 4 = 1)",
        "graph",
    ),
    "digest": (
        "UPDATE version SET digest = 'blake3:' || lower(hex(zeroblob(32))) "
        "WHERE id = (SELECT MIN(version) FROM output)",
        "graph",
    ),
    "metrics": (
        "UPDATE model_version SET body = json_replace(body, '$.metrics.accuracy', 0.99)",
        "registry",
    ),
    "training run": ("UPDATE model_version SET training_run_id = run_id", "registry"),
    "signature": (
        "UPDATE model_version SET body = json_replace(body, '$.signature.rows', 7)",
        "registry",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_row(space: Workspace, spoil: Spoiler, edit: str) -> None:
    """A row that was edited in the store is found, whatever was edited."""
    statement, kind = EDITS[edit]
    spoil.sql(statement)
    report = verify(space)

    assert kind in {one.kind for one in report.findings}


def test_rewritten_event(space: Workspace, spoil: Spoiler) -> None:
    """An event that was rewritten together with its hash is found: the graph remembers the old."""
    ((body,),) = spoil.sql(
        "SELECT body FROM event WHERE type = 'COMPLETE' AND run_id = ?",
        spoil.run("rides.prepare", "month=2013-01"),
    )
    other = body.replace('"rowCount":20', '"rowCount":21')
    assert other != body
    spoil.sql("UPDATE event SET body = ?, hash = ? WHERE body = ?", other, event_hash(other), body)
    kinds = {one[:2] for one in found(verify(space))}

    assert {("event", "missing"), ("graph", "changed")} <= kinds


@pytest.mark.parametrize("ref", [REF, "rides@2", ""])
def test_sound(space: Workspace, ref: str) -> None:
    """What nobody touched is sound, and its models predict what was recorded of them."""
    report = verify(space, ref)

    assert report.findings == ()
    assert report.counts.predictions == 5 * (1 if ref else 2)


def test_everything(space: Workspace, spoil: Spoiler) -> None:
    """Without a reference, every artifact that is kept is hashed."""
    kept = spoil.artifacts()
    counts = verify(space, "").counts

    assert (counts.objects, counts.bytes) == (len(kept), sum(map(len, kept.values())))


def test_other_references(space: Workspace, spoil: Spoiler) -> None:
    """Runs, flow runs, intermediates and data from outside are verified as models are."""
    flow_run = spoil.one("SELECT uuid FROM run WHERE kind = 'FLOW' ORDER BY id LIMIT 1")
    version = "rides/prepared[month=2013-01]"
    reports = {
        ref: verify(space, ref)
        for ref in (flow_run, spoil.run("rides.prepare", "month=2013-01"), version)
    }
    raw = {ref: verify(space, ref) for ref in ("planes.csv", "raw[month=2013-03]")}

    assert all(report.sound for report in (reports | raw).values())
    # A month and planes, what prepare made of them, its sources and packages.
    assert [reports[ref].counts.objects for ref in list(reports)[1:]] == [5, 5]
    assert reports[flow_run].counts.objects == verify(space).counts.objects
    assert [report.counts.objects for report in raw.values()] == [1, 3]


@pytest.mark.parametrize("ref", ["planes.csv", "raw[month=2013-03]"])
def test_data_from_outside(space: Workspace, spoil: Spoiler, ref: str) -> None:
    """Kept data from outside is verified by itself, too."""
    name, _, partition = ref.rstrip("]").partition("[")
    spoil.path(spoil.digest(name, partition)).unlink()

    assert [one.state for one in verify(space, ref).findings] == ["missing"]


def test_latest_was_deleted(space: Workspace, spoil: Spoiler) -> None:
    """A version that is gone is missed when what is the latest now is verified."""
    spoil.sql("DELETE FROM model_version WHERE version = 2")

    assert found(verify(space, "rides@latest")) == [("registry", "missing", "rides@2")]


@pytest.mark.parametrize("table", ["model", "model_version"])
def test_told_once(space: Workspace, spoil: Spoiler, table: str) -> None:
    """What is gone of a model is told once, however many of its versions are verified."""
    spoil.sql(f"DELETE FROM {table}" + (" WHERE version = 2" if "_" in table else ""))
    [one] = verify(space, "").findings

    assert (one.kind, one.state) == ("registry", "missing")
    assert one.name == ("rides@2" if "_" in table else "rides")


def killed_before_it_said_so(space: Workspace, spoil: Spoiler) -> str:
    """What a kill leaves between registering and saying so; the id of the run."""
    run = spoil.one("SELECT run_id FROM model_version WHERE version = 2")
    spoil.sql("DELETE FROM event WHERE run_id = ? AND type = 'COMPLETE'", run)
    space.store.rebuild()
    return run


def test_killed_before_it_said_so(space: Workspace, spoil: Spoiler) -> None:
    """A registration whose run has not completed is told as that."""
    run = killed_before_it_said_so(space, spoil)
    [one] = verify(space, "rides@2").findings

    assert (one.kind, one.name) == ("registry", "rides@2")
    assert one.says.startswith(f"run {run}, which registered it, does not say so: it has not")


def test_said_by_the_next_run(space: Workspace, spoil: Spoiler) -> None:
    """A registration that a killed run made and the next one told is sound; a forged one is not."""
    ((body,),) = spoil.sql(
        "SELECT body FROM event WHERE type = 'COMPLETE' AND run_id = "
        "(SELECT run_id FROM model_version WHERE version = 2)"
    )
    killed_before_it_said_so(space, spoil)
    event = json.loads(body)
    event["run"]["runId"] = "01990000-0000-7000-8000-00000000000a"
    space.store.record([event])
    sound = verify(space, "rides@2").findings
    spoil.sql("UPDATE model_version SET run_id = training_run_id WHERE version = 2")

    assert sound == ()
    assert found(verify(space, "rides@2")) == [("registry", "changed", "rides@2")]


def test_never_registered(space: Workspace) -> None:
    """A version that neither the registry nor an event knows is refused."""
    with pytest.raises(RefError):
        verify(space, "rides@3")


def test_run_was_deleted(space: Workspace, spoil: Spoiler) -> None:
    """A run whose row is gone is still found by its id, through its events."""
    run = spoil.run("rides.train")
    spoil.sql("DELETE FROM run WHERE uuid = ?", run)

    assert "graph" in {one.kind for one in verify(space, run[:20]).findings}


def test_forged_rows(space: Workspace, spoil: Spoiler) -> None:
    """Rows that no event says are found: an edge that makes a run stand on something else."""
    train, prepare = spoil.run("rides.train"), spoil.run("rides.prepare", "month=2013-03")
    spoil.sql(
        "INSERT INTO edge SELECT 4 * t.id, 4 * p.id FROM run t, run p "
        "WHERE t.uuid = ? AND p.uuid = ?",
        train,
        prepare,
    )

    assert ("graph", "unfounded", f"graph rows of run {train[:13]}") in found(verify(space))


def test_what_others_say(space: Workspace, spoil: Spoiler) -> None:
    """What another producer says of a version is no difference: it is heard as well."""
    ((body,),) = spoil.sql(
        "SELECT body FROM event WHERE type = 'COMPLETE' AND run_id = ?",
        spoil.run("rides.featurize", "month=2013-01"),
    )
    event = json.loads(body)
    event["run"] = {"runId": "01990000-0000-7000-8000-00000000000a", "facets": {}}
    event["job"] = {"namespace": "elsewhere", "name": "report", "facets": {}}
    event["outputs"] = []
    event["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] = 99
    space.store.record([event], origin="ingested")
    rows = spoil.one("SELECT MAX(rows) FROM version WHERE partition = 'month=2013-01'")

    assert (rows, verify(space).findings) == ("99", ())


def test_what_others_claim(space: Workspace, spoil: Spoiler) -> None:
    """A reader that says a run made what it did not is no difference: events say so."""
    ((body,),) = spoil.sql(
        "SELECT body FROM event WHERE type = 'COMPLETE' AND run_id = ?",
        spoil.run("rides.featurize", "month=2013-01"),
    )
    event = json.loads(body)
    event["run"] = {"runId": "01990000-0000-7000-8000-00000000000a", "facets": {}}
    event["outputs"] = []
    event["inputs"][0]["inputFacets"]["begat_snapshot"]["producer"] = spoil.run("rides.train")
    space.store.record([event], origin="ingested")

    assert verify(space).findings == ()


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("with_run", [True, False])
def test_registry_names_a_pickle(
    space: Workspace, spoil: Spoiler, tmp_path: Path, with_run: bool
) -> None:
    """An entry that was made to name a pickle, with its digest, is found, and nothing runs."""
    canary, dead = tmp_path / "canary", tmp_path / "dead"
    pickle.loads(pickle.dumps(Canary(dead)))
    content = pickle.dumps(Canary(canary))
    spoil.keep(content, digest_bytes(content))
    spoil.sql("UPDATE model_version SET digest = ?", digest_bytes(content))
    if not with_run:
        spoil.sql("UPDATE model_version SET run_id = ''")
    report = verify(space)

    assert ("registry", "changed", REF) in found(report)
    assert (dead.exists(), canary.exists()) == (True, False)


def test_recorded_outputs(space: Workspace, spoil: Spoiler) -> None:
    """A model that does not predict what was recorded of it is found, whatever its bytes."""
    spoil.sql(
        "UPDATE model_version SET body = "
        "json_replace(body, '$.signature.example.outputs.predict[0]', 9)"
    )

    assert ("model", "failing", REF) in found(verify(space))


GRAPH = ("version", "product", "output", "reading", "edges of a run", "snapshot", "segment")


@pytest.mark.parametrize("row", GRAPH)
def test_rebuilt(space: Workspace, spoil: Spoiler, row: str) -> None:
    """--repair makes the graph anew from the events."""
    ROWS[row](spoil)
    report = checks.repair(space, REF)

    assert report.repaired == ("the graph was rebuilt from the events",)
    assert report.sound
    assert verify(space, "").sound


@pytest.mark.parametrize("row", ["event COMPLETE", "event START", "all events of a run"])
def test_not_rebuilt(space: Workspace, spoil: Spoiler, row: str) -> None:
    """A graph that remembers what no stored event says is not made anew, whoever's event it is."""
    ROWS[row](spoil)
    spoil.sql("DELETE FROM edge")
    before = spoil.sql("SELECT * FROM run")
    report = checks.repair(space, "rides@2")

    assert [reason for reason in report.refused if reason.startswith("the graph was not rebuilt")]
    assert spoil.sql("SELECT * FROM run") == before
    assert spoil.one("SELECT COUNT(*) FROM edge") == "0"
