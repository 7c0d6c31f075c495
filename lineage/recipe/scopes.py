"""What the names of a function stand for, when it is called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Protocol

from . import hidden
from .party import Party
from .source import Facts
from .uses import Import


class Judge(Protocol):
    """What a scope asks about modules."""

    def party(self, module: str) -> Party:
        """Whose a module is."""

    def external(self, module: str) -> None:
        """Note a module of begat's or of another distribution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What the first names of a chain lead to."""

    value: Any = None
    #: How many names of the chain lead there.
    consumed: int = 1
    #: The module's globals it was found in, with its name there; None inside a function.
    container: object | None = None
    name: str = ""
    #: Whether nothing has that name.
    missing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The names that a function sees from inside."""

    namespace: Mapping[str, Any]
    judge: Judge
    cells: Mapping[str, Any] = field(default_factory=dict)
    imports: Mapping[str, Target] = field(default_factory=dict)
    #: Names of its own, which stand for what only a call tells.
    locals: frozenset[str] = frozenset()

    @classmethod
    def of(cls, function: FunctionType, facts: Facts, judge: Judge) -> Scope:
        """The scope of a function; first-party modules that its body imports are imported."""
        namespace = function.__globals__
        found = {i.bound: _imported(i, namespace, judge) for i in facts.imports}
        return cls(
            namespace=namespace,
            judge=judge,
            cells=cells(function),
            imports={name: target for name, target in found.items() if target is not None},
            locals=facts.locals,
        )

    @classmethod
    def of_module(cls, namespace: Mapping[str, Any], judge: Judge) -> Scope:
        """The scope of a module's own statements."""
        return cls(namespace=namespace, judge=judge)

    def targets(self, chain: tuple[str, ...]) -> Iterator[Target]:
        """Where a chain leads: several where one name is bound in nested functions too."""
        name = chain[0]
        roots = []
        if name in self.imports:
            roots.append(self.imports[name])
        if name in self.cells:
            roots.append(Target(value=self.cells[name]))
        elif name in self.namespace:
            roots.append(Target(value=self.namespace[name], container=self.namespace, name=name))
        if not roots and name in hidden.BUILTINS:
            roots.append(Target(value=_builtins()[name]))
        if not roots and name not in _builtins():
            yield Target(missing=True)
        for root in roots:
            yield root if root.missing else self._follow(root, chain)

    def text(self, chain: tuple[str, ...]) -> str | None:
        """The string that a chain leads to; None if it leads to none."""
        if self.shadows(chain[0]):
            return None
        for target in self.targets(chain):
            if isinstance(target.value, str) and target.consumed == len(chain):
                return target.value
        return None

    def shadows(self, name: str) -> bool:
        """Whether a name stands for what only a call tells."""
        return name in self.locals and name not in self.imports and name not in self.cells

    def module(self, name: str) -> Target | None:
        """The module that code imports by this name; None if it is not first-party."""
        return _imported(Import(name, name, "", 0), self.namespace, self.judge)

    def _follow(self, target: Target, chain: tuple[str, ...]) -> Target:
        """On through first-party modules and the attributes of plain objects."""
        while target.consumed < len(chain):
            step = chain[target.consumed]
            if isinstance(target.value, ModuleType):
                found = self._inside(target, step)
            else:
                found = self._attribute(target, step)
            if found is None:
                return target
            target = found
        return target

    def _inside(self, target: Target, step: str) -> Target | None:
        module = target.value
        consumed = target.consumed + 1
        if self.judge.party(module.__name__) is Party.OWN:
            value = getattr(module, step, _MISSING)
            return Target(
                value=value,
                consumed=consumed,
                container=vars(module),
                name=step,
                missing=value is _MISSING,
            )
        # Of others' modules only which one it is; asking a lazy one would import more.
        value = vars(module).get(step)
        if isinstance(value, ModuleType) or step in hidden.inside(module):
            return Target(value=value, consumed=consumed, container=vars(module), name=step)
        return None

    def _attribute(self, target: Target, step: str) -> Target | None:
        """What an object holds under a name, so that the rest of it does not count."""
        value = target.value
        cls = type(value)
        if not (cls is SimpleNamespace or self.judge.party(cls.__module__) is Party.OWN):
            return None
        attributes = getattr(value, "__dict__", {})
        if isinstance(value, type) or step not in attributes or hasattr(cls, step):
            return None
        return Target(
            value=attributes[step],
            consumed=target.consumed + 1,
            container=target.container,
            name=f"{target.name}.{step}",
        )


_MISSING = object()


def cells(function: FunctionType) -> dict[str, Any]:
    """The variables that a function closes over, those that are bound."""
    found = {}
    closure = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, closure, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _builtins() -> Mapping[str, Any]:
    import builtins

    return vars(builtins)


def _imported(item: Import, namespace: Mapping[str, Any], judge: Judge) -> Target | None:
    """What an import statement in a function's body binds; None if it is not first-party."""
    try:
        name = _absolute(item, namespace)
        party = judge.party(name)
        if party is not Party.OWN and name.partition(".")[0] not in hidden.MODULES:
            judge.external(name)
            return None
        module = importlib.import_module(name)
        if item.attribute == ".":
            return Target(value=sys.modules[name.partition(".")[0]], container=sys.modules)
        if not item.attribute:
            return Target(value=module, container=sys.modules)
        if not hasattr(module, item.attribute):
            importlib.import_module(f"{name}.{item.attribute}")
        value = getattr(module, item.attribute)
        return Target(value=value, container=vars(module), name=item.attribute)
    except (ImportError, AttributeError, ValueError):
        return Target(missing=True)


def _absolute(item: Import, namespace: Mapping[str, Any]) -> str:
    if not item.level:
        return item.module
    package = namespace.get("__package__") or str(namespace.get("__name__", "")).rpartition(".")[0]
    return importlib.util.resolve_name("." * item.level + item.module, package)
