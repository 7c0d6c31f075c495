"""What one run read that others of the same code depend on too, in this process.

A function may keep what it reads: the run that opens the file is then not the only one
that depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from .compose import Recipe


class Inherited:
    """The undeclared files of one process, by the code whose run opened them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, dict[str, None]] = {}
        self._told: set[str] = set()

    def remember(self, recipe: Recipe, file: str) -> None:
        """A run with this recipe opened this file."""
        with self._lock:
            for node in _code(recipe):
                self._files.setdefault(node, {})[file] = None

    def of(self, recipe: Recipe) -> tuple[str, ...]:
        """The files that runs which share code with this recipe have opened."""
        with self._lock:
            found = [file for node in _code(recipe) for file in self._files.get(node, ())]
        return tuple(dict.fromkeys(found))

    def untold(self, reasons: Iterable[str]) -> list[str]:
        """Those reasons that nobody has asked about yet."""
        with self._lock:
            new = [reason for reason in reasons if reason not in self._told]
            self._told.update(new)
        return new


_by_owner: WeakKeyDictionary[object, Inherited] = WeakKeyDictionary()
_lock = threading.Lock()


def of(owner: object) -> Inherited:
    """What is known for one owner, a workspace."""
    with _lock:
        return _by_owner.setdefault(owner, Inherited())


def _code(recipe: Recipe) -> Iterator[str]:
    """Digests of the functions and classes that a recipe reaches: what can keep what it read."""
    return (digest for label, digest in recipe.functions.items() if label not in recipe.values)
