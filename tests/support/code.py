"""A small pipeline's source, for tests of what its code reaches."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from begat.lineage.recipe import Recipe, recipe

BASE = """
    from helpers import clean

    LIMIT = 15

    def features(frame, window=7):
        return clean(frame) > LIMIT
"""
HELPERS = """
    def clean(frame):
        return frame * scale()

    def scale():
        return 10
"""


def recipe_of(module: ModuleType, **arguments: Any) -> Recipe:
    return recipe(job="flights.features", version=0, function=module.features, arguments=arguments)
