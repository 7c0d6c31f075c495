"""Causes, ranked."""

from __future__ import annotations

from typing import Any

from begat.lineage.diff.causes import causes


def found(**sections: Any) -> dict[str, Any]:
    """A diff in which nothing differs but what is given."""
    return {
        "holdout": {"same": True, "why": "", "new": {"target": "late"}},
        "metrics": {"auc": {"old": 0.7, "new": 0.6, "delta": -0.1}},
        "data": {"added": [], "removed": [], "changed": []},
        "code": {"tasks": []},
        "effects": {},
        "parameters": {},
        "packages": {},
        "python": {},
        "image": {},
        "seeds": {},
        "hardware": {},
        "environment": {},
        **sections,
    }


def column(name: str, moved: float) -> dict[str, Any]:
    """A column that moved so far."""
    side = {"count": 10, "nulls": 0, "mean": 1.0}
    about = {"sd": moved * 4, "old": side, "new": side, "rule": None, "there": None}
    return {"column": name, "moved": moved, "by_chance": 0.01, "changed": 10, **about}


def changed(partition: str, moved: float, role: str = "train") -> dict[str, Any]:
    """A partition of which one column moved so far."""
    return {
        "dataset": "file:/lake/flights",
        "partition": partition,
        "role": role,
        "role_before": role,
        "rows": {"old": 10, "new": 10, "added": 0, "removed": 0, "changed": 10},
        "bytes": {"old": 1, "new": 2},
        "schema": {"added": [], "removed": [], "changed": []},
        "where": None,
        "columns": [column("distance", moved)],
        "quality": {"columns": [], "expectations": []},
    }


def data(*entries: dict[str, Any]) -> dict[str, Any]:
    """Changed partitions."""
    return {"added": [], "removed": [], "changed": list(entries)}


def kinds(of: dict[str, Any], *, same_model: bool = False) -> list[str]:
    """The kinds of its causes, in their order."""
    return [cause["kind"] for cause in causes(of, same_model=same_model)]


SEED = {"seed": {"old": 1, "new": 2}}
NUMPY = {"numpy": {"old": "2.3.1", "new": "2.4.0", "used": True}}
DEPTH = {"train.estimator.max_depth": {"old": 3, "new": 2}}


def test_order() -> None:
    """An incomparable holdout comes first, then data by how far it moved, then the rest."""
    of = found(
        holdout={"same": False, "why": "other rows", "new": {"target": "late"}},
        data=data(changed("month=1", 0.01), changed("month=2", 0.9)),
        parameters=DEPTH,
        packages=NUMPY,
        seeds=SEED,
        hardware={"cpu": {"old": "a", "new": "b"}},
    )
    listed = causes(of, same_model=False)

    assert [cause["what"] for cause in listed] == [
        "holdout",
        "flights[month=2]",
        "train.estimator.max_depth",
        "numpy",
        "seed",
        "hardware",
        "flights[month=1]",
    ]
    assert [cause["rank"] for cause in listed] == list(range(1, 8))


def test_same_model_file() -> None:
    """What only went into training cannot have moved the metric of the same model file."""
    of = found(
        data=data(changed("month=1", 0.9), changed("month=2", 0.1, role="holdout")),
        parameters=DEPTH,
    )
    listed = causes(of, same_model=True)

    assert [(cause["what"], cause["possible"]) for cause in listed] == [
        ("flights[month=2]", True),
        ("flights[month=1]", False),
        ("train.estimator.max_depth", False),
    ]
    assert "byte for byte" in listed[-1]["ground"]


def test_noise() -> None:
    """A metric that moved although nothing recorded differs moved by itself, and that is said."""
    assert kinds(found()) == ["noise"]
    assert kinds(found(metrics={})) == []


def test_target() -> None:
    """A change of what is predicted counts, however small."""
    entry = changed("month=1", 0.001)
    entry["columns"] = [column("distance", 0.001), column("late", 0.0005)]
    [cause] = causes(found(data=data(entry)), same_model=False)

    assert cause["score"] > 0.5


def test_unused_package() -> None:
    """A package that no task uses is no cause."""
    unused = {"rich": {"old": "14.0.0", "new": "15.0.0", "used": False}}

    assert kinds(found(packages=unused, metrics={})) == []


def test_versions() -> None:
    """The more of a version number changes, the likelier it is a cause."""
    packages = {
        "a": {"old": "1.2.3", "new": "1.2.4", "used": True},
        "b": {"old": "1.2.3", "new": "1.3.0", "used": True},
        "c": {"old": "1.2.3", "new": "2.0.0", "used": True},
    }
    listed = causes(found(packages=packages), same_model=False)

    assert [cause["what"] for cause in listed] == ["c", "b", "a"]


