"""What leads code to other code or to the environment by names that syntax need not spell."""

from __future__ import annotations

import builtins
import importlib
import os
import runpy
import sys
from typing import TYPE_CHECKING

from . import environment

if TYPE_CHECKING:
    from .scopes import Scope
    from .uses import Use

_IMPORTERS = (importlib.import_module, importlib.__import__, builtins.__import__)
#: What it is, and the end of a sentence that says why it tells nothing by itself.
_WHY: tuple[tuple[object, str], ...] = (
    (os.environ, "is the whole environment"),
    (getattr(os, "environb", os.environ), "is the whole environment"),
    *((reader, "reads any environment variable") for reader in environment.READERS),
    (os.path.expandvars, "reads any environment variable"),
    *((importer, "imports any module") for importer in _IMPORTERS),
    (sys.modules, "holds every module"),
    (builtins.globals, "holds every global"),
    (builtins.eval, "runs code that nothing else tells"),
    (builtins.exec, "runs code that nothing else tells"),
    (runpy.run_module, "runs code that nothing else tells"),
    (runpy.run_path, "runs code that nothing else tells"),
)
_BY_ID = {id(value): why for value, why in _WHY}
_INSIDE = {
    id(module): frozenset(name for name in names if id(getattr(module, name, None)) in _BY_ID)
    for module, names in (
        (builtins, ("__import__", "eval", "exec", "globals")),
        (importlib, ("__import__", "import_module")),
        (os, ("environ", "environb", "getenv", "getenvb")),
        (os.path, ("expandvars",)),
        (runpy, ("run_module", "run_path")),
        (sys, ("modules",)),
    )
}
#: Names of the modules that hold these.
MODULES = frozenset({"builtins", "importlib", "os", "runpy", "sys"})
#: Those that are there without an import.
BUILTINS = _INSIDE[id(builtins)]


def why(value: object) -> str | None:
    """Why a value says nothing of what it leads to; None for all others."""
    return _BY_ID.get(id(value))


def inside(module: object) -> frozenset[str]:
    """The names of such values in a module."""
    return _INSIDE.get(id(module), frozenset())


def imports(value: object) -> bool:
    """Whether a value is one of those that import by a name."""
    return any(value is importer for importer in _IMPORTERS)


def reads_environment(value: object) -> bool:
    """Whether a value is the environment or reads it."""
    readers = (*environment.READERS, os.path.expandvars)
    return environment.is_environment(value) or any(value is reader for reader in readers)


def module_named(use: Use, scope: Scope) -> str | None:
    """The absolute name of the module that a call imports; None for a computed one."""
    if use.how != "call":
        return None
    name = scope.text(use.key) if isinstance(use.key, tuple) else use.key
    return None if not name or name.startswith(".") else name
