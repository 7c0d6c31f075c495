"""The nearest earlier run of the same task and partition."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import RefError
from begat.lineage.graph.earlier import explain_run, latest_run
from begat.lineage.graph.store import Store
from begat.lineage.records import RunRef
from support.history import History, Run, digest


def recipe(**parts: Any) -> dict[str, Any]:
    """A recipe facet with these parameters, whose digest says so."""
    return {
        "begat_recipe": {
            "digest": digest(f"recipe {sorted(parts.items())}"),
            "reusable": True,
            "arguments": {name: digest(repr(value)) for name, value in parts.items()},
            "parameters": parts,
        }
    }


def ref(run: Run) -> RunRef:
    return RunRef(run_id=run.run_id, namespace="begat", job="")


def record(store: Store, history: History) -> None:
    store.record(history.events, history.chunks)


def train(history: History, flow: Run, month: str = "", **more: Any) -> Run:
    parts = {name: more.pop(name) for name in ("depth", "rate") if name in more}
    return history.task(
        "train", writes=["model"], parent=flow, partition=month, facets=recipe(**parts), **more
    )


def test_nearest_is_the_one_with_the_fewest_differences(store: Store, history: History) -> None:
    """Of several earlier runs the nearest is compared with, not the latest."""
    flow = history.flow_run()
    first = train(history, flow, depth=3, rate=1)
    train(history, flow, depth=9, rate=9)
    last = train(history, flow, depth=4, rate=1)
    record(store, history)
    [explained] = explain_run(store, ref(last))

    assert explained.explained.compared_with == first.run_id
    assert explained.explained.differences == ("parameter depth: 3 -> 4",)


def test_of_equally_near_ones_the_latest(store: Store, history: History) -> None:
    """Of runs that differ as little, the latest is compared with."""
    flow = history.flow_run()
    train(history, flow, depth=3)
    second = train(history, flow, depth=4)
    last = train(history, flow, depth=5)
    record(store, history)

    assert explain_run(store, ref(last))[0].explained.compared_with == second.run_id


def test_later_runs_are_not_looked_at(store: Store, history: History) -> None:
    """The first run of a task has nothing to be compared with, whatever ran since."""
    flow = history.flow_run()
    first = train(history, flow, depth=3)
    train(history, flow, depth=4)
    record(store, history)

    assert explain_run(store, ref(first))[0].explained.lines == (
        "no earlier run of this task and partition",
    )


def test_partitions_apart(store: Store, history: History) -> None:
    """A run is compared with those of its own partition."""
    flow = history.flow_run()
    january = train(history, flow, "month=2013-01", depth=3)
    train(history, flow, "month=2013-02", depth=4)
    last = train(history, flow, "month=2013-01", depth=4)
    record(store, history)

    assert explain_run(store, ref(last))[0].explained.compared_with == january.run_id


def test_same_recipe_after_a_failure(store: Store, history: History) -> None:
    """A run of the same recipe as one that failed says that."""
    flow = history.flow_run()
    train(history, flow, depth=3, end="FAIL")
    last = train(history, flow, depth=3)
    record(store, history)

    assert explain_run(store, ref(last))[0].explained.lines == (
        "the same recipe: the earlier run ended as FAIL",
    )


def test_same_recipe_after_a_loss(store: Store, history: History) -> None:
    """A run of the same recipe as one whose output is lost names what is lost."""
    flow = history.flow_run()
    first = train(history, flow, depth=3)
    last = train(history, flow, depth=3)
    record(store, history)
    store.mark_lost([first.output.digest])
    [explained] = explain_run(store, ref(last))

    assert explained.explained.because == (
        f"what the earlier run wrote is marked as lost: {first.output.digest}"
    )


def test_not_deterministic(store: Store, history: History) -> None:
    """Runs of one recipe that wrote different bytes make it a non-deterministic one."""
    flow = history.flow_run()
    train(history, flow, depth=3, content="one")
    last = train(history, flow, depth=3, content="other")
    record(store, history)

    assert explain_run(store, ref(last))[0].deterministic is False


def test_reuse(store: Store, history: History) -> None:
    """A run that reused another has no recipe of its own, and says whose it reused."""
    flow = history.flow_run()
    first = train(history, flow, depth=3)
    second = history.task("train", parent=flow, reuse=first.run_id)
    record(store, history)
    [explained] = explain_run(store, ref(second))

    assert (explained.recipe, explained.reuse_of) == ("", first.run_id)


def test_flow_run(store: Store, history: History) -> None:
    """Of a flow run, each of its task runs is explained, in the order they started."""
    flow = history.flow_run()
    runs = [train(history, flow, f"month=2013-0{month}", depth=3) for month in (1, 2)]
    record(store, history)

    assert [one.run_id for one in explain_run(store, ref(flow))] == [run.run_id for run in runs]


def test_task_by_name(store: Store, history: History) -> None:
    """A task's name, whole or its end, with or without a partition, names its newest run."""
    flow = history.flow_run()
    first = train(history, flow, "month=2013-01", depth=3)
    last = train(history, flow, "month=2013-02", depth=3)
    record(store, history)
    named = [
        latest_run(store, name)
        for name in ("flights.train", "train", "train[month=2013-01]", "flights", "nothing")
    ]

    assert [run and run.run_id for run in named] == [
        last.run_id,
        last.run_id,
        first.run_id,
        None,
        None,
    ]


def test_task_without_that_partition(store: Store, history: History) -> None:
    """A partition that the task has not run for is refused with those that it has."""
    train(history, history.flow_run(), "month=2013-01", depth=3)
    record(store, history)

    with pytest.raises(RefError, match=r"it has for month=2013-01"):
        latest_run(store, "train[month=2013-09]")


def test_unknown_run(store: Store) -> None:
    """A run that is not in the store is refused."""
    with pytest.raises(RefError):
        explain_run(store, RunRef(run_id="0199", namespace="begat", job=""))
