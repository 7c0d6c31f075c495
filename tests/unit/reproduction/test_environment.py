"""Where something was trained, beside where it is trained again."""

from __future__ import annotations

from typing import Any

from begat.lineage.content.memory import MemoryStore
from begat.lineage.reproduction.environment import differences, distributions, shown


def facets(**packages: Any) -> dict[str, Any]:
    return {
        "begat_packages": {"python": "3.12.1", "os": "Linux 6", **packages},
        "begat_hardware": {"usable_cores": 8},
        "begat_seeds": {"pythonhashseed": "random"},
    }


def test_packages() -> None:
    """Another version and a missing distribution are named, what is only here now is not."""
    before = {"a": "1", "b": "1", "c": "1", "begat": "0.1"}
    now = {"a": "2", "c": "1", "d": "1", "begat": "0.2"}

    found = differences(facets(), facets(), (before, now), {"b": "1"})

    assert [shown(one) for one in found] == [
        "package b 1: is not installed",  # used, and so the first
        "package a 1: 2 here",
    ]


def test_machine() -> None:
    """Python, platform, cores, image and a fixed PYTHONHASHSEED are named; a random one is not."""
    here = facets(python="3.13.0", os="Linux 7")
    here["begat_hardware"] = {"usable_cores": 2}
    recorded = facets() | {"begat_image": {"digest": "sha256:ab"}}

    found = differences(recorded, here, ({}, {}), {})

    assert [shown(one) for one in found] == [
        "Python: 3.13.0 here, was 3.12.1",
        "platform: Linux 7 here, was Linux 6",
        "cores: 2 here, was 8",
        "image: nothing is known here, was sha256:ab",
    ]


def test_list_of_packages_is_lost() -> None:
    """Without the list of packages, those that the recipes name are what was installed."""
    store = MemoryStore()
    digest = store.write(b'{"numpy":"2.1","rich":"14"}')

    assert distributions(facets(digest=digest), store, {"numpy": "2.1"}) == {
        "numpy": "2.1",
        "rich": "14",
    }
    gone = facets(digest="blake3:" + "0" * 64)
    assert distributions(gone, store, {"numpy": "2.1"}) == {"numpy": "2.1"}
