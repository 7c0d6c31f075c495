"""What the unit tests say of a store in memory holds for one on PostgreSQL as well.

Every test there that is handed a store is run again here, where the fixture of that name
hands out one of PostgreSQL's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from _pytest.fixtures import FixtureFunctionDefinition
from unit.graph import (
    test_bindings,
    test_closure,
    test_derivation,
    test_earlier,
    test_finding,
    test_ingest,
    test_known,
    test_leases,
    test_listing,
    test_pedigree,
    test_pictures,
    test_producers,
    test_queries,
    test_questions,
    test_reaper,
    test_resolve,
    test_sayings,
    test_store,
)
from unit.registry import test_versions

_MODULES = (
    *(
        test_bindings,
        test_closure,
        test_derivation,
        test_earlier,
        test_finding,
        test_ingest,
        test_known,
    ),
    *(
        test_known,
        test_listing,
        test_pedigree,
        test_pictures,
        test_producers,
        test_queries,
        test_questions,
    ),
    *(test_resolve, test_sayings, test_store, test_versions),
    *(test_leases, test_reaper),
)


def contract(module: ModuleType) -> type:
    """A class of a module's tests that are handed a store, and of the fixtures beside them."""
    members: dict[str, object] = {}
    for name, found in vars(module).items():
        if isinstance(found, FixtureFunctionDefinition) and name != "store":
            members[name] = pytest.fixture(method(found._get_wrapped_function()))
        elif name.startswith("test_") and "store" in inspect.signature(found).parameters:
            members[name] = staticmethod(found)
    return type("Test", (), members)


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same in a class, of which it needs nothing."""

    def wrapped(self: object, **given: Any) -> Any:
        return function(**given)

    of_class = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    wrapped.__signature__ = inspect.Signature([of_class, *parameters])  # type: ignore[attr-defined]
    return wrapped


for _module in _MODULES:
    globals()[f"Test_{_module.__name__.rpartition('_')[2]}"] = contract(_module)
