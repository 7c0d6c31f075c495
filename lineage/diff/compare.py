"""The whole diff of two references, as one JSON-safe dict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RefError
from ..graph import nodes
from ..graph.store import Store
from . import causes, circumstances, code, data, holdout, measured, tasks, walk
from .pairing import Change
from .reading import Reader, is_table
from .sides import Side, facets_of, side

if TYPE_CHECKING:
    from ..content.store import ArtifactStore
    from ..graph.connection import Connection

#: Pairs of tables that are compared by default, those first of which more is known to differ.
TABLES = 50
#: Partitions of a task's output among which one is looked for that shows what its code does.
_EFFECTS = 20


def diff(
    store: Store,
    artifacts: ArtifactStore,
    old: str,
    new: str,
    *,
    everything: bool = False,
    limit: int = TABLES,
    folder: Path | None = None,
) -> dict[str, Any]:
    """What differs from `old` to `new`, and what could have moved the metric.

    Args:
        store: where lineage is.
        artifacts: where the bytes lie; what is gone there is told, and the rest compared.
        old: a reference to a model version, a run, or a dataset version.
        new: another.
        everything: also what does not differ.
        limit: how many pairs of tables are read and compared.
        folder: where commits are looked up; the working folder by default.

    Returns:
        `old` and `new` (what was compared), `same` (whether nothing differs), `causes`,
        `job` (of two runs that have another), `holdout`, `metrics`, `slices`,
        `data {added, removed, changed}` of what came in from outside, `derived` the same of what
        was made from it, `code`, `parameters`, `packages`, `python`, `image`, `seeds`,
        `hardware`, `environment`, `notes` (what could not be told, and why) and `truncated`.

    Raises:
        RefError: a reference names nothing, or too much; or one data, and the other a model or run.
        StoreError: the store failed.
    """
    reader = Reader(artifacts=artifacts, limit=limit)
    with store.read() as db:
        sides = side(store, old), side(store, new)
        _check_kinds(*sides)
        only = walk.differing(db, sides[0].start, sides[1].start)
        changed = data.changes(db, only, *sides)
        raw = data.raw_entries(db, changed, only, sides, reader)
        made = data.made_entries(changed, *sides, reader)
        found = _tasks(db, only, sides, everything)
        differing = [task for task in found if task.old is None or not _alike(task)]
        effects = _effects(db, changed, differing, artifacts)
        about = code.code(differing, *sides, reader, folder or Path.cwd())
        for entry in about["tasks"]:
            if entry["task"] in effects:
                entry["effect"] = effects[entry["task"]]
        result = {
            "old": sides[0].to_json(),
            "new": sides[1].to_json(),
            "job": _jobs(*sides),
            "holdout": holdout.holdout(db, *sides, raw, reader),
            "metrics": measured.metrics(sides[0].metrics, sides[1].metrics, all_=everything),
            "slices": measured.slices(sides[0].slices, sides[1].slices, all_=everything),
            "data": raw,
            "derived": made,
            "code": about,
            **_circumstances(found, sides, reader, everything),
            "effects": effects,
        }
        if everything:
            shared = walk.everything(db, sides[1].start) - only.new
            raw["same"] = data.same_entries(db, (n for n in shared if n % 4 == nodes.PRODUCT))
        reader.notes.extend(_silent(db, sides))
    return _concluded(result, _same_model(sides), reader, truncated=only.truncated)


def same_rows(store: Store, artifacts: ArtifactStore, old: Side, new: Side) -> bool:
    """Whether both sides are known to be evaluated on the same rows, with the same truth.

    Raises:
        StoreError: the store failed.
    """
    reader = Reader(artifacts=artifacts, limit=0)
    with store.read() as db:
        only = walk.differing(db, old.start, new.start)
        changed = data.changes(db, only, old, new)
        raw = data.raw_entries(db, changed, only, (old, new), reader)
        return holdout.holdout(db, old, new, raw, reader)["same"] is True


def _check_kinds(old: Side, new: Side) -> None:
    data = [one for one in (old, new) if one.kind == "dataset"]
    if len(data) == 1:
        other = new if data[0] is old else old
        raise RefError(
            f"{data[0].name} is data and {other.name} a {other.kind}; name two versions of data, "
            "or two models or runs"
        )


def _jobs(old: Side, new: Side) -> dict[str, str]:
    """The jobs of two runs, where they are not the same."""
    differ = old.job and new.job and old.job != new.job
    return {"old": old.job, "new": new.job} if differ else {}


def _silent(db: Connection, sides: tuple[Side, Side]) -> Iterator[str]:
    """Which of two runs say nothing of what determined what they did."""
    for one in sides if sides[0].run_id != sides[1].run_id else ():
        runs = [node // 4 for node in one.start.nodes if node % 4 == nodes.RUN]
        if one.job and not any("begat_recipe" in facets_of(db, run) for run in runs):
            yield f"{one.name} says no recipe: its code, parameters and packages are not compared"


def _concluded(
    result: dict[str, Any], same_model: bool, reader: Reader, *, truncated: bool
) -> dict[str, Any]:
    """The diff with what follows from it."""
    listed = causes.causes(_only_differing(result), same_model=same_model)
    del result["effects"]
    head = {key: result.pop(key) for key in ("old", "new")}
    return {
        **head,
        "same": not listed and not any(_differs(value) for value in result.values()),
        "causes": listed,
        **result,
        "notes": reader.said(),
        "truncated": truncated,
    }


def _tasks(
    db: Connection, only: walk.Differing, sides: tuple[Side, Side], everything: bool
) -> list[tasks.Task]:
    if everything:
        return tasks.all_tasks(db, *sides)
    return tasks.differing_tasks(db, only, *sides)


def _alike(task: tasks.Task) -> bool:
    first, second = task.recipes
    return all(circumstances.same(first.get(part), second.get(part)) for part in tasks.PARTS)


def _circumstances(
    found: list[tasks.Task], sides: tuple[Side, Side], reader: Reader, all_: bool
) -> dict[str, Any]:
    return {
        "parameters": circumstances.parameters(found, all_=all_),
        "packages": circumstances.packages(found, *sides, reader, all_=all_),
        "python": circumstances.python(found, *sides, all_=all_),
        "image": circumstances.image(*sides, all_=all_),
        "seeds": circumstances.seeds(found, *sides, all_=all_),
        "hardware": circumstances.hardware(*sides, all_=all_),
        "environment": circumstances.environment(found, all_=all_),
    }


def _effects(
    db: Connection,
    changed: data.Changes,
    differing: list[tasks.Task],
    artifacts: ArtifactStore,
) -> dict[str, Any]:
    """For each task with another recipe, what that did to one partition of its output.

    Of one that read the same on both sides, if there is one; else `mixed`: what it read had
    changed before.
    """
    names = {task.name for task in differing if task.old is not None and task.new is not None}
    candidates: dict[str, list[tuple[bool, Change]]] = {name: [] for name in sorted(names)}
    for change in sorted(changed.made, key=lambda one: one.row["partition"]):
        if change.old is None or change.new is None or not is_table(change.new):
            continue
        job = db.execute(_JOB, {"run": change.new["run"]}).fetchone()
        found = candidates.get("" if job is None else job["name"].rpartition(".")[2])
        if found is not None and len(found) < _EFFECTS and not any(clean for clean, _ in found):
            inputs = [_inputs(db, row["run"]) for row in (change.old, change.new)]
            found.append((inputs[0] == inputs[1], change))
    reader = Reader(artifacts=artifacts, limit=len(names))
    effects: dict[str, Any] = {}
    for name, found in candidates.items():
        for clean, change in sorted(found, key=lambda one: not one[0])[:1]:
            assert change.old is not None, "both are there"
            assert change.new is not None, "both are there"
            told = reader.compare(change.old, change.new)
            effects[name] = {"name": change.name, "mixed": not clean, **told}
    return effects


def _inputs(db: Connection, run: int) -> Any:
    """What a run read, as its recipe says it: without who made it."""
    return facets_of(db, run).get("begat_recipe", {}).get("inputs")


def _same_model(sides: tuple[Side, Side]) -> bool:
    kinds = {side.kind for side in sides}
    return bool(sides[0].digest) and kinds != {"dataset"} and sides[0].digest == sides[1].digest


def _only_differing(result: Mapping[str, Any]) -> dict[str, Any]:
    """The diff without what `everything` added to it: what is the same is no cause."""
    kept = dict(result)
    for key in ("parameters", "packages", "image", "seeds", "hardware", "environment", "metrics"):
        kept[key] = {
            name: value
            for name, value in result[key].items()
            if not circumstances.same(value["old"], value["new"])
        }
    if result["python"] and result["python"]["old"] == result["python"]["new"]:
        kept["python"] = {}
    return kept


def _differs(value: Any) -> bool:
    """Whether a section of the diff says that something is not the same."""
    if isinstance(value, Mapping):
        pair = "old" in value and "new" in value and "delta" not in value
        if pair and not circumstances.same(value["old"], value["new"]):
            return True
        return any(
            _differs(part) for key, part in value.items() if key not in ("same", "old", "new")
        )
    return bool(value) if isinstance(value, list) else False


_JOB = "SELECT j.name FROM run r JOIN job j ON j.id = r.job WHERE r.id = :run"
