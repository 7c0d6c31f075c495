"""Random generators that belong to one run: derived from its seed and its recipe.

No global generator is touched: threads that run tasks at the same time would take
each other's numbers from it, in another order each time. torch's are the exception, as
its layers know no other: see `pytorch`.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

from ..events import facets

if TYPE_CHECKING:
    import numpy as np

    from .pytorch import Hold

#: The generators, by the library they are of.
_ALGORITHMS = {"numpy": "PCG64", "random": "MT19937", "torch": "MT19937, on GPUs Philox"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeds:
    """Where a run's random numbers come from."""

    #: What the user gave; None if nothing.
    seed: int | None
    #: Library → its generator's seed, below 2**53 so that every JSON reader has it exactly.
    derived: Mapping[str, int]
    #: PYTHONHASHSEED of this process: a number, or `random`.
    pythonhashseed: str

    def generator(self) -> np.random.Generator:
        """A new numpy generator, at its start: the same numbers at each call."""
        import numpy as np

        return np.random.Generator(np.random.PCG64(self.derived["numpy"]))

    def random(self) -> random.Random:
        """A new generator of the standard library, at its start."""
        return random.Random(self.derived["random"])

    def to_facet(self, torch: Hold | None = None) -> facets.Facet:
        """`begat_seeds`.

        Args:
            torch: how torch's generators fared, once that is known.
        """
        return facets.seeds(
            {
                "seed": self.seed,
                "derived": {
                    library: {"generator": _ALGORITHMS[library], "seed": seed}
                    for library, seed in self.derived.items()
                },
                "pythonhashseed": self.pythonhashseed,
                **({"torch": torch.to_json()} if torch else {}),
            }
        )


def derive(seed: int | None, recipe: str, packages: Collection[str] = ()) -> Seeds:
    """The seeds of the run of a recipe: the same for the same two, unrelated for any other.

    Args:
        seed: what the user gave.
        recipe: the recipe's digest.
        packages: distributions that the task uses. torch's generators are seeded if it is
            one of them, or is imported already.
    """
    libraries = [
        library
        for library in _ALGORITHMS
        if library != "torch" or library in packages or library in sys.modules
    ]
    return Seeds(
        seed=seed,
        derived={library: _derive(seed, recipe, library) for library in libraries},
        pythonhashseed=_hash_seed(),
    )


def _hash_seed() -> str:
    # What the variable says now counts only if the interpreter can have read it at its start.
    if not sys.flags.hash_randomization:
        return "0"
    given = "" if sys.flags.ignore_environment else os.environ.get("PYTHONHASHSEED", "")
    return given if given.isdecimal() and int(given) else "random"


def _derive(seed: int | None, recipe: str, library: str) -> int:
    digest = blake3(f"begat seeds 1\n{seed}\n{recipe}\n{library}".encode()).digest(length=8)
    return int.from_bytes(digest, "big") >> 11
