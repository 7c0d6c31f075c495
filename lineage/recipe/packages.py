"""From imported modules to the versions of their distributions, and of theirs.

Reads the metadata of only those, straight from the `*.dist-info` folders:
`importlib.metadata` parses a mail message for each.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from . import markers

#: What begat's own tasks use, and so what their output depends on beside their version.
BEGAT_USES = ("numpy", "pandas", "pyarrow", "sklearn", "skops")

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?", re.ASCII)

#: A module's file in a RECORD: `name.py`, `name/….py`, `name.cpython-311-….so`.
_MODULE = re.compile(rb"^([A-Za-z_]\w*)(?:/[^,\n]*|\.[\w-]+)?\.(?:py|so|pyd)\b", re.M)


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """An installed distribution, by its `*.dist-info` folder."""

    #: Normalized: lower case, single hyphens.
    name: str
    version: str
    folder: Path

    def requirements(self, extras: Iterable[str] = ()) -> list[tuple[str, tuple[str, ...]]]:
        """Names and extras of what it requires here, with these of its extras."""
        wanted = ("", *extras)
        found = []
        for line in _headers(self.folder / "METADATA"):
            if not line.startswith("Requires-Dist:"):
                continue
            match = _REQUIREMENT.match(line.partition(":")[2])
            if match and any(markers.holds(match[4] or "", extra=extra) for extra in wanted):
                asked = tuple(
                    normalized(e.strip()) for e in (match[2] or "").split(",") if e.strip()
                )
                found.append((normalized(match[1]), asked))
        return found

    def owns(self, module: str) -> bool:
        """Whether its files are, or lie in, this module."""
        path = module.replace(".", "/")
        return re.search(rf"^{re.escape(path)}(?:/|\.)".encode(), self._record(), re.M) is not None

    def modules(self) -> tuple[str, ...]:
        """The top-level modules it installed."""
        tops = re.findall(_MODULE, self._record())
        return tuple(sorted({top.decode() for top in tops}))

    def _record(self) -> bytes:
        try:
            return (self.folder / "RECORD").read_bytes()
        except OSError:
            return b""


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares them.

    >>> normalized("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def installed() -> Mapping[str, Distribution]:
    """Every installed distribution by normalized name, from the folders' names alone."""
    found: dict[str, Distribution] = {}
    for entry in sys.path:
        try:
            folders = sorted(os.listdir(entry or "."))
        except OSError:
            continue
        for folder in folders:
            if folder.endswith(".dist-info"):
                name, _, version = folder.removesuffix(".dist-info").rpartition("-")
                key = normalized(name)
                found.setdefault(
                    key, Distribution(name=key, version=version, folder=Path(entry, folder))
                )
    return MappingProxyType(found)


@cache
def distributions_of(module: str) -> tuple[str, ...]:
    """The distributions that a module comes from: several only for a shared namespace."""
    top = module.partition(".")[0]
    guess = installed().get(normalized(top))
    if guess is not None and guess.owns(module):
        return (guess.name,)
    owners = [d for d in installed().values() if d.owns(top)]
    if len(owners) > 1:
        owners = [d for d in owners if d.owns(module)] or owners
    return tuple(d.name for d in owners)


@cache
def siblings(module: str) -> tuple[str, ...]:
    """All top-level modules of the distribution that a top-level module comes from."""
    return tuple(
        sorted({m for name in distributions_of(module) for m in installed()[name].modules()})
    )


@lru_cache(maxsize=256)
def versions(modules: frozenset[str]) -> Mapping[str, str]:
    """Version by distribution: of these modules, and of all that they require.

    A module that no distribution has answers for itself, by its `__version__` if any.
    """
    found: dict[str, str] = {}
    todo: list[tuple[str, tuple[str, ...]]] = []
    for module in sorted(modules):
        names = distributions_of(module)
        todo += [(name, ()) for name in names]
        if not names:
            top = module.partition(".")[0]
            found[top] = str(getattr(sys.modules.get(top), "__version__", "unknown"))
    found |= {d.name: d.version for d in _closure(todo)}
    return MappingProxyType(dict(sorted(found.items())))


def _closure(todo: list[tuple[str, tuple[str, ...]]]) -> Iterator[Distribution]:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while todo:
        name, extras = todo.pop()
        distribution = installed().get(name)
        # begat is left out, with what only it requires.
        if distribution is None or name == "begat" or (name, extras) in seen:
            continue
        seen.add((name, extras))
        yield distribution
        todo += distribution.requirements(extras)


def _headers(path: Path) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if not line.strip():
                    return
                yield line.rstrip("\n")
    except OSError:
        return
