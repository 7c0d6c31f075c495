"""All that is neither data nor code: parameters, packages, Python, image, seeds, hardware.

What differs is `{name: {"old": …, "new": …}}` everywhere; None stands for what a side has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .reading import Reader
from .sides import Side
from .tasks import Task

Difference = dict[str, dict[str, Any]]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], *, all_: bool) -> Difference:
    """What two mappings have under each name, where it differs; with `all_`, everywhere."""
    return {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in sorted({*old, *new})
        if all_ or not same(old.get(name), new.get(name))
    }


def same(old: Any, new: Any) -> bool:
    """Whether two JSON values are equal, and of one type: 1 and 1.0 and True are three values."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def parameters(tasks: Iterable[Task], *, all_: bool) -> Difference:
    """By task and name, `train.estimator.max_iter`."""
    found: Difference = {}
    for task in tasks:
        if task.old is None or task.new is None:
            continue
        digests, shown = task.part("arguments"), task.part("parameters")
        reached = {
            label.partition(": ")[0]
            for side in task.part("functions")
            for label in side
            if ": " in label
        }
        for name in sorted({*digests[0], *digests[1]}):
            equal = digests[0].get(name) == digests[1].get(name)
            if equal and not all_:
                continue
            flat = [dict(_flat(name, side[name])) if name in side else {} for side in shown]
            differing = differences(flat[0], flat[1], all_=all_)
            if not (differing or equal or name in reached):
                # Its type, or what is too long to be shown.
                differing = {name: {"old": shown[0].get(name), "new": shown[1].get(name)}}
            found |= {f"{task.name}.{path}": value for path, value in differing.items()}
    return found


def environment(tasks: Iterable[Task], *, all_: bool) -> Difference:
    """Environment variables that the code names, by digests of their values."""
    found: Difference = {}
    for task in tasks:
        if task.old is not None and task.new is not None:
            found |= differences(*task.part("environment"), all_=all_)
    return found


def seeds(tasks: Iterable[Task], old: Side, new: Side, *, all_: bool) -> Difference:
    """Seeds that were given, and PYTHONHASHSEED; what is derived from them is not said.

    `seed`, or `{task}.seed` where tasks have several, and `pythonhashseed`.
    """
    given = {
        task.name: {"old": task.recipes[0].get("seed"), "new": task.recipes[1].get("seed")}
        for task in tasks
        if task.old is not None and task.new is not None
    }
    pairs = [*given.values()]
    if pairs and all(pair == pairs[0] for pair in pairs):
        given = {"": pairs[0]}
    found: Difference = {
        f"{name}.seed".lstrip("."): pair
        for name, pair in sorted(given.items())
        if all_ or pair["old"] != pair["new"]
    }
    hashing = [side.primary.get("begat_seeds", {}).get("pythonhashseed") for side in (old, new)]
    if None not in hashing:
        found |= differences(
            {"pythonhashseed": hashing[0]}, {"pythonhashseed": hashing[1]}, all_=all_
        )
    return found


def packages(
    tasks: Iterable[Task], old: Side, new: Side, reader: Reader, *, all_: bool
) -> Difference:
    """Installed distributions, each with `used`: whether a task's recipe names it."""
    used: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for task in tasks:
        if task.old is not None and task.new is not None:
            for at, part in enumerate(task.part("packages")):
                used[at].update(part)
    installed = [_installed(side, reader) for side in (old, new)]
    if None in installed:
        first, second = used
    else:
        first, second = ({**known, **own} for known, own in zip(installed, used, strict=True))  # type: ignore[dict-item]  # none is None here
    found = differences(first, second, all_=all_)
    return {
        name: {**value, "used": name in used[0] or name in used[1]} for name, value in found.items()
    }


def python(tasks: Iterable[Task], old: Side, new: Side, *, all_: bool) -> dict[str, Any]:
    """Python's version, `{old, new}`; empty if it is the same."""
    versions = [side.primary.get("begat_packages", {}).get("python") for side in (old, new)]
    if None in versions:
        for task in tasks:
            if task.old is not None and task.new is not None:
                versions = [recipe.get("python") for recipe in task.recipes]
    if all_ or versions[0] != versions[1]:
        return {"old": versions[0], "new": versions[1]}
    return {}


def image(old: Side, new: Side, *, all_: bool) -> Difference:
    """The container image's digest, and what the deployment calls it."""
    return _facet("begat_image", old, new, ("digest", "reference"), all_=all_)


def hardware(old: Side, new: Side, *, all_: bool) -> Difference:
    """Processor, cores, memory, devices and their drivers, and the operating system."""
    found = _facet("begat_hardware", old, new, None, all_=all_)
    return found | _facet("begat_packages", old, new, ("os", "implementation"), all_=all_)


def _facet(
    key: str, old: Side, new: Side, names: tuple[str, ...] | None, *, all_: bool
) -> Difference:
    bodies = [dict(side.primary.get(key, {})) for side in (old, new)]
    if not any(bodies) or not (old.primary and new.primary):
        return {}
    wanted = names or tuple(sorted({*bodies[0], *bodies[1]}))
    first, second = ({name: body.get(name) for name in wanted if name in body} for body in bodies)
    return differences(first, second, all_=all_)


def _installed(side: Side, reader: Reader) -> dict[str, str] | None:
    facet = side.primary.get("begat_packages", {})
    if "distributions" in facet:
        return dict(facet["distributions"])
    if not facet.get("digest"):
        return None
    data = reader.bytes(facet["digest"], f"the list of packages of {side.name}")
    return None if data is None else dict(json.loads(data))


def _flat(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(f"{path}.{key}", part)
    else:
        yield path, value
