"""Whose a module is: the pipeline's own, begat's, Python's, or another distribution's."""

from __future__ import annotations

import enum
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from . import packages


class Party(enum.Enum):
    """Whose code it is, and so what tells when it changes."""

    #: First-party: its syntax tree.
    OWN = enum.auto()
    #: begat's: a task's own version number.
    BEGAT = enum.auto()
    #: Python's version.
    PYTHON = enum.auto()
    #: Its distribution's version.
    OTHER = enum.auto()


#: Decorators of these distributions say how a function is run, not what it computes.
RUNNERS = frozenset({"airflow", "begat", "prefect"})

#: A user's pipeline that happens to ship with begat.
_DEMO = "begat.flows.flights"
_SITE = ("site-packages", "dist-packages")


#: Modules of the distributions whose pipelines this process has defined.
_claimed: set[str] = set()


def claim(module: str) -> None:
    """Count the code of a module's distribution as first-party: a pipeline is defined in it."""
    if module.partition(".")[0] != "begat":
        _claimed.update(family(module))


class Parties:
    """Tells whose a module is.

    First-party is everything outside site-packages and the standard library, so editable
    installs too, what was claimed, and what is named here.

    Args:
        first_party: further modules, with all inside them.
    """

    def __init__(self, first_party: Iterable[str] = ()) -> None:
        self._named = (*first_party, *_claimed, _DEMO)
        self._known: dict[str, Party] = {}

    def of(self, module: str) -> Party:
        """Whose the module of this name is."""
        party = self._known.get(module)
        if party is None:
            party = self._known[module] = self._find(module)
        return party

    def _find(self, module: str) -> Party:
        if any(module == name or module.startswith(f"{name}.") for name in self._named):
            return Party.OWN
        if module == "__main__":  # a script or notebook, even where a launcher of others runs it
            return Party.OWN
        top = module.partition(".")[0]
        if top == "begat":
            return Party.BEGAT
        if top.startswith("_cython_"):  # where Cython keeps the types of its functions
            return Party.PYTHON
        path = location(module)
        if path is None:
            known = top in sys.stdlib_module_names or top in sys.builtin_module_names
            return Party.PYTHON if known else Party.OWN
        if is_site(path) or _installed_beside(path, top):
            return Party.OTHER
        return Party.PYTHON if is_python(path) else Party.OWN


def family(module: str) -> tuple[str, ...]:
    """The installed distribution that a module belongs to, as names of all its modules.

    Only the module's own top-level name where no distribution has it.
    """
    top = module.partition(".")[0]
    if location(module) is None or top in sys.stdlib_module_names:
        return ()
    return packages.siblings(top) or (top,)


def location(module: str) -> str | None:
    """The file or folder of a module; None where it has none, as in a notebook."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return _found(module.partition(".")[0])
    file = getattr(loaded, "__file__", None)
    if file is None:
        file = next(iter(getattr(loaded, "__path__", ())), None)
    return os.path.abspath(file) if isinstance(file, str) else None


def distribution_module(module: str) -> str:
    """The shortest name that tells a module's distribution: all of it in a shared namespace."""
    top = module.partition(".")[0]
    found = location(top)
    return top if found is not None and os.path.isfile(found) else module


def is_site(path: str) -> bool:
    """Whether a path lies where distributions are installed."""
    return any(f"{os.sep}{name}{os.sep}" in path for name in _SITE) or path.startswith(_installed())


def is_python(path: str) -> bool:
    """Whether a path lies in the standard library."""
    return path.startswith(_standard()) and not is_site(path)


def _installed_beside(path: str, top: str) -> bool:
    """Whether a distribution was installed into the module's own folder (`pip --target`)."""
    folder = Path(path[: path.rfind(f"{os.sep}{top}")])
    return any(d.folder.parent == folder and d.owns(top) for d in packages.installed().values())


def is_beside(path: str) -> bool:
    """Whether a file is a distribution's that lies where it was told to (`pip --target`)."""
    for folder, found in _targets().items():
        if path.startswith(folder + os.sep):
            top = path[len(folder) + 1 :].partition(os.sep)[0]
            return any(top == d.folder.name or d.owns(top) for d in found)
    return False


@cache
def _targets() -> dict[str, list[packages.Distribution]]:
    """Distributions by the folder they lie in."""
    found: dict[str, list[packages.Distribution]] = {}
    for distribution in packages.installed().values():
        found.setdefault(os.path.abspath(distribution.folder.parent), []).append(distribution)
    return found


@cache
def _installed() -> tuple[str, ...]:
    return _folders("purelib", "platlib")


@cache
def _standard() -> tuple[str, ...]:
    version = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return (*_folders("stdlib", "platstdlib"), os.path.join(sys.base_prefix, "lib", version))


def _folders(*schemes: str) -> tuple[str, ...]:
    paths = [sysconfig.get_path(scheme) for scheme in schemes]
    return tuple({p + os.sep for path in paths if path for p in (path, os.path.realpath(path))})


@cache
def _found(top: str) -> str | None:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.has_location and spec.origin:
        return os.path.abspath(spec.origin)
    return next(iter(spec.submodule_search_locations or ()), None)
