"""Laws of reuse, over random small pipelines of pure tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from begat import lineage
from begat.lineage import plain
from begat.lineage.content.memory import MemoryStore
from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.settings import Settings
from begat.lineage.tracking import Tracked
from begat.lineage.workspace import Workspace, using

# The tasks: each returns the same for the same content.


def listed(*values: Any) -> list[Any]:
    """All values."""
    return [*values]


def named(*values: Any) -> dict[str, Any]:
    """The values by names that are in no order."""
    return {f"{len(values) - i}": value for i, value in enumerate(values)}


def parity(*values: Any) -> int:
    """Almost nothing of the values: where they change, this often does not."""
    return len(content(values)) % 2


def written(*values: Any, partition: str) -> DatasetVersion:
    """The values as bytes."""
    return lineage.write(content(values).encode(), "written", partition=partition)


def content(value: Any) -> str:
    """What a value says, with the bytes of references in place of them."""
    if isinstance(value, DatasetVersion):
        return f"<{lineage.read(value).decode()}>"
    if isinstance(value, Snapshot):
        return "|".join(f"{part.partition} {content(part)}" for part in value.versions)
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(content, value))})"
    if isinstance(value, dict):
        return ",".join(f"{key}: {content(part)}" for key, part in value.items())
    return repr(value)


# A pipeline: steps that take leaves and the results of earlier steps.


@dataclass(frozen=True)
class Step:
    """One call: a task, and where its arguments come from (negative: leaves)."""

    task: Callable[..., Any]
    takes: tuple[int, ...]
    #: Whether references among the arguments come as one snapshot.
    gathers: bool = False


@dataclass(frozen=True)
class Program:
    """Steps in order, over some leaves."""

    steps: tuple[Step, ...]

    def run(self, leaves: Sequence[Any]) -> tuple[list[str], list[int]]:
        """What each step's result says, and which steps did work."""
        results: list[Any] = []
        executed = []
        with plain.flow("law"):
            for number, step in enumerate(self.steps):
                values = [results[i] if i >= 0 else leaves[-1 - i] for i in step.takes]
                outcome = plain.run(
                    Tracked(function=step.task, name=f"step{number}"),
                    *(gathered(values) if step.gathers else values),
                    **({"partition": f"p={number}"} if step.task is written else {}),
                )
                results.append(outcome.value)
                if not outcome.reused:
                    executed.append(number)
            return [content(result) for result in results], executed

    def arguments(self, said: Sequence[str], leaves: Sequence[Any]) -> list[tuple[str, ...]]:
        """What each step is given."""
        return [
            tuple(said[i] if i >= 0 else content(leaves[-1 - i]) for i in step.takes)
            for step in self.steps
        ]


def gathered(values: Sequence[Any]) -> list[Any]:
    """The dataset versions among the values as one snapshot, and the other values."""
    parts = {value.partition: value for value in values if isinstance(value, DatasetVersion)}
    rest = [value for value in values if not isinstance(value, DatasetVersion)]
    if not parts:
        return rest
    return [Snapshot(versions=tuple(parts[key] for key in sorted(parts))), *rest]


LEAVES = 3
leaf = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.text(max_size=2) | st.integers(0, 2), inner, max_size=2)
    ),
    max_leaves=4,
).filter(lambda value: "\\x00" not in repr(value))
all_leaves = st.lists(leaf, min_size=LEAVES, max_size=LEAVES)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Up to seven steps, each of earlier ones and leaves."""
    steps = []
    for number in range(draw(st.integers(1, 7))):
        takes = draw(st.lists(st.integers(-LEAVES, number - 1), min_size=1, max_size=3))
        task = draw(st.sampled_from([listed, named, parity, written]))
        steps.append(Step(task, tuple(takes), gathers=draw(st.booleans())))
    return Program(tuple(steps))


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """A workspace in memory in which nothing has happened yet."""
    space = Workspace(Settings(home=folder, store="sqlite://", artifacts="memory"))
    vars(space)["artifacts"] = MemoryStore()
    with using(space):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with nothing in it."""
    return tmp_path_factory.mktemp("law")


@tuned(max_examples=40)
@given(program=programs(), leaves=all_leaves)
def test_the_same_program_again_does_nothing(
    folder: Path, program: Program, leaves: list[Any]
) -> None:
    """A second run reuses every step and comes to the same results."""
    with fresh(folder):
        first, executed = program.run(leaves)
        second, again = program.run(leaves)

    assert (executed, again, second) == ([*range(len(program.steps))], [], first)


@tuned(max_examples=40)
@given(program=programs(), leaves=all_leaves, at=st.integers(0, LEAVES - 1), value=leaf)
def test_a_changed_leaf_reruns_what_it_changes(
    folder: Path, program: Program, leaves: list[Any], at: int, value: Any
) -> None:
    """Exactly the steps whose own arguments changed run again, and come to what is right."""
    changed = [*leaves[:at], value, *leaves[at + 1 :]]
    assume(content(value) != content(leaves[at]))
    with fresh(folder):
        before, _ = program.run(leaves)
        after, executed = program.run(changed)
        back, again = program.run(leaves)
    with fresh(folder):
        anew, _ = program.run(changed)
    given_before = program.arguments(before, leaves)
    given_after = program.arguments(after, changed)
    stale = [
        number
        for number, both in enumerate(zip(given_before, given_after, strict=True))
        if both[0] != both[1]
    ]

    assert (after, executed, back, again) == (anew, stale, before, [])


def test_the_laws_are_about_something(folder: Path) -> None:
    """Early cut-off happens: a changed leaf reruns its reader and not what comes after."""
    program = Program((Step(parity, (-1,)), Step(written, (0,)), Step(listed, (1, -2))))
    with fresh(folder):
        program.run([11, 5, 5])
        _, executed = program.run([33, 5, 5])

    assert executed == [0]
