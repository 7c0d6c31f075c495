"""What a subject of measurement gets and gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from . import places
from .measure import Cost
from .results import Figure

Item = TypeVar("Item")


#: Told what is being done now.
Tell = Callable[[str], None]
#: Measures one subject or more: how many rounds, which of its subjects, whom to tell.
Measures = Callable[[int, Sequence[str], Tell], Mapping[str, Mapping[str, Figure]]]


@dataclass(slots=True)
class Collector:
    """Collects the costs of the rounds into figures."""

    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, name: str, command: str, cost: Cost) -> Figure:
        """One more run of a thing."""
        figure = self.figures.setdefault(name, Figure(command=command))
        figure.cpu.append(cost.cpu)
        figure.wall.append(cost.wall)
        figure.peak.append(cost.peak)
        return figure


def in_turn(rounds: int, items: Sequence[Item]) -> Iterator[tuple[int, Item]]:
    """Each item once a round, so that noise hits all; every other round backwards.

    >>> list(in_turn(2, "ab"))
    [(0, 'a'), (0, 'b'), (1, 'b'), (1, 'a')]
    """
    for number in range(rounds):
        for item in forth_and_back(number, items):
            yield number, item


def forth_and_back(number: int, items: Sequence[Item]) -> Iterable[Item]:
    """The items, in every other round backwards: who comes first is at no advantage."""
    return items if number % 2 == 0 else items[::-1]


def probe(name: str, *arguments: str) -> tuple[str, list[str]]:
    """A probe as the page names it, and as it is run: by begat's own Python."""
    typed = f"python tests/benchmarks/probes/{name} {' '.join(arguments)}".rstrip()
    return typed, [sys.executable, str(places.HERE / "probes" / name), *arguments]
