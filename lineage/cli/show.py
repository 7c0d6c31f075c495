"""`begat show`: everything behind a model version, a run or a dataset version."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..graph.pedigree import pedigree
from ..graph.resolve import resolve
from ..graph.stages import named
from ..records import DatasetVersion, ModelVersion, RunRef
from ..registry.required import told
from ..workspace import workspace
from .drawing import options
from .output import as_json, console, label, moment, print_json, quarantined, short, store

if TYPE_CHECKING:
    from rich.tree import Tree

    from ..graph.store import Store

_PEOPLE = {"train": "trained on", "holdout": "held out", "both": "both", "lookup": "looked up"}

_ABSENT = {
    "lost": "its bytes were found lost",
    "gone": "its bytes were collected by `begat gc`",
    "purged": "its bytes were purged",
}


@click.command()
@click.argument("ref")
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "mermaid", "dot", "svg"]),
    help="A tree of all there is, or a drawing of its graph; tree if not given.",
)
@options.into
@as_json
def show(ref: str, form: str | None, output: Path | None, as_json: bool) -> None:
    """Show everything that REF stands on.

    REF is a model version (flight-delays@2, flight-delays@latest), a run's id, a dataset's
    partition (flights[month=2013-12]), or a digest; ids and digests may be shortened.
    """
    form = options.chosen(form, output, "tree", as_json=as_json)
    lineage = store()
    of = resolve(lineage, ref)
    found = pedigree(lineage, of)
    if isinstance(of, ModelVersion):
        found["required"] = [item.to_json() for item in told(workspace(), of)]
    if as_json:
        print_json(found)
    elif form != "tree":
        options.put(_drawn(lineage, of, found, form), output)
    elif output is None:
        console().print(_tree(found))
    else:
        options.put(_plain(_tree(found)), output)


def _drawn(
    lineage: Store,
    of: ModelVersion | RunRef | DatasetVersion,
    found: Mapping[str, Any],
    form: str,
) -> str:
    from ..graph.derivation import derivation
    from .drawing import pedigree as folded
    from .drawing import render

    model = found.get("model_version")
    registered = of if isinstance(of, ModelVersion) else resolve(lineage, model) if model else of
    by = registered.producer if isinstance(registered, ModelVersion) else ""
    return render(folded.draw(found, derivation(lineage, of), registered_by=by), form)


def _plain(tree: Tree) -> str:
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, highlight=False, markup=False, soft_wrap=True, width=160).print(tree)
    return page.getvalue()


def _tree(found: Mapping[str, Any]) -> Tree:
    from rich.tree import Tree

    if "version" in found:
        name = f"{found['model']}@{found['version']}"
        tree = Tree(label((name, "bold green"), f"  {_stage(found)}"))
        tree.add(
            f"registered {moment(found['created_at'])} by {found['registered_by']}, "
            f"model file {short(found['artifact'])}"
        )
    elif "job" in found:
        about = f"  {found['state']}  run {short(found['run_id'])}"
        tree = Tree(label((found["job"], "bold"), about))
        times = (moment(found[key]) for key in ("started_at", "ended_at"))
        tree.add(" to ".join(filter(None, times)))
        if found["error"]:
            tree.add(label((found["error"], "red")))
        if found["reuse_of"]:
            tree.add(f"reused run {short(found['reuse_of'])}")
        _references(tree, "read", found["reads"])
        _references(tree, "wrote", found["writes"])
    else:
        tree = Tree(label((_name(found), "bold"), f"  {short(found['digest'])}"))
        if amount := _amount(found):
            tree.add(amount)
        if found["producer"] and not found["tasks"]:
            tree.add(f"made by run {short(found['producer'])}")
        _many(
            tree, "read by", (f"{run['job']}  {short(run['run_id'])}" for run in found["read_by"])
        )
    if absent := found.get("absent"):
        tree.add(label((f"{_ABSENT[absent['state']]} on {absent['since'][:10]}", "yellow")))
    _metrics(tree, found.get("metrics", {}))
    _pictures(tree, found)
    _required(tree, found)
    if found["tasks"]:
        _inputs(tree, found["inputs"])
    _queries(tree, found["queries"])
    _tasks(tree, found["tasks"])
    _circumstances(tree, found)
    if found["truncated"]:
        tree.add(label(("some of its lineage has not arrived: this is not all", "yellow")))
    return tree


def _stage(found: Mapping[str, Any]) -> str:
    return ", ".join([named(found["stage"]), *found["aliases"]])


def _metrics(tree: Tree, metrics: Mapping[str, float | None]) -> None:
    if metrics:
        values = (
            f"{name} {'undefined' if value is None else format(value, '.4f')}"
            for name, value in metrics.items()
        )
        tree.add("metrics  " + "  ".join(values))


def _pictures(tree: Tree, found: Mapping[str, Any]) -> None:
    if names := [one["picture"] for one in found.get("pictures", ()) if one["format"] == "svg"]:
        ref = f"{found['model']}@{found['version']}"
        tree.add(f"pictures  {', '.join(names)}  (begat pictures {ref} --folder DIRECTORY)")


def _required(tree: Tree, found: Mapping[str, Any]) -> None:
    if "required" not in found:
        return
    branch = tree.add("required items")
    for item in found["required"]:
        about = f"  {item['says']}" + (f"; {item['remedy']}" if item["missing"] else "")
        branch.add(label((item["title"], "bold red" if item["missing"] else "bold"), about))


def _inputs(tree: Tree, inputs: list[dict[str, Any]]) -> None:
    """Partitions of one dataset with one role are one line: first, last, how many."""

    def key(entry: Mapping[str, Any]) -> tuple[str, str]:
        return entry["role"] or "", entry["dataset"]

    order = {role: number for number, role in enumerate(_PEOPLE)}
    ranked = sorted(inputs, key=lambda entry: (order.get(entry["role"], 9), *key(entry)))
    for (role, dataset), group in groupby(ranked, key=key):
        entries = sorted(group, key=lambda entry: entry["partition"])
        branch = tree.add(label(f"{_PEOPLE.get(role, 'stands on')}  ", (dataset, "bold")))
        for entry in entries:
            partition = entry["partition"] or "all of it"
            branch.add(f"{partition}  {short(entry['digest'])}  {_amount(entry)}")


def _queries(tree: Tree, found: list[dict[str, Any]]) -> None:
    for entry in found:
        branch = tree.add(label("asked a database  ", (entry["job"], "bold")))
        for line in entry["query"].strip().splitlines():
            branch.add(line)


def _tasks(tree: Tree, tasks: list[dict[str, Any]]) -> None:
    branch = tree.add("made by") if tasks else tree
    first_seen = {task["job"]: at for at, task in reversed(list(enumerate(tasks)))}
    in_order = sorted(tasks, key=lambda task: first_seen[task["job"]])
    for job, group in groupby(in_order, key=lambda task: task["job"]):
        runs = list(group)
        many = f"  {len(runs)} runs" if len(runs) > 1 else ""
        about = branch.add(label((job or "a run that nobody told of", "bold"), many))
        for recipe_runs in _chunks(runs):
            first = recipe_runs[0]
            partitions = [part for run in recipe_runs for part in run["partitions"]]
            about.add(
                "  ".join(
                    filter(
                        None,
                        [
                            f"run {short(first['run_id'])}",
                            _span(partitions),
                            moment(first["started_at"]),
                            _commit(first),
                            quarantined(sum(run["quarantined"] for run in recipe_runs)),
                        ],
                    )
                )
            )


def _chunks(runs: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    # Few runs one by one; of many, those of one commit together.
    if len(runs) <= 3:
        return [[run] for run in runs]
    return [
        list(group) for _, group in groupby(runs, key=lambda run: (run["commit"], run["dirty"]))
    ]


def _circumstances(tree: Tree, found: Mapping[str, Any]) -> None:
    code = found.get("code")
    if code is None or not (found["python"] or code["commit"] or code["sources"]):
        return  # of others' runs nothing of this is known
    where = f" of {code['repository']}" if code["repository"] else ""
    kept = f", sources kept as {short(code['sources'])}" if code["sources"] else ""
    tree.add(f"code  {_commit(code) or 'in no git repository'}{where}{kept}")
    if found["python"]:
        tree.add(
            f"environment  Python {found['python']}, packages {short(found['packages']['digest'])}"
        )
    tree.add(f"image  {found['image']['digest'] or 'none'}")
    if hardware := found["hardware"]:
        ram = hardware.get("ram_bytes", 0) / 2**30
        parts = [f"{hardware.get('cpu')}, {hardware.get('cores')} cores, {ram:.0f} GiB"]
        tree.add("hardware  " + ", ".join([*parts, *hardware.get("gpu", ())]))
    if found["seeds"]:
        tree.add(f"seed  {found['seeds'].get('seed')}")
    _many(tree, "parameters", _flat(found["parameters"]))


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name} = {value}"


def _references(tree: Tree, verb: str, found: list[dict[str, Any]]) -> None:
    _many(tree, verb, (f"{_name(entry)}  {_amount(entry)}" for entry in found))


def _many(tree: Tree, heading: str, lines: Iterable[str]) -> None:
    branch = None
    for line in lines:
        branch = branch or tree.add(heading)
        branch.add(line)


def _name(entry: Mapping[str, Any]) -> str:
    partition = entry.get("partition")
    many = f" ({entry['partitions']} partitions)" if entry.get("partitions") else ""
    return f"{entry['dataset']}[{partition}]" if partition else f"{entry['dataset']}{many}"


def _amount(entry: Mapping[str, Any]) -> str:
    rows, size = entry.get("rows"), entry.get("bytes")
    said = [f"{rows:,} rows"] if rows is not None else []
    return ", ".join([*said, f"{size:,} bytes"] if size is not None else said)


def _span(partitions: list[str]) -> str:
    if len(partitions) < 3:
        return " ".join(partitions)
    return f"{min(partitions)} … {max(partitions)}"


def _commit(code: Mapping[str, Any]) -> str:
    if not code["commit"]:
        return ""
    return f"commit {code['commit'][:10]}" + (" with uncommitted changes" if code["dirty"] else "")
