"""What determines a task's output: its recipe, and what it did not declare.

`recipe` digests everything that a call's output depends on; `claim` says whose code is
the pipeline's own; `watch` notices the files that a task opens beside its inputs; `explain`
says why two recipes differ.
"""

from . import inherited
from .compose import Prepared, Recipe, digest_of, prepare, recipe
from .explain import explain
from .inputs import Reference, inputs_of
from .opens import Opened, watch
from .party import claim
from .source import running_text

__all__ = [
    "Opened",
    "Prepared",
    "Recipe",
    "Reference",
    "claim",
    "digest_of",
    "explain",
    "inherited",
    "inputs_of",
    "prepare",
    "recipe",
    "running_text",
    "watch",
]
