"""What could have moved the metric, the likeliest first, each with the ground it stands on.

What makes the two numbers incomparable comes before what could have moved one. What has the
same digest on both sides is no cause. The rest is ranked by a score between 0 and 1, a prior
and no proof:

| cause | score |
|---|---|
| data changed | 0.05 + 0.9 of how far that column moved that moved farthest (`moves`) |
| the same, where the target changed | 0.59 at least |
| the same, where a column came, went, or turned from numbers into text or back | 0.77 at least |
| the same, where it cannot be read | 0.5 |
| a partition more or less | the same of what moved beyond what is usual, 0.15 at least |
| a partition now trained on that was held out, or the other way round | 0.15 |
| code | 0.1 + 0.85 of how far the columns of its output moved, where that is known, else 0.6 |
| parameter | the same, else 0.5 |
| environment variable | 0.4 |
| package that a task uses | 0.35, 0.3, 0.15 by the part of the version number |
| Python | 0.3, 0.1 likewise |
| seed | 0.25 |
| image, hardware | 0.1, 0.08 |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import neighbours
from .words import (
    column_line,
    counted,
    deviations,
    entry_name,
    from_to,
    is_number_type,
    last_name,
)

#: Ties are broken by kind, in this order.
KINDS = (
    *("holdout", "metric", "data", "code", "parameter", "environment"),
    *("package", "python", "seed", "image", "hardware", "noise"),
)
#: Partitions that are named one by one for each dataset; the rest are one line.
NAMED = 8
#: What comes first: the two sides cannot be compared by their metrics as they are.
INCOMPARABLE = 1.0
#: How far any change of the target counts at least.
TARGET = 0.6
#: How far a column counts that is there on one side only, or is of another kind there.
OTHER_COLUMN = 0.8
#: A partition of which nothing else is known counts so much.
PARTITION = 0.15
#: It comes after the metrics are there.
_AFTERWARDS = "register"
_ROLES = {
    "train": "trained on",
    "holdout": "evaluated on",
    "both": "trained and evaluated on",
    "lookup": "looked up in prepare",
    None: "read",
}
_TRAINED = ("train", "both")

Cause = dict[str, Any]


def causes(found: Mapping[str, Any], *, same_model: bool) -> list[Cause]:
    """Every cause there is, ranked.

    Args:
        found: the whole diff, as `diff` gives it, without causes.
        same_model: whether both sides are the same model file.

    Returns:
        `rank, kind, what, says, ground, score` of each, and `possible`: False for what cannot
        have moved the metric, since the model it went into is the same bytes.
    """
    target = found["holdout"]["new"].get("target") or ""
    listed = [
        *_incomparable(found),
        *_data(found["data"], target),
        *_moved_over(found["holdout"].get("moved", ())),
        *_code(found, target),
        *_parameters(found, target),
        *_rest(found),
    ]
    if not listed and any(value["delta"] for value in found["metrics"].values()):
        says = "the same data, code and parameters gave another metric"
        ground = "nothing that is recorded differs: threads, or a library's own randomness"
        listed = [_cause("noise", "run to run", says, ground, 0.5)]
    for cause in listed:
        held, _ = cause.pop("held"), cause.pop("known")
        cause["possible"] = not same_model or held or cause["kind"] in ("holdout", "metric")
        if not cause["possible"]:
            cause["ground"] = "not this: the model file is the same, byte for byte"
    listed.sort(key=_rank)
    return [{"rank": rank, **cause} for rank, cause in enumerate(listed, start=1)]


def _rank(cause: Cause) -> tuple[Any, ...]:
    kind = KINDS.index(cause["kind"])
    return (not cause["possible"], -cause["score"], kind, cause["what"])


def _cause(
    kind: str,
    what: str,
    says: str,
    ground: str,
    score: float,
    *,
    held: bool = False,
    known: bool = True,
) -> Cause:
    """One cause.

    Args:
        kind: one of `KINDS`.
        what: what it is called.
        says: what it is.
        ground: why it could have moved the metric, or could not.
        score: between 0 and 1.
        held: whether what is evaluated on stands on it.
        known: whether its score was found by looking, and is none that is taken for it.
    """
    return {
        "kind": kind,
        "what": what,
        "says": says,
        "ground": ground,
        "score": round(min(1.0, score), 4),
        "held": held,
        "known": known,
    }


def _incomparable(found: Mapping[str, Any]) -> Iterator[Cause]:
    holdout = found["holdout"]
    if holdout["same"] is False:
        yield _cause(
            "holdout",
            "holdout",
            f"the holdout is not the same: {holdout['why']}",
            "the two metrics are of other rows; --rescore evaluates both models on both",
            INCOMPARABLE,
        )
    for entry in found["code"]["tasks"]:
        if entry["task"] == "evaluate" and "side" not in entry:
            yield _cause(
                "metric",
                "evaluate",
                f"the code that evaluates changed: {_functions(entry)}",
                "a metric of that name may be another number now",
                INCOMPARABLE,
            )
    trained = {path.removeprefix("train.") for path in found["parameters"]}
    for path, value in found["parameters"].items():
        task, _, name = path.partition(".")
        # Slices and further metrics change no metric that is there; the rest train has, too.
        if task == "evaluate" and name.partition(".")[0] not in ("slices", "metrics", *trained):
            yield _cause(
                "metric",
                path,
                f"{path} {from_to(value)}",
                "a metric of that name may be another number now",
                INCOMPARABLE,
            )


def _data(data: Mapping[str, Sequence[Mapping[str, Any]]], target: str) -> Iterator[Cause]:
    by_dataset: dict[tuple[str, str], list[Cause]] = {}
    for kind in ("changed", "added", "removed"):
        for entry in data[kind]:
            cause = _changed(entry, target) if kind == "changed" else _alone(entry, kind)
            by_dataset.setdefault((kind, entry["dataset"]), []).append(cause)
    for (kind, dataset), found in by_dataset.items():
        found.sort(key=_partition_rank)
        yield from found[:NAMED]
        if rest := found[NAMED:]:
            yield _cause(
                "data",
                f"{last_name(dataset)}: {len(rest)} more",
                f"{len(rest)} more partitions of {last_name(dataset)} were {kind}",
                _ground_of_rest(rest),
                max(cause["score"] for cause in rest) - 0.0001,
                held=any(cause["held"] for cause in rest),
            )


def _ground_of_rest(rest: Sequence[Cause]) -> str:
    unknown = sum(not cause["known"] for cause in rest)
    if unknown == len(rest):
        return "none of them was compared"
    some = f"; {unknown} of them were not compared" if unknown else ""
    return f"none of them is known to have moved farther than those named{some}"


def _moved_over(moved: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    """Partitions that are in both, and that the model was trained on in one only."""
    for side, other, says in (
        ("new", "old", "trained on now, and held out before"),
        ("old", "new", "held out now, and trained on before"),
    ):
        names = [
            entry_name(entry)
            for entry in moved
            if entry["role"][side] in _TRAINED and entry["role"][other] not in _TRAINED
        ]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            said = f"{', '.join(names[:3])}{more}"
            yield _cause("data", said, f"{said}: {says}", "other rows to learn from", PARTITION)


def _partition_rank(cause: Cause) -> tuple[Any, ...]:
    # What was not looked at takes no place from what was seen to have moved.
    return (not cause["known"], -cause["score"], cause["what"])


def _changed(entry: Mapping[str, Any], target: str) -> Cause:
    says, strength, known = _moved(entry, target)
    return _cause(
        "data",
        entry_name(entry),
        says,
        f"{_ROLES[entry['role']]}; {counted(entry)}",
        0.05 + 0.9 * strength,
        held=_is_held(entry["role"], entry["role_before"]),
        known=known,
    )


def _moved(entry: Mapping[str, Any], target: str) -> tuple[str, float, bool]:
    """What is said of a changed partition, how far it moved, and whether that is known."""
    name = entry_name(entry)
    said = [f"{name} changed"]
    strength, known = 0.0, True
    schema = entry.get("schema", {})
    for kind, verb in (("added", "has a new column"), ("removed", "lost the column")):
        if schema.get(kind):
            said.append(f"{verb} {', '.join(schema[kind][:3])}")
            strength = OTHER_COLUMN
    for column in schema.get("changed", ()):
        if is_number_type(column["old"]) != is_number_type(column["new"]):
            said.append(f"{column['column']} is {column['new']}, was {column['old']}")
            strength = OTHER_COLUMN
    if columns := entry.get("columns", ()):
        said.append(column_line(columns[0], entry.get("where")))
        strength = max(strength, _strength(columns, target))
        if len(columns) > 1:
            said.append(f"{len(columns) - 1} more columns differ")
    elif "unread" in entry:
        quality = entry["quality"]["columns"]
        if quality and quality[0]["sd"] is not None:
            said.append(f"{quality[0]['column']} moved {deviations(quality[0]['sd'])} as prepared")
            strength = max(strength, min(1.0, abs(quality[0]["sd"]) / 4))
        else:
            said.append(f"it was not compared: {entry['unread']}")
            strength, known = max(strength, 0.5), False
    for expectation in entry["quality"]["expectations"]:
        met = "is met now" if expectation["new"] else "is not met any more"
        said.append(f"{expectation['assertion']} of {expectation['column']} {met}")
    return "; ".join(said), strength, known


def _strength(columns: Sequence[Mapping[str, Any]], target: str) -> float:
    """How far the first of ranked columns moved; what is predicted counts by itself."""
    there = columns[0].get("there") or columns[0]
    aimed = TARGET if any(column["column"] == target for column in columns) else 0.0
    return max(float(columns[0]["moved"]), float(there["moved"]), aimed)


def _alone(entry: Mapping[str, Any], kind: str) -> Cause:
    """A partition that only one side has."""
    beside = entry.get("beside")
    said = f"{entry_name(entry)} was {kind}"
    strength = 0.0
    if beside and beside["columns"]:
        first = beside["columns"][0]
        strength = neighbours.unusual(first)
        if strength >= 0.02:
            said += f"; beside {beside['partition']}, {column_line(first, None)}"
            if first["usual"] is not None:
                said += ", more than from one to the next before"
    rows = "" if entry["rows"] is None else f"; {entry['rows']:,} rows"
    return _cause(
        "data",
        entry_name(entry),
        said,
        f"{_ROLES[entry['role']]}{rows}",
        max(PARTITION, 0.05 + 0.9 * strength),
        held=_is_held(entry["role"]),
        known=bool(beside),
    )


def _code(found: Mapping[str, Any], target: str) -> Iterator[Cause]:
    for entry in found["code"]["tasks"]:
        if entry["task"] == _AFTERWARDS or (entry["task"] == "evaluate" and "side" not in entry):
            continue
        if "side" in entry:
            verb = "is new" if entry["side"] == "new" else "is gone"
            yield _cause("code", entry["task"], f"the task {entry['task']} {verb}", "", 0.6)
            continue
        says = f"code of {entry['task']} changed: {_functions(entry)}"
        ground, score = _effect(entry.get("effect"), 0.6, target)
        yield _cause("code", entry["task"], says, ground, score, held=entry["task"] != "train")


def _parameters(found: Mapping[str, Any], target: str) -> Iterator[Cause]:
    by_place: dict[str, list[str]] = {}
    seeds = bool(found["seeds"])
    for path in found["parameters"]:
        task, _, name = path.partition(".")
        if task in ("evaluate", _AFTERWARDS) or (name == "seed" and seeds):
            continue
        # Another estimator has other parameters: one line says so.
        whole = f"{task}.{name.partition('.')[0]}"
        is_other = f"{whole}.class" in found["parameters"]
        by_place.setdefault(f"{whole}.class" if is_other else path, []).append(path)
    for path, paths in by_place.items():
        more = f", and {len(paths) - 1} parameters with it" if len(paths) > 1 else ""
        effect = found["effects"].get(path.partition(".")[0])
        ground, score = _effect(effect, 0.5, target)
        yield _cause(
            "parameter",
            path,
            f"{path} {from_to(found['parameters'][path])}{more}",
            ground or f"a parameter of {'the model' if path.startswith('train.') else 'its task'}",
            score,
            held=not path.startswith("train."),
        )


def _effect(effect: Mapping[str, Any] | None, unknown: float, target: str) -> tuple[str, float]:
    """The ground that a task's output gives, and the score it comes to."""
    if effect is None:
        return "", unknown
    place = f"in {effect['name']}"
    if effect["mixed"]:
        place = f"with what came before it, {place}"
    if "unread" in effect:
        return f"its output changed {place}", unknown
    columns = effect["columns"]
    gone, come = effect["schema"]["removed"], effect["schema"]["added"]
    if gone or come:
        said = [f"lost {', '.join(gone[:3])}"] if gone else []
        said += [f"gained {', '.join(come[:3])}"] if come else []
        return f"{place} its output {' and '.join(said)}", 0.9
    if not columns:
        return f"{place} no value of its output changed", 0.1
    more = f" and {len(columns) - 1} more" if len(columns) > 1 else ""
    ground = f"{place} {column_line(columns[0], effect['where'])}{more}"
    return ground, unknown if effect["mixed"] else 0.1 + 0.85 * _strength(columns, target)


