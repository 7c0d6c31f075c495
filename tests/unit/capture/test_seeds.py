"""Random generators that belong to one run."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.capture import seeds
from begat.lineage.events import run_event
from begat.lineage.records import Caller, RunRef
from support.openlineage import Specification

ONE = "blake3:" + "1" * 64
OTHER = "blake3:" + "2" * 64


def test_a_run_has_the_same_numbers_for_ever() -> None:
    """The same seed and recipe give the same numbers in every process and version of begat."""
    found = seeds.derive(42, ONE)

    assert found.derived == {"numpy": 2083184242366784, "random": 4404814415122081}
    assert found.generator().integers(1000, size=3).tolist() == [874, 891, 850]
    assert found.random().choices(range(1000), k=2) == [748, 462]


@pytest.mark.parametrize(("seed", "recipe"), [(43, ONE), (42, OTHER), (None, ONE)])
def test_another_seed_or_recipe_has_other_numbers(seed: int | None, recipe: str) -> None:
    """Neither two seeds nor two recipes share their numbers."""
    one, other = seeds.derive(42, ONE), seeds.derive(seed, recipe)

    assert set(one.derived.values()).isdisjoint(other.derived.values())
    assert one.generator().random() != other.generator().random()
    assert one.random().random() != other.random().random()


@given(st.none() | st.integers(), st.text())
def test_seeds_are_exact_in_json(seed: int | None, recipe: str) -> None:
    """Every derived seed is a number that all JSON readers have exactly."""
    derived = seeds.derive(seed, recipe).derived

    assert all(0 <= value < 2**53 for value in derived.values())
    assert derived["numpy"] != derived["random"]


def test_global_generators_are_not_touched() -> None:
    """Deriving and drawing takes no number from numpy's or Python's own generators."""
    before = random.getstate(), np.random.get_state()[1].tolist()
    found = seeds.derive(1, ONE)
    found.generator().random()
    found.random().random()

    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_the_facet_says_every_librarys_seed(official: Specification) -> None:
    """Seed, generators by library and the hash seed are told, also without a seed."""
    found = seeds.derive(None, ONE)
    facet = found.to_facet()
    caller = Caller(
        run=RunRef(run_id="0" * 8 + "-0000-7000-8000-" + "0" * 12, namespace="b", job="t")
    )

    assert facet["seed"] is None
    assert facet["derived"]["numpy"] == {"generator": "PCG64", "seed": found.derived["numpy"]}
    assert facet["derived"]["random"] == {"generator": "MT19937", "seed": found.derived["random"]}
    official.validate(
        run_event(
            "START", caller=caller, time="2025-01-31T12:00:00Z", run_facets={"begat_seeds": facet}
        )
    )


@pytest.mark.parametrize(
    ("given", "flags", "expected"),
    [
        ("0", [], "0"),
        ("17", [], "17"),
        ("random", [], "random"),
        (None, [], "random"),
        ("17", ["-I"], "random"),
    ],
)
def test_the_hash_seed_is_the_interpreters(
    given: str | None, flags: list[str], expected: str
) -> None:
    """PYTHONHASHSEED is told as the interpreter took it at its start."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    code = "from begat.lineage.capture import seeds; print(seeds.derive(1, '').pythonhashseed)"
    found = subprocess.run(
        [sys.executable, *flags, "-c", code],
        env=environment | ({"PYTHONHASHSEED": given} if given else {}),
        check=True,
        capture_output=True,
        text=True,
    )

    assert found.stdout.strip() == expected


def test_a_hash_seed_set_too_late_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zero that was set in a running process, which randomises, is not believed."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    expected = "random" if sys.flags.hash_randomization else "0"

    assert seeds.derive(1, ONE).pythonhashseed == expected
