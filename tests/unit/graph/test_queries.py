from __future__ import annotations

from begat.lineage.events import facets
from begat.lineage.graph.queries import flow_runs, models, task_runs
from begat.lineage.graph.store import Store
from begat.lineage.registry.versions import register
from support.history import History, digest, raw, time_at


def test_flow_runs(store: Store, history: History) -> None:
    """Flow runs are listed from the newest on, with what they came to."""
    history.flow_run(executed=3, reused=2, model_version="flights@1")
    history.flow_run(end="FAIL")
    store.record(history.events)
    found = flow_runs(store)

    assert [(one["state"], one["executed"], one["model_version"]) for one in found] == [
        ("FAIL", None, None),
        ("COMPLETE", 3, "flights@1"),
    ]
    assert (found[1]["flow"], found[1]["reused"]) == ("flights", 2)
    assert (found[1]["started_at"], found[1]["ended_at"]) == (time_at(0), time_at(1))


def test_limit(store: Store, history: History) -> None:
    """At most as many flow runs are listed as are asked for."""
    runs = [history.flow_run() for _ in range(3)]
    store.record(history.events)

    assert [one["flow_run_id"] for one in flow_runs(store, 1)] == [runs[-1].run_id]


def test_task_runs(store: Store, history: History) -> None:
    """The tasks of a flow run are listed in order, with partitions, reuse and errors."""
    flow = history.flow_run()
    first = history.task(
        "prepare", {"part": raw("flights", "m=1")}, ["prepared"], partition="m=1", parent=flow
    )
    again = history.task("prepare", parent=flow, reuse=first.run_id)
    error = facets.error_message("no such column")
    failed = history.task(
        "prepare", {"part": raw("flights", "m=2")}, end="FAIL", parent=flow,
        facets={"errorMessage": error},
    )  # fmt: skip
    history.task("prepare")
    store.record(history.events)
    found = task_runs(store, flow.run_id)

    assert [(one["run_id"], one["partitions"], one["reuse_of"]) for one in found] == [
        (first.run_id, ["m=1"], None),
        (again.run_id, [], first.run_id),
        (failed.run_id, ["m=2"], None),
    ]
    assert found[-1]["error"] == "no such column"
    assert {one["job"] for one in found} == {"flights.prepare"}


def test_models(store: Store) -> None:
    """Models are listed by name and number, with metrics and aliases."""
    for n in (1, 2):
        register(
            store,
            model="flights",
            recipe=digest(str(n)),
            run_id="r",
            training_run_id=f"t{n}",
            digest=digest("model"),
            registered_by="ada",
            body={"metrics": {"auc": n / 10}},
        )
    with store.write() as db:
        db.execute("INSERT INTO alias VALUES ('flights', 'best', 2)")
    found = models(store)

    assert [(one["version"], one["metrics"], one["aliases"]) for one in found] == [
        (1, {"auc": 0.1}, []),
        (2, {"auc": 0.2}, ["best"]),
    ]
    assert (found[0]["run_id"], found[0]["stage"]) == ("t1", "None")