def _rest(found: Mapping[str, Any]) -> Iterator[Cause]:
    for name in found["environment"]:
        says = f"the environment variable {name} has another value"
        yield _cause("environment", name, says, "the code reads it by name", 0.4, held=True)
    used = {name: value for name, value in found["packages"].items() if value["used"]}
    for name, value in used.items():
        says = f"{name} {from_to(value)}"
        score = _version_score(value, (0.35, 0.3, 0.15))
        yield _cause("package", name, says, "a task's code uses it", score, held=True)
    if python := found["python"]:
        score = _version_score(python, (0.3, 0.3, 0.1))
        yield _cause("python", "python", f"Python {from_to(python)}", "", score, held=True)
    if "seed" in found["seeds"] or any(name.endswith(".seed") for name in found["seeds"]):
        name = next(name for name in sorted(found["seeds"]) if name.endswith("seed"))
        says = f"{name} {from_to(found['seeds'][name])}"
        yield _cause("seed", name, says, "another draw, not another cause", 0.25)
    if image := found["image"]:
        [name, *_] = sorted(image)
        says = f"image {name} {from_to(image[name])}"
        yield _cause("image", "image", says, "libraries below Python may differ", 0.1, held=True)
    if hardware := found["hardware"]:
        says = ", ".join(f"{name} {from_to(value)}" for name, value in sorted(hardware.items()))
        ground = "floating-point sums may come out otherwise"
        yield _cause("hardware", "hardware", says, ground, 0.08, held=True)


def _version_score(value: Mapping[str, Any], scores: tuple[float, float, float]) -> float:
    if value["old"] is None or value["new"] is None:
        return scores[0]
    parts = [re.findall(r"\d+", str(value[side])) for side in ("old", "new")]
    for at, score in enumerate(scores[:2]):
        if parts[0][at : at + 1] != parts[1][at : at + 1]:
            return score
    return scores[2]


def _functions(entry: Mapping[str, Any]) -> str:
    said = [
        f"{verb}{', '.join(names[:3])}{'' if len(names) <= 3 else f' and {len(names) - 3} more'}"
        for verb, names in (
            ("", entry["functions"]["changed"]),
            ("new ", entry["functions"]["added"]),
            ("without ", entry["functions"]["removed"]),
        )
        if names
    ]
    said += [
        f"its {name} {from_to(entry[name])}" for name in ("version", "function") if name in entry
    ]
    return "; ".join(said)


def _is_held(*roles: str | None) -> bool:
    # What is looked up goes into what is evaluated on, too.
    return any(role in ("holdout", "both", "lookup") for role in roles)
