"""What could have moved the metric, the likeliest first, each with the ground it stands on.

What makes the two numbers incomparable comes before what could have moved one. What has the
same digest on both sides is no cause. The rest is ranked by a score between 0 and 1, a prior
and no proof:

| cause | score |
|---|---|
| data changed | 0.05 + 0.9 of how far that column moved that moved farthest (`moves`) |
| the same, where the target changed; where a column came or went | 0.59; 0.77 at least |
| the same, where it cannot be read | 0.5 |
| a partition more or less | the same of what moved beyond what is usual, 0.15 at least |
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
from .words import column_line, counted, deviations, entry_name, from_to, last_name

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
_ROLES = {
    "train": "trained on",
    "holdout": "evaluated on",
    "both": "trained and evaluated on",
    "lookup": "looked up in prepare",
    None: "read",
}

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
        *_code(found, target),
        *_parameters(found, target),
        *_rest(found),
    ]
    if not listed and any(value["delta"] for value in found["metrics"].values()):
        says = "the same data, code and parameters gave another metric"
        ground = "nothing that is recorded differs: threads, or a library's own randomness"
        listed = [_cause("noise", "run to run", says, ground, 0.5)]
    for cause in listed:
        held = cause.pop("held")
        cause["possible"] = not same_model or held or cause["kind"] in ("holdout", "metric")
        if not cause["possible"]:
            cause["ground"] = "not this: the model file is the same, byte for byte"
    listed.sort(key=_rank)
    return [{"rank": rank, **cause} for rank, cause in enumerate(listed, start=1)]


def _rank(cause: Cause) -> tuple[Any, ...]:
    kind = KINDS.index(cause["kind"])
    return (not cause["possible"], -cause["score"], kind, cause["what"])


def _cause(
    kind: str, what: str, says: str, ground: str, score: float, *, held: bool = False
) -> Cause:
    return {
        "kind": kind,
        "what": what,
        "says": says,
        "ground": ground,
        "score": round(min(1.0, score), 4),
        "held": held,
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
        if entry["task"] == "evaluate":
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
                "none of them moved farther than those named",
                rest[0]["score"] - 0.0001,
                held=any(cause["held"] for cause in rest),
            )


def _partition_rank(cause: Cause) -> tuple[Any, ...]:
    return (-cause["score"], cause["what"])


def _changed(entry: Mapping[str, Any], target: str) -> Cause:
    says, strength = _moved(entry, target)
    return _cause(
        "data",
        entry_name(entry),
        says,
        f"{_ROLES[entry['role']]}; {counted(entry)}",
        0.05 + 0.9 * strength,
        held=_is_held(entry["role"], entry["role_before"]),
    )


def _moved(entry: Mapping[str, Any], target: str) -> tuple[str, float]:
    """What is said of a changed partition, and how far it moved, between 0 and 1."""
    name = entry_name(entry)
    said = [f"{name} changed"]
    strength = 0.0
    schema = entry.get("schema", {})
    for kind, verb in (("added", "has a new column"), ("removed", "lost the column")):
        if schema.get(kind):
            said.append(f"{verb} {', '.join(schema[kind][:3])}")
            strength = 0.8
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
            strength = max(strength, 0.5)
    for expectation in entry["quality"]["expectations"]:
        met = "is met now" if expectation["new"] else "is not met any more"
        said.append(f"{expectation['assertion']} of {expectation['column']} {met}")
    return "; ".join(said), strength


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
        max(0.15, 0.05 + 0.9 * strength),
        held=_is_held(entry["role"]),
    )


def _code(found: Mapping[str, Any], target: str) -> Iterator[Cause]:
    for entry in found["code"]["tasks"]:
        if entry["task"] == "evaluate":
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
        if task == "evaluate" or (name == "seed" and seeds):
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
            ground or "a parameter of the model",
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
