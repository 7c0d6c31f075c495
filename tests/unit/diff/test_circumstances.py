"""Parameters, packages, seeds and machines."""

from __future__ import annotations

from typing import Any

from begat.lineage.content import MemoryStore
from begat.lineage.diff import circumstances, measured
from begat.lineage.diff.reading import Reader
from begat.lineage.diff.sides import Side
from begat.lineage.diff.tasks import Task
from begat.lineage.diff.walk import Start
from begat.lineage.events.canonical import canonical


def task(old: dict[str, Any], new: dict[str, Any], name: str = "train") -> Task:
    """A task whose two recipes these are."""
    sides = ({"begat_recipe": recipe} for recipe in (old, new))
    first, second = sides
    return Task(name=name, old=first, new=second, runs=(1, 1))


def side(**facets: Any) -> Side:
    """A side of which one run tells its circumstances."""
    return Side(name="m@1", kind="model", run_id="", start=Start(nodes=frozenset()), primary=facets)


def test_parameters() -> None:
    """Parameters are told by task and path, where their digests say that they differ."""
    one = task(
        {
            "arguments": {"estimator": "x", "target": "t"},
            "parameters": {"estimator": {"depth": 3, "loss": "a"}, "target": "late"},
        },
        {
            "arguments": {"estimator": "y", "target": "t"},
            "parameters": {"estimator": {"depth": 2, "loss": "a"}, "target": "late"},
        },
    )

    assert circumstances.parameters([one], all_=False) == {
        "train.estimator.depth": {"old": 3, "new": 2}
    }
    assert len(circumstances.parameters([one], all_=True)) == 3


def test_parameter_of_another_type() -> None:
    """1 and 1.0 and True are three values; what is not shown of one is told by its name."""
    shown = [{"arguments": {"a": str(n)}, "parameters": {"a": n}} for n in (1, 1.0)]
    hidden = [{"arguments": {"a": n}, "parameters": {"a": "table"}} for n in ("x", "y")]

    assert circumstances.parameters([task(*shown)], all_=False) == {
        "train.a": {"old": 1, "new": 1.0}
    }
    assert circumstances.parameters([task(*hidden)], all_=False) == {
        "train.a": {"old": "table", "new": "table"}
    }


def test_function_is_no_parameter() -> None:
    """A function that changed is code: as a parameter it has the same name as before."""
    recipes = [
        {
            "arguments": {"function": digest},
            "parameters": {"function": "m.clean"},
            "functions": {"function: clean": digest},
        }
        for digest in ("x", "y")
    ]

    assert circumstances.parameters([task(*recipes)], all_=False) == {}


def test_seeds() -> None:
    """A seed that all tasks share is told once, several by task."""
    shared = [task({"seed": 1}, {"seed": 2}, name) for name in ("prepare", "train")]
    single = [task({"seed": 1}, {"seed": 1}, "prepare"), task({"seed": 1}, {"seed": 2})]

    assert circumstances.seeds(shared, side(), side(), all_=False) == {"seed": {"old": 1, "new": 2}}
    assert circumstances.seeds(single, side(), side(), all_=False) == {
        "train.seed": {"old": 1, "new": 2}
    }


def test_packages() -> None:
    """All installed distributions are compared, from their lists in the artifact store."""
    store = MemoryStore()
    lists = ({"numpy": "2.3.0", "rich": "14.0"}, {"numpy": "2.4.0", "rich": "15.0"})
    sides = [
        side(begat_packages={"digest": store.write(canonical(dict(one)).encode())}) for one in lists
    ]
    tasks = [task({"packages": {"numpy": "2.3.0"}}, {"packages": {"numpy": "2.4.0"}})]
    reader = Reader(artifacts=store, limit=0)

    assert circumstances.packages(tasks, *sides, reader, all_=False) == {
        "numpy": {"old": "2.3.0", "new": "2.4.0", "used": True},
        "rich": {"old": "14.0", "new": "15.0", "used": False},
    }


def test_packages_whose_list_is_gone() -> None:
    """Where the list is gone, those that the recipes name are compared, and that is said."""
    sides = [side(begat_packages={"digest": "blake3:" + "0" * 64}) for _ in range(2)]
    tasks = [task({"packages": {"numpy": "2.3.0"}}, {"packages": {"numpy": "2.4.0"}})]
    reader = Reader(artifacts=MemoryStore(), limit=0)

    assert list(circumstances.packages(tasks, *sides, reader, all_=False)) == ["numpy"]
    assert reader.notes


def test_machine() -> None:
    """Hardware, operating system, image and Python are told where they differ."""
    old = side(
        begat_hardware={"cpu": "A", "cores": 2},
        begat_packages={"python": "3.12.1", "os": "Linux 6"},
        begat_image={"digest": "sha256:1"},
    )
    new = side(
        begat_hardware={"cpu": "B", "cores": 2},
        begat_packages={"python": "3.13.0", "os": "Linux 6"},
        begat_image={"digest": "sha256:2"},
    )

    assert circumstances.hardware(old, new, all_=False) == {"cpu": {"old": "A", "new": "B"}}
    assert circumstances.image(old, new, all_=False) == {
        "digest": {"old": "sha256:1", "new": "sha256:2"}
    }
    assert circumstances.python([], old, new, all_=False) == {"old": "3.12.1", "new": "3.13.0"}
    assert circumstances.hardware(old, side(), all_=False) == {}


def test_metrics() -> None:
    """Metrics are told with what they gained; one that has no value has no delta."""
    found = measured.metrics(
        {"auc": 0.7, "f1": 0.5, "x": None}, {"auc": 0.6, "f1": 0.5}, all_=False
    )

    assert found == {"auc": {"old": 0.7, "new": 0.6, "delta": -0.1}}


def test_slices() -> None:
    """Slices come with the largest move first, and those without a delta last."""
    old = {"city": {"Oslo": {"auc": 0.7, "rows": 9}, "Bergen": {"auc": 0.7, "rows": 9}}}
    new = {"city": {"Oslo": {"auc": 0.6, "rows": 9}, "Bergen": {"auc": 0.9, "rows": 8}}}
    new["city"]["Alta"] = {"auc": 0.5, "rows": 1}
    found = measured.slices(old, new, all_=False)

    assert [(one["value"], one["delta"]) for one in found] == [
        ("Bergen", 0.2),
        ("Oslo", -0.1),
        ("Alta", None),
    ]
    assert found[0]["rows"] == {"old": 9, "new": 8}
