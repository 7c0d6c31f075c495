"""Answers of the graph as people read them: all runs of a job are one line, so are partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..graph.stages import named
from .output import label, moment, short

if TYPE_CHECKING:
    from rich.tree import Tree

    from ..graph.answer import Asked, Lineage, Node

#: What is missing from an answer, as people say it.
MISSING = {
    "depth": "there is more further away; a larger --depth shows it",
    "stop_at": "there is more behind what --stop-at names",
    "runs": "some runs are known by name only: their events have not arrived",
    "snapshots": "some rows of a snapshot have not arrived",
    "size": "there is more than one answer looks at",
}

Group = tuple[str, str]


def tree(found: Lineage, *, up: bool) -> Tree:
    """The nodes of an answer from its start on, what has been shown already only named."""
    from rich.tree import Tree

    groups: dict[Group, list[Node]] = {}
    group_of: dict[str, Group] = {}
    for node in found.nodes:
        group = _group(node)
        groups.setdefault(group, []).append(node)
        group_of[node.key] = group
    onward: dict[Group, dict[Group, None]] = {}
    for edge in found.edges:
        pair = (edge.child, edge.parent) if up else (edge.parent, edge.child)
        here, there = (group_of.get(key) for key in pair)
        if here and there and here != there:
            onward.setdefault(here, {})[there] = None
    asked = found.asked
    starts = dict.fromkeys(group_of[node.key] for node in found.nodes if not node.depth)
    about = asked.what if len(starts) != 1 else _about(next(iter(starts)), groups)
    also = f"  also known as {', '.join(asked.also_known_as)}" if asked.also_known_as else ""
    root = Tree(label((asked.name, "bold green"), f"  {about}{also}"))
    seen: set[Group] = set()
    for group in (*starts, *groups):
        if group in seen:
            continue
        seen.add(group)
        if len(starts) == 1 and group in starts:
            branch = root
        else:  # behind dots: the way to it is on another page
            dots = "" if group in starts else "… "
            branch = root.add(label(dots, (group[1], "bold"), f"  {_about(group, groups)}"))
        _grow(branch, group, onward, groups, seen)
    return root


def line(node: Node) -> str:
    """One node in words."""
    group = _group(node)
    return f"{group[1]}  {_about(group, {group: [node]})}"


def again(asked: Asked) -> Iterable[str]:
    """That a run's id was used again, one line."""
    if asked.executions:
        yield f"this run id was used more than once; there is also {', '.join(asked.executions)}"


def missing(reasons: Iterable[str], following: str | None) -> Iterable[str]:
    """Why an answer is not all there is, one line each."""
    for reason in reasons:
        if reason in MISSING:
            yield MISSING[reason]
    if following is not None:
        yield f"there is more; go on with --after '{following}'"


def _grow(
    tree: Tree,
    group: Group,
    onward: Mapping[Group, Mapping[Group, None]],
    groups: Mapping[Group, list[Node]],
    seen: set[Group],
) -> None:
    # Not by recursion: a chain of models that begin with one another has hundreds of links.
    todo = [(tree, iter(sorted(onward.get(group, ()))))]
    while todo:
        branch, ahead = todo[-1]
        other = next(ahead, None)
        if other is None:
            todo.pop()
        elif other in seen:
            branch.add(label(other[1], "  (above)"))
        else:
            seen.add(other)
            grown = branch.add(label((other[1], "bold"), f"  {_about(other, groups)}"))
            todo.append((grown, iter(sorted(onward.get(other, ())))))


def _group(node: Node) -> Group:
    if node.kind == "run":
        return node.kind, _text(node, "job") or _text(node, "run_id")
    if node.kind == "model":
        return node.kind, f"{_text(node, 'model')}@{_text(node, 'version')}"
    if node.kind == "column":
        return node.kind, f"{_text(node, 'dataset')}#{_text(node, 'column')}"
    return "version", _text(node, "dataset")


def _about(group: Group, groups: Mapping[Group, list[Node]]) -> str:
    members = groups[group]
    first = members[0]
    if group[0] == "model":
        return ", ".join([named(_text(first, "stage")), *getattr(first, "aliases", ())])
    if group[0] == "run":
        times = sorted(filter(None, (_text(node, "started_at") for node in members)))
        when = moment(times[0]) if times else ""
        if len(members) == 1:
            said = _text(first, "state") or "not heard of"
            return "  ".join(filter(None, [said, f"run {short(_text(first, 'run_id'))}", when]))
        return f"{len(members)} runs  {when} … {moment(times[-1])}" if times else ""
    partitions = sorted({part for node in members if (part := _text(node, "partition"))})
    if len(members) == 1 and first.kind == "snapshot":
        return f"{getattr(first, 'partitions', 0):,} partitions"
    if len(members) == 1:
        made = "" if _text(first, "producer") else "found"
        digest = _text(first, "digest")
        what = short(digest) if digest else "no version is known"
        return "  ".join(filter(None, [*partitions, what, made if digest else ""]))
    if len(partitions) > 1:
        many = f"{len(partitions)} partitions  {partitions[0]} … {partitions[-1]}"
        return many if len(partitions) == len(members) else f"{many}  {len(members)} versions"
    return "  ".join([*partitions, f"{len(members)} versions"])


def _text(node: Node, name: str) -> str:
    return str(getattr(node, name, "") or "")
