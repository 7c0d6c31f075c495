"""Where something was trained, beside where it is trained again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..content.store import ArtifactStore
from ..errors import ArtifactError

#: Facet and entry of what is compared beside packages, and what people call it.
_TOLD = (
    ("Python", "begat_packages", "python"),
    ("Python's implementation", "begat_packages", "implementation"),
    ("platform", "begat_packages", "os"),
    ("processor", "begat_hardware", "cpu"),
    ("cores", "begat_hardware", "usable_cores"),
    ("GPUs", "begat_hardware", "gpu"),
    ("CUDA", "begat_hardware", "cuda"),
    ("image", "begat_image", "digest"),
    ("PYTHONHASHSEED", "begat_seeds", "pythonhashseed"),
)

Difference = dict[str, Any]


def distributions(
    facets: Mapping[str, Any], store: ArtifactStore, used: Mapping[str, str]
) -> dict[str, str]:
    """Version by name of what was installed; of what the code used, where that is all there is.

    Args:
        facets: a run's.
        store: has the list of packages, unless it was lost.
        used: what the recipes name.
    """
    said = facets.get("begat_packages", {})
    if "distributions" in said:
        return {**said["distributions"], **used}
    try:
        return {**json.loads(store.read(said.get("digest", ""))), **used}
    except (ArtifactError, ValueError):
        return dict(used)


def differences(
    recorded: Mapping[str, Any],
    present: Mapping[str, Any],
    packages: tuple[Mapping[str, str], Mapping[str, str]],
    used: Mapping[str, str],
) -> list[Difference]:
    """What is another or missing here, what the code uses first.

    Each has `kind` (package, or environment), `name`, `recorded`, `present` (null if it is
    missing), and `used`: whether the code that ran imports it.

    Args:
        recorded: facets of the run that trained.
        present: the same facets, of here.
        packages: version by name, then and now. What is only here now is no difference.
        used: distributions that the recipes name.
    """
    before, now = packages
    found = [
        {
            "kind": "package",
            "name": name,
            "recorded": version,
            "present": now.get(name),
            "used": name in used,
        }
        for name, version in sorted(before.items())
        if now.get(name) != version and name != "begat"
    ]
    return [*sorted(found, key=lambda one: not one["used"]), *_told(recorded, present)]


def _told(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[Difference]:
    for name, facet, entry in _TOLD:
        before, now = (side.get(facet, {}).get(entry) for side in (recorded, present))
        if before and before not in (now, "random"):
            yield {
                "kind": "environment",
                "name": name,
                "recorded": before,
                "present": now or None,
                "used": name == "Python",
            }


def shown(one: Difference) -> str:
    """A difference in one line.

    >>> shown({"kind": "package", "name": "numpy", "recorded": "2.1", "present": None})
    'package numpy 2.1: is not installed'
    >>> shown({"kind": "environment", "name": "cores", "recorded": 8, "present": 2})
    'cores: 2 here, was 8'
    """
    if one["kind"] == "package":
        here = f"{one['present']} here" if one["present"] else "is not installed"
        return f"package {one['name']} {one['recorded']}: {here}"
    here = "nothing is known here" if one["present"] is None else f"{one['present']} here"
    return f"{one['name']}: {here}, was {one['recorded']}"
