"""A candidate beside Production, where both are what real pipelines have trained."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from begat.lineage import workspace
from begat.lineage.diff import rescore
from begat.lineage.records import ModelVersion
from begat.lineage.registry import audit, policy, stages
from begat.lineage.registry.current import find
from begat.lineage.registry.gates import Candidate, Verdict, make
from begat.lineage.server.app import create_app
from support.registered import ADA
from support.trips import Trips, rows

METRIC = """\
def hits(y_true, y_pred):
    return float((y_true == y_pred).mean())


pipeline = Pipeline(
    metrics=["roc_auc", "log_loss", hits],
"""


@dataclass(frozen=True)
class Told:
    """The pipeline, and its versions by what was done before each."""

    trips: Trips
    versions: dict[str, str]

    def judge(self, new: str, production: str, **said: Any) -> list[Verdict]:
        """What a relative gate says of a version while another is in Production."""
        space = self.trips.space
        found = find(space, self.versions[new])
        candidate = Candidate(
            space=space,
            version=found.version,
            body=found.body,
            stage="Staging",
            production=self.version(production),
        )
        gate = make({"gate": "relative", "metric": "hits", "worse_by": 0.0, **said})
        with self.trips.using():
            return [*gate.judge(candidate)]

    def version(self, name: str) -> ModelVersion:
        """A version by what was done before."""
        return find(self.trips.space, self.versions[name]).version

    def runs(self) -> list[tuple[str, str, bool]]:
        """Job and state of the runs that gates asked for, and whether they did the work."""
        with self.trips.space.store.read() as db:
            found = db.execute(
                "SELECT j.name, r.state, r.reuse_of FROM run r JOIN job j ON j.id = r.job "
                "WHERE j.name LIKE 'trips.gates%' ORDER BY r.id",
                {},
            ).fetchall()
        return [(row["name"], row["state"], row["reuse_of"] is None) for row in found]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Every version stands on the one before it, with one thing changed."""
    trips = Trips.write(tmp_path_factory.mktemp("beside"))
    trips.edit("pipeline = Pipeline(\n", METRIC)
    versions = {"first": trips.run()}
    versions["shallow"] = trips.run(train__max_depth=1)
    trips.edit('frame["distance"] / frame["minutes"]', 'frame["minutes"] / frame["distance"]')
    versions["features"] = trips.run()
    trips.edit("(y_true == y_pred).mean()", "(y_true == y_pred)[:100].mean()")
    versions["metric"] = trips.run()
    trips.put("2024-05", rows(7))
    versions["month"] = trips.run()
    trips.edit("speed=speed(frame)", "pace=speed(frame)")
    trips.put("2024-06", rows(8))
    versions["columns"] = trips.run()
    yield Told(trips, versions)
    trips.space.close()


def value(told: Told, name: str, metric: str = "hits") -> float:
    recorded: float = find(told.trips.space, told.versions[name]).body["metrics"][metric]
    return recorded


@pytest.mark.parametrize("new", ["shallow", "features"])
def test_same_rows(told: Told, new: str) -> None:
    """Evaluated on the same rows, if with other features: recorded numbers decide, nothing runs."""
    before = told.runs()
    found = told.judge(new, "first", worse_by=1.0, slices=True)

    assert told.runs() == before
    assert found[0].value == value(told, new)
    assert found[0].reason == (
        f"trips@1 in Production, evaluated on the same rows, has {value(told, 'first'):.6g}"
    )
    assert {one.gate for one in found[1:]} == {
        f"hits in city={city} beside Production" for city in ("Oslo", "Bergen", "Tromsø")
    }


def test_other_rows(told: Told) -> None:
    """On other rows Production's model is evaluated by a recorded run, which answers the next."""
    before = told.runs()
    first = told.judge("month", "metric", worse_by=1.0, slices="city")
    ran = told.runs()[len(before) :]
    again = told.judge("month", "metric", worse_by=1.0, slices="city", min_rows=2)
    after = told.runs()[len(before) :]

    assert ran == [
        ("trips.gates", "COMPLETE", True),
        ("trips.gates.evaluate", "COMPLETE", True),
    ]
    assert after[2:] == [
        ("trips.gates", "COMPLETE", True),
        ("trips.gates.evaluate", "COMPLETE", False),
    ]
    assert again == first
    assert len(first) == 4
    assert "evaluated on these rows for this, has" in first[0].reason


def test_it_agrees_with_a_rescore(told: Told) -> None:
    """The run comes to what `begat diff --rescore` computes."""
    [found] = told.judge("month", "metric", worse_by=0.05)
    old, new = told.versions["metric"], told.versions["month"]
    with told.trips.using():
        scores = rescore(told.trips.space, old, new)
    [theirs] = [one for one in scores if (one["model"], one["holdout"]) == (old, new)]

    assert found.threshold == f"at least {theirs['metrics']['hits'] - 0.05:.6g}"


def test_nothing_of_the_pipeline_moves(told: Told) -> None:
    """What the pipeline evaluated last stays current, and its next run has nothing to do."""
    told.judge("month", "metric", worse_by=1.0)
    with told.trips.space.store.read() as db:
        names = {row["name"] for row in db.execute("SELECT name FROM dataset", {})}

    assert {"trips/evaluation", "trips.gates/evaluation"} <= names
    assert told.trips.run() == told.versions["columns"]


def test_another_metric_of_the_same_name(told: Told) -> None:
    """Where the code of a metric has changed, the recorded number is of another metric."""
    [found] = told.judge("metric", "features", worse_by=0.0)

    assert "evaluated on these rows for this" in found.reason
    # The same model and rows: the new metric has the same value for both.
    assert found.value == value(told, "metric") != value(told, "features")
    assert found.passed
    assert found.threshold == f"at least {found.value:.6g}"


def test_leak(told: Told) -> None:
    """That Production was trained on these rows, so that its numbers are too good, is said."""
    [found] = told.judge("metric", "month", worse_by=1.0)

    assert "(which it was trained on, so its numbers are too good)" in found.reason


def test_other_columns(told: Told) -> None:
    """Where Production's model lacks its features there is a refusal that names them."""
    [found] = told.judge("columns", "month", worse_by=1.0)

    assert not found.passed
    assert found.reason.startswith(
        f"{told.versions['month']} in Production cannot be evaluated on these rows: "
    )
    assert "speed" in found.reason


def test_what_was_never_evaluated(told: Told) -> None:
    """A candidate whose evaluation no run has recorded is not compared."""
    from support.registered import add

    space = told.trips.space
    of = add(space, "stranger", metrics={"hits": 0.5})
    candidate = Candidate(
        space=space,
        version=of,
        body=find(space, of.ref).body,
        stage="Staging",
        production=told.version("first"),
    )
    gate = make({"gate": "relative", "metric": "hits", "worse_by": 0})
    [found] = gate.judge(candidate)

    assert (found.passed, found.reason) == (False, "no recorded run has evaluated stranger@1")


def test_judged_by_a_server(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts at once whose gates run evaluations are all done, and leave the server as it was."""
    space, new = told.trips.space, ("metric", "features")
    given = told.trips.space.settings
    for name in ("home", "store", "artifacts"):
        monkeypatch.setenv(f"BEGAT_{name.upper()}", str(getattr(given, name)))
    gate = {"gate": "relative", "metric": "hits", "worse_by": 1.0, "slices": True, "min_rows": 3}
    policy.save(
        space.store,
        told.version("month"),
        {"required": [], "gates": [gate], "sign_off": "none"},
        identity=ADA,
    )
    for stage in ("Staging", "Production"):
        with told.trips.using():
            stages.promote(space, told.versions["month"], to=stage, identity=ADA)
    before, outside = told.runs(), workspace.workspace()

    with TestClient(create_app(given.store), base_url="http://127.0.0.1:8080") as client:

        def promote(name: str) -> Any:
            said = {"act": "promote", "ref": told.versions[name], "to": "Staging"}
            return client.post("/api/v2/acts", json=said)

        with ThreadPoolExecutor(len(new)) as threads:
            found = [*threads.map(promote, new)]
        assert [answer.status_code for answer in found] == [200] * len(new), found[-1].text
        for _ in range(5):
            assert client.get("/api/v2/acts").status_code == 200

    states = [state for _, state, _ in told.runs()[len(before) :]]
    assert states.count("COMPLETE") == len(states) >= 2 * len(new)
    assert workspace.workspace() is outside
    assert audit.verify(space.store) == []
