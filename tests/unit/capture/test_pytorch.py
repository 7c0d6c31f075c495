"""torch's global generators, in runs that follow, nest and overlap each other."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from begat import lineage
from begat.lineage import plain
from begat.lineage.capture import pytorch, seeds
from support.recorder import Recorder
from support.torches import Torch


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Torch:
    """A torch that is imported."""
    found = Torch()
    monkeypatch.setitem(sys.modules, "torch", found)
    return found


def drawn(torch: Torch, seed: int, count: int = 2) -> list[float]:
    """The numbers that a run of this seed draws."""
    with pytorch.seeded(seed):
        return [torch.rand() for _ in range(count)]


def test_a_seed_has_its_numbers(torch: Torch) -> None:
    """The same seed gives the same numbers, whatever was drawn before; another gives others."""
    one = drawn(torch, 3)
    torch.rand()

    assert drawn(torch, 3) == one
    assert drawn(torch, 4) != one


@pytest.mark.parametrize("started", [False, True])
def test_generators_go_on_afterwards(torch: Torch, started: bool) -> None:
    """Outside, the generators of processor and GPUs give what they would have given."""
    torch.cuda.started = started
    gpu = torch.cuda.generators[0]
    torch.generator.seed(5)
    gpu.seed(6)
    expected = [torch.rand(), torch.rand()], gpu.random()
    torch.generator.seed(5)
    gpu.seed(6)
    first = torch.rand()
    drawn(torch, 3)

    assert [first, torch.rand()] == expected[0]
    assert (gpu.random() == expected[1]) == started  # CUDA that never started has no state


def test_switches_hold_inside_only(torch: Torch) -> None:
    """Inside cuDNN takes deterministic algorithms, also where the code fails; then as before."""
    inside = []

    def fail() -> None:
        with pytorch.seeded(1) as hold:
            inside.append((torch.switches.deterministic, torch.switches.benchmark, hold))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    [(deterministic, benchmark, hold)] = inside

    assert (deterministic, benchmark) == (True, False)
    assert (torch.switches.deterministic, torch.switches.benchmark) == (False, True)
    assert hold is not None
    assert hold.to_json() == {
        "shared": False,
        "deterministic_algorithms": False,
        "cudnn_deterministic": True,
        "cudnn_benchmark": False,
    }


def test_what_the_code_switched_is_told(torch: Torch) -> None:
    """What was in force at the end is told, not what begat had set."""
    with pytorch.seeded(1) as hold:
        torch.switches.benchmark = True

    assert hold is not None
    assert hold.cudnn_benchmark


def test_nested_runs_have_their_own_numbers(torch: Torch) -> None:
    """A run inside a run draws what it would draw alone, and takes nothing from the outer one."""
    alone, expected = drawn(torch, 4), drawn(torch, 3)
    with pytorch.seeded(3) as outer:
        first = torch.rand()
        inner = drawn(torch, 4)
        second = torch.rand()

    assert inner == alone
    assert [first, second] == expected
    assert outer is not None
    assert not outer.shared


def test_runs_at_once_say_that_they_share(torch: Torch) -> None:
    """Who comes second does not disturb the first, both say so, and all is put back at the end."""
    state = torch.get_rng_state()
    begun, done = threading.Event(), threading.Event()
    other: list[pytorch.Hold | None] = []

    def second() -> None:
        with pytorch.seeded(4) as hold:
            other.append(hold)
            begun.set()
            done.wait(60)

    with pytorch.seeded(3) as first:
        thread = threading.Thread(target=second)
        thread.start()
        begun.wait(60)
        number = torch.rand()
    inside = torch.switches.deterministic  # the second one still runs
    done.set()
    thread.join()

    assert [hold is not None and hold.shared for hold in (first, *other)] == [True, True]
    assert [number] == drawn(torch, 3, 1)
    assert inside
    assert (torch.get_rng_state(), torch.switches.deterministic) == (state, False)


def test_a_torch_that_fails_stops_nothing(
    torch: Torch, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torch of another mind is warned of, and the run goes on."""

    def refuse(seed: int) -> None:
        raise RuntimeError(f"no {seed}")

    monkeypatch.setattr(torch, "manual_seed", refuse)
    with caplog.at_level(logging.WARNING, "begat"), pytorch.seeded(3):
        number = torch.rand()

    assert number
    assert "torch cannot be seeded: RuntimeError: no 3" in caplog.text
    assert not pytorch._holds
    assert not pytorch._undo


def test_a_torch_that_cannot_be_imported_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code itself fails at its import, not begat before it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytorch.seeded(3) as hold:
        pass

    assert hold is None


def test_torch_has_a_seed_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed is derived for torch if the task's packages or the process have it."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    without, declared = seeds.derive(1, "r"), seeds.derive(1, "r", {"torch": "2.3.1"})
    monkeypatch.setitem(sys.modules, "torch", Torch())
    imported = seeds.derive(1, "r")

    assert "torch" not in without.derived
    assert declared == imported
    assert {**without.derived, "torch": 7513904523820011} == declared.derived


def sample() -> float:
    """A number of torch's; never reused."""
    lineage.current().not_reusable("is what this test runs twice")
    found: Any = sys.modules["torch"]
    number: float = found.rand()
    return number


def ended(recorder: Recorder) -> list[Mapping[str, Any]]:
    """`begat_seeds` at the end of each task run."""
    return [
        event["run"]["facets"]["begat_seeds"]
        for event in recorder.of("noise.sample", "COMPLETE")
        if "begat_seeds" in event["run"]["facets"]
    ]


def test_a_task_draws_the_same_numbers_again(recorder: Recorder, torch: Torch) -> None:
    """Two runs of one recipe draw the same, what the global generator did between is no matter."""
    task = plain.task(sample)
    numbers = []
    for _ in range(2):
        with plain.flow("noise"):
            torch.generator.seed()
            numbers.append(task())
    one, other = ended(recorder)

    assert numbers[0] == numbers[1]
    assert one == other
    assert one["torch"]["cudnn_deterministic"]
    assert one["derived"]["torch"]["generator"] == "MT19937, on GPUs Philox"
