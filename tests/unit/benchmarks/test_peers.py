"""Peers do the same work with the same libraries, in environments that can be had again."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from benchmarks import environments, pipelines
from benchmarks.peers import ALL, MAX_ITER, MORE_ITER, Peer

ROOT = Path(__file__).parents[3]
KINDS = sorted({peer.kind for peer in ALL} - {"begat"})
#: What does the work: another version would be other work.
SHARED = {"joblib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy"}


@pytest.mark.parametrize("kind", KINDS)
def test_pinned(kind: str) -> None:
    """Every distribution of an environment has one version."""
    lines = environments.requirements(kind).read_text().splitlines()
    loose = [line for line in lines if not re.fullmatch(r"[\w.\[\]-]+==[\w.]+( ; .+)?", line)]

    assert loose == []


@pytest.mark.parametrize("kind", KINDS)
def test_same_libraries(kind: str) -> None:
    """What does the work has a version that begat is locked to; numpy's goes by Python's."""
    locked = {
        (package["name"], package.get("version"))
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    lines = environments.requirements(kind).read_text().splitlines()
    pinned = {tuple(line.partition(" ;")[0].split("==")) for line in lines}
    shared = {(name, version) for name, version in pinned if name in SHARED}

    assert (shared - locked, {name for name, _ in shared}) == (set(), SHARED)


@pytest.mark.parametrize("peer", ALL, ids=lambda peer: peer.key)
def test_parameter(peer: Peer) -> None:
    """The changed parameter reaches every peer that is measured with it, by command or by file."""
    reaches = str(MORE_ITER) in peer.typed(MORE_ITER) or peer.arrange.__name__ != "_nothing"

    assert reaches or "parameter" not in peer.scenarios
    assert str(MORE_ITER) not in peer.typed(MAX_ITER)


def test_other_work_is_refused() -> None:
    """Figures of a peer that came to other metrics are refused."""
    found = {"bare script": {"roc_auc": 0.7}, "DVC": {"roc_auc": 0.7000001}}

    with pytest.raises(pipelines.DifferentWorkError, match=r"DVC came to .*0\.7000001"):
        pipelines.check_same("cold", found)


def test_same_work() -> None:
    """The last digits may differ: threads add in another order."""
    pipelines.check_same("cold", {"a": {"f1": 0.1}, "b": {"f1": 0.1 + 1e-13}})


@pytest.mark.parametrize(
    ("chosen", "needed"),
    [
        (["noop"], ["cold", "noop"]),
        (["parameter"], ["cold", "twelfth", "parameter"]),
        (["twelfth", "cold"], ["cold", "twelfth"]),
    ],
)
def test_needed(chosen: list[str], needed: list[str]) -> None:
    """A scenario brings along what has to have happened before it."""
    assert pipelines._needed(chosen) == needed