def test_other_estimator() -> None:
    """Another estimator is one cause, whatever parameters went with it."""
    parameters = {
        "train.estimator.class": {"old": "A", "new": "B"},
        "train.estimator.depth": {"old": 3, "new": None},
        "train.estimator.penalty": {"old": None, "new": "l2"},
    }
    [cause] = causes(found(parameters=parameters), same_model=False)

    assert cause["says"] == "train.estimator.class A → B, and 2 parameters with it"


def test_evaluation_changed() -> None:
    """Another way to evaluate makes metrics incomparable; more slices do not."""
    threshold = {"evaluate.threshold": {"old": 0.5, "new": 0.4}}
    slices = {"evaluate.slices": {"old": ["a"], "new": ["a", "b"]}}

    assert kinds(found(parameters=threshold)) == ["metric"]
    assert kinds(found(parameters=slices, metrics={})) == []


def test_registering_moves_no_metric() -> None:
    """What only registering does differently is no cause: it comes after the metrics."""
    renamed = {"register.name": {"old": "a", "new": "b"}}
    task = {"task": "register", "functions": {"changed": ["f"], "added": [], "removed": []}}

    assert kinds(found(parameters=renamed, code={"tasks": [task]}, metrics={})) == []


def test_evaluated_on_one_side() -> None:
    """Where one side was not evaluated, evaluating is a task more, and not one that changed."""
    task = {"task": "evaluate", "side": "new"}
    [cause] = causes(found(code={"tasks": [task]}), same_model=False)

    assert (cause["kind"], cause["says"]) == ("code", "the task evaluate is new")


def test_moved_into_training() -> None:
    """Held-out data that is trained on now is a cause of its own; that for both is none."""
    roles = (("holdout", "train"), ("train", "holdout"), ("train", "both"))
    moved = [
        {
            "dataset": "file:/lake/flights",
            "partition": f"month={number}",
            "role": {"old": old, "new": new},
        }
        for number, (old, new) in enumerate(roles)
    ]
    holdout = {"same": True, "why": "", "new": {"target": "late"}, "moved": moved}
    listed = causes(found(holdout=holdout), same_model=False)

    assert [cause["says"] for cause in listed] == [
        "flights[month=0]: trained on now, and held out before",
        "flights[month=1]: held out now, and trained on before",
    ]
    assert not any(cause["possible"] for cause in causes(found(holdout=holdout), same_model=True))


def test_column_that_turned_to_text() -> None:
    """A column of numbers that is text now is a strong cause, though few values changed."""
    entry = changed("month=1", 0.001)
    types = [
        {"column": "distance", "old": "int64", "new": "str"},
        {"column": "hour", "old": "int64", "new": "float64"},
    ]
    entry["schema"] = {"added": [], "removed": [], "changed": types}
    [cause] = causes(found(data=data(entry)), same_model=False)

    assert cause["score"] > 0.7
    assert "distance is str, was int64" in cause["says"]
    assert "hour" not in cause["says"]


def test_not_compared() -> None:
    """What was not compared takes no place from what moved, and is not said to have stood still."""
    unread = [changed(f"month={number}", 0) for number in range(10, 40)]
    for entry in unread:
        del entry["columns"]
        entry["unread"] = "50 tables were compared already"
    seen = [changed(f"month={number}", 0.3) for number in range(2)]
    listed = causes(found(data=data(*unread, *seen)), same_model=False)
    rest = next(cause for cause in listed if cause["what"] == "flights: 24 more")

    assert {"flights[month=0]", "flights[month=1]"} <= {cause["what"] for cause in listed}
    assert rest["ground"] == "none of them was compared"
    assert rest["score"] == 0.4999


def test_unusual_partition() -> None:
    """Of two new partitions the one is named first that is less like the one before it."""
    usual = {**column("temp", 0.5), "usual": 0.5}
    unusual = {**column("temp", 0.5), "usual": 0.02}
    entries = [
        {
            "dataset": "file:/lake/flights",
            "partition": f"month={number}",
            "role": "train",
            "rows": 10,
            "beside": {"partition": "month=0", "columns": [moved]},
        }
        for number, moved in ((1, usual), (2, unusual))
    ]
    listed = causes(found(data=data() | {"added": entries}), same_model=False)

    assert [cause["what"] for cause in listed] == ["flights[month=2]", "flights[month=1]"]
    assert "more than from one to the next before" in listed[0]["says"]
    assert listed[1]["says"] == "flights[month=1] was added"
