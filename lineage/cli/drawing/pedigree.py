"""What a model version, a run or a dataset version stands on, as a drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ...graph.derivation import Derivation, Version
from ..output import moment, short
from . import Drawing, Edge, Kind, Mark, Node

_ROLES = {
    "train": "trained on",
    "holdout": "held out",
    "both": "both trained on and held out",
    "lookup": "looked up",
}


def draw(found: Mapping[str, Any], derived: Derivation, *, registered_by: str = "") -> Drawing:
    """The graph behind what was asked for, one box for each job and each dataset.

    Args:
        found: its pedigree.
        derived: the same, folded.
        registered_by: the run that registered the model version in it, if there is one.
    """
    runs = {run["run_id"]: run for run in (found, *found["tasks"]) if "job" in run}
    roles = Counter(
        (entry["dataset"], entry["role"]) for entry in found["inputs"] if entry["role"] in _ROLES
    )
    nodes = [
        *(_dataset(name, derived, roles) for name in derived.datasets),
        *(
            _job(name, [runs.get(one, {"run_id": one}) for one in derived.jobs[name]])
            for name in derived.jobs
        ),
    ]
    edges = [
        *(
            Edge(source=_data(dataset), target=_task(job), label=_part(read, derived))
            for (dataset, job), read in derived.reads.items()
        ),
        *(Edge(source=_task(job), target=_data(dataset)) for job, dataset in derived.writes),
    ]
    for node, source in _results(found, derived, registered_by):
        nodes.append(node)
        edges += [Edge(source=source, target=node.key)] if source else []
    title, subtitle = _title(found)
    if found["truncated"]:
        subtitle += "; some of its lineage has not arrived: this is not all"
    return Drawing(title=title, subtitle=subtitle, nodes=tuple(nodes), edges=tuple(edges))


def _title(found: Mapping[str, Any]) -> tuple[str, str]:
    if "version" in found:
        return (
            f"{found['model']}@{found['version']}",
            f"registered {moment(found['created_at'])}, model file {short(found['artifact'])}",
        )
    if "job" in found:
        return found["job"], f"run {short(found['run_id'])}, {found['state']}"
    partition = f"[{found['partition']}]" if found["partition"] else ""
    return f"{found['dataset']}{partition}", short(found["digest"])


def _results(
    found: Mapping[str, Any], derived: Derivation, registered_by: str
) -> Iterable[tuple[Node, str]]:
    """What came of it that is not part of what it stands on, and the box that leads there."""
    made_by = {run: _task(job) for job, runs in derived.jobs.items() for run in runs}
    model = found.get("model_version")
    stage = ""
    if "version" in found:
        model, stage = f"{found['model']}@{found['version']}", found["stage"]
    if model:
        lines = (stage,) if stage not in ("", "None") else ()
        node = Node(key=f"model {model}", kind="model", name=model, lines=lines)
        # A flow run that had nothing to do leads to the version that stands.
        yield node, made_by.get(registered_by) or made_by.get(found["run_id"], "")
    known = {(one.dataset, one.digest) for many in derived.datasets.values() for one in many}
    written: dict[str, list[Version]] = {}
    for entry in found.get("writes", ()):
        if (entry["dataset"], entry["digest"]) not in known:
            written.setdefault(entry["dataset"], []).append(
                Version(
                    dataset=entry["dataset"],
                    partition=entry["partition"],
                    digest=entry["digest"],
                    rows=entry["rows"],
                    size=entry["bytes"],
                )
            )
    for dataset, versions in written.items():
        key = f"written {dataset}"  # what it read may have had the same name
        yield _versions(key, "data", dataset, versions), made_by.get(found["run_id"], "")


def _dataset(name: str, derived: Derivation, roles: Mapping[tuple[str, str], int]) -> Node:
    made = any(dataset == name for _, dataset in derived.writes)
    said = [(count, _ROLES[role]) for (dataset, role), count in roles.items() if dataset == name]
    told = ", ".join(
        f"{count:,} {role}" if len(said) > 1 else role
        for count, role in sorted(said, key=lambda one: -one[0])
    )
    return _versions(_data(name), "data" if made else "source", name, derived.datasets[name], told)


def _versions(key: str, kind: Kind, name: str, versions: Iterable[Version], told: str = "") -> Node:
    versions = [*versions]
    single = versions[0] if len(versions) == 1 else None
    partitions = {version.partition for version in versions}
    about = f"{single.partition}  {short(single.digest)}".strip() if single else ""
    return Node(
        key=key,
        kind=kind,
        name=name,
        many=len(versions),
        unit="partition" if len(partitions) == len(versions) else "version",
        lines=tuple(filter(None, (about, _amount(versions), told))),
    )


def _amount(versions: Iterable[Version]) -> str:
    said = []
    for unit, values in (
        ("rows", [version.rows for version in versions]),
        ("bytes", [version.size for version in versions]),
    ):
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            said.append(f"{sum(known):,} {unit}")
    return ", ".join(said)


def _job(name: str, runs: list[Mapping[str, Any]]) -> Node:
    commits = {_commit(run) for run in runs} - {""}
    failed = sum(run.get("state") in ("FAIL", "ABORT") for run in runs)
    marks: dict[Mark, int] = {"failed": failed} if failed else {}
    when = moment(max(run.get("started_at") or "" for run in runs))
    ran = f"run {short(runs[0]['run_id'])}" if len(runs) == 1 else ""
    commit = commits.pop() if len(commits) == 1 else f"{len(commits)} commits" if commits else ""
    return Node(
        key=_task(name),
        kind="task",
        name=name,
        many=len(runs),
        unit="run",
        marks=marks,
        lines=tuple(filter(None, (ran, when, commit))),
    )


def _commit(run: Mapping[str, Any]) -> str:
    about = run.get("code") or run
    if not about.get("commit"):
        return ""
    changed = " with uncommitted changes" if about.get("dirty") else ""
    return f"commit {about['commit'][:10]}{changed}"


def _part(read: frozenset[Version], derived: Derivation) -> str:
    """Which of a dataset's versions are read; empty if all are."""
    [dataset] = {version.dataset for version in read}
    there = len(derived.datasets[dataset])
    if len(read) == there:
        return ""
    only = next(iter(read)).partition if len(read) == 1 else ""
    return only or f"{len(read):,} of {there:,}"


def _task(job: str) -> str:
    return f"task {job}"


def _data(dataset: str) -> str:
    return f"data {dataset}"
