"""What determines a task's output: its recipe, and what it did not declare.

`recipe` digests everything that a call's output depends on; `watch` notices the files
that it opens beside that; `explain` says why two recipes differ.
"""

from .compose import Prepared, Recipe, digest_of, prepare, recipe
from .explain import explain
from .inputs import Reference, inputs_of
from .opens import Opened, watch

__all__ = [
    "Opened",
    "Prepared",
    "Recipe",
    "Reference",
    "digest_of",
    "explain",
    "inputs_of",
    "prepare",
    "recipe",
    "watch",
]
