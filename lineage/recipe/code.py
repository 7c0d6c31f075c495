"""The closure of what a function or value is made of: all first-party code it reaches.

Every function, class and global that is reached is a node under a readable label, and
its digest is over its own syntax or value and the labels of what it refers to. Labels
are given in the order of the walk and hold no module name, so equal code has equal
nodes wherever its files lie, whatever they are called.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..content.digest import digest_bytes, digest_file
from ..errors import RecipeError
from . import classes, compiled, environment, hidden, packages, scopes, source
from .encoding import Encoder, Where, frame, is_constant, names, text
from .party import RUNNERS, Parties, Party, distribution_module, location
from .source import Facts
from .uses import Use

#: What a module is told about itself: where it lies is no part of what it does.
_SELF = frozenset(
    {"__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__name__"}
    | {"__package__", "__path__", "__spec__"}
)


Body = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Constant:
    """A global whose value cannot change, though another may take its place."""

    namespace: Mapping[str, Any]
    name: str
    value: object

    @property
    def stands(self) -> bool:
        """Whether it is the same object still."""
        return self.namespace.get(self.name, self) is self.value


@dataclass(slots=True)
class Found:
    """What a walk has found so far."""

    #: Digest by label.
    nodes: dict[str, str] = field(default_factory=dict)
    #: Labels of those nodes that are values of globals, which code may change.
    values: set[str] = field(default_factory=set)
    #: Those of them that cannot change inside, by label.
    constants: dict[str, Constant] = field(default_factory=dict)
    #: Other distributions' modules.
    modules: set[str] = field(default_factory=set)
    #: Digest of the value, or `unset`, by name of an environment variable.
    environment: dict[str, str] = field(default_factory=dict)
    #: Why a run with this recipe must not answer another.
    reasons: list[str] = field(default_factory=list)
    #: What is weaker than it could be.
    notes: list[str] = field(default_factory=list)
    #: First-party source files.
    files: set[str] = field(default_factory=set)
    #: Label by identity of what it names; the objects are kept, so that no id is reused.
    labels: dict[tuple[object, ...], str] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    #: Nodes that have a label and no digest yet.
    pending: list[tuple[str, Body]] = field(default_factory=list)

    def snapshot(self) -> Found:
        """A copy that later findings leave alone."""
        return Found(*(copy(getattr(self, name)) for name in self.__slots__))

    def restore(self, earlier: Found) -> None:
        """Forget what was found since."""
        for name in self.__slots__:
            setattr(self, name, getattr(earlier, name))


class Walk:
    """Walks from one root value through everything that determines it.

    Args:
        parties: tells first-party code from the rest.
    """

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self.found = Found()

    def encode(self, value: object, where: Where) -> bytes:
        """The encoding of a root value; what it reaches is in `found` then.

        Raises:
            RecipeError: something on the way has nothing to be digested by.
        """
        encoded = Encoder(self).encode(value, where)
        self._finish()
        return encoded

    def owns(self, cls: type) -> bool:
        """Whether a class is first-party."""
        return self._parties.of(cls.__module__) is Party.OWN

    def visit(self, encoder: Encoder, value: Any, where: Where) -> bytes | None:
        """The encoding of something made of code; None for any other value."""
        if (why := hidden.why(value)) is not None:
            self._reason(f"{where}, which {why}")
            return frame("environment" if environment.is_environment(value) else "hidden")
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, FunctionType):
            return self._function(encoder, value, where)
        if isinstance(value, MethodType):
            parts = (encoder.encode(part, where) for part in (value.__func__, value.__self__))
            return frame("method", b"".join(parts))
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, CodeType):
            return frame("code", encoder.encode(source.code_parts(value), where))
        if isinstance(value, classes.DESCRIPTORS):
            parts = (encoder.encode(f, where) for f in classes.functions_in(value))
            return frame("descriptor", text(type(value).__name__) + b"".join(parts))
        return self._named(encoder, value, where)

    def external(self, module: str) -> None:
        """Note a module of begat's or of another distribution."""
        party = self._parties.of(module)
        if party is Party.OTHER:
            self.found.modules.add(distribution_module(module))
        elif party is Party.BEGAT:
            self.found.modules.update(packages.BEGAT_USES)

    def party(self, module: str) -> Party:
        """Whose a module is."""
        return self._parties.of(module)

    def _finish(self) -> None:
        """Digest what has a label only: one after another, for code calls code very deep."""
        while self.found.pending:
            label, body = self.found.pending.pop()
            self.found.nodes[label] = digest_bytes(body())

    def _attempt(self, value: object, where: Where) -> bytes:
        """The encoding of a value that other code keeps for itself, where it has one."""
        earlier, pending = self.found.snapshot(), self.found.pending
        self.found.pending = []
        try:
            encoded = self.encode(value, where)
        except RecipeError:
            self.found.restore(earlier)
            return frame("opaque", text(type(value).__qualname__))
        self.found.pending = pending
        return encoded

    def _node(self, kind: str, thing: object, name: str, body: Callable[[str], bytes]) -> bytes:
        """A reference to a node, which is digested later if it is new.

        A global has the identity of its module's namespace and its name there.
        """
        found = self.found
        key = (kind, id(thing), name)
        label = found.labels.get(key)
        if label is None:
            label, number = name, 1
            while label in found.taken:
                number += 1
                label = f"{name} ({number})"
            found.labels[key] = label
            found.taken.add(label)
            found.kept.append(thing)
            if kind == "global":
                found.values.add(label)
            found.pending.append((label, functools.partial(body, label)))
        return frame("node", text(label))

    def _function(self, encoder: Encoder, function: FunctionType, where: Where) -> bytes:
        module = str(function.__globals__.get("__name__", ""))
        if self._parties.of(module) is not Party.OWN:
            return self._foreign(encoder, function, module, where)
        body = functools.partial(self._function_body, function)
        return self._node("code", function, function.__code__.co_qualname, body)

    def _function_body(self, function: FunctionType, label: str) -> bytes:
        facts = source.of_function(function.__code__, function.__globals__)
        self._seen(facts, label, dunder=function.__name__.startswith("__"))
        reader = f"{label}()"
        scope = scopes.Scope.of(function, facts, self)
        encoder = Encoder(self)
        reached = dict(self._references(encoder, facts, scope, reader))
        self._mentioned(facts.mentions, scope)
        named = {use.chain[0] for use in facts.uses}
        cells = {name: value for name, value in scope.cells.items() if name not in named}
        attributes = dict(vars(function))
        wrapped = attributes.pop("__wrapped__", None)
        return frame(
            "function",
            frame("syntax", facts.syntax)
            + names(reached.items())
            + _each(encoder.encode, cells, f"{reader} closes over")
            + _each(encoder.encode, _defaults(function), f"{reader} has the default")
            + encoder.encode(wrapped, Where(f"{reader} wraps", "function"))
            + _each(self._attempt, attributes, f"{reader} has the attribute"),
        )

    def _references(
        self, encoder: Encoder, facts: Facts, scope: scopes.Scope, reader: str
    ) -> Iterator[tuple[str, bytes]]:
        used = {*facts.uses, *self._evaluated(facts, scope, reader)}
        for use in sorted(used, key=lambda use: (use.chain, use.line)):
            if use.chain[0] in _SELF:
                continue
            for target in scope.targets(use.chain):
                name = ".".join(use.chain[: target.consumed])
                if (why := hidden.why(target.value)) is not None:
                    place = f"{reader} ({_place(facts, use.line)})"
                    yield from self._hidden(encoder, use, target, scope, place, why)
                elif target.missing:
                    yield name, frame("unbound")
                else:
                    yield name, self._target(encoder, target, name, reader)
        if not facts.sourced:  # which of an imported module's names it uses, cannot be seen
            for name, target in scope.imports.items():
                yield name, encoder.encode(target.value, Where(f"{reader} imports", name))

    def _target(self, encoder: Encoder, target: scopes.Target, name: str, reader: str) -> bytes:
        """What a name leads to: a global is a node of its own, there once for all its readers."""
        if target.container is None:
            return encoder.encode(target.value, Where(f"{reader} closes over", name))
        where = Where(f"{reader} reads the global", name)
        code = self.visit(encoder, target.value, where)
        if code is not None:
            return code
        encoded = self._node(
            "global",
            target.container,
            target.name,
            lambda _: frame("value", Encoder(self).encode(target.value, where)),
        )
        if is_constant(target.value) and isinstance(target.container, dict):
            label = self.found.labels["global", id(target.container), target.name]
            self.found.constants[label] = Constant(target.container, target.name, target.value)
        return encoded

    def _evaluated(self, facts: Facts, scope: scopes.Scope, reader: str) -> Iterator[Use]:
        """What strings name that a method evaluates, as `DataFrame.query` does `@name`."""
        for found in facts.expressions:
            said = scope.text(found.key) if isinstance(found.key, tuple) else found.key
            if said is None:
                place = _place(facts, found.line)
                self._reason(f"{reader} ({place}) gives `{found.method}` text that it computes")
            else:
                yield from (u for u in found.uses(said) if not scope.shadows(u.chain[0]))

    def _hidden(
        self,
        encoder: Encoder,
        use: Use,
        target: scopes.Target,
        scope: scopes.Scope,
        place: str,
        why: str,
    ) -> Iterator[tuple[str, bytes]]:
        """What a use reaches by a name that it spells out; a reason where it does not."""
        if hidden.imports(target.value):
            name = hidden.module_named(use, scope)
            if name is None:
                self._reason(f"{place} imports a module by a computed name")
            elif (found := scope.module(name)) is not None:
                where = Where(f"{place} imports", name)
                yield (
                    f"import {name}",
                    (frame("unbound") if found.missing else encoder.encode(found.value, where)),
                )
        elif not hidden.reads_environment(target.value):
            self._reason(f"{place} uses `{'.'.join(use.chain)}`, which {why}")
        else:
            for name in environment.names_read(use, target, scope):
                if name is None:
                    self._reason(f"{place} reads an environment variable by a computed name")
                else:
                    self.found.environment[name] = environment.digest_of(name)

    def _reason(self, reason: str) -> None:
        if reason not in self.found.reasons:
            self.found.reasons.append(reason)

    def _mentioned(
        self, mentions: Iterable[Use], scope: scopes.Scope, *, own: bool = False
    ) -> None:
        """Note what annotations and decorators name: distributions and, if asked, own code."""
        for use in mentions:
            for target in scope.targets(use.chain):
                value = target.value
                if isinstance(value, ModuleType):
                    self.external(value.__name__)
                elif isinstance(value, type | FunctionType):
                    theirs = self._parties.of(str(value.__module__)) is not Party.OWN
                    if own or theirs:
                        self.visit(Encoder(self), value, Where("", use.chain[0]))

    def _class(self, cls: type) -> bytes:
        module = str(cls.__module__)
        if self._parties.of(module) is not Party.OWN:
            self.external(module)
            return frame("class", text(f"{module}:{cls.__qualname__}"))
        return self._node("code", cls, cls.__qualname__, functools.partial(self._class_body, cls))

    def _class_body(self, cls: type, label: str) -> bytes:
        members = classes.Members.of(cls)
        facts = members.facts
        scope = scopes.Scope.of_module(members.namespace, self)
        if facts is None:
            self.found.notes.append(f"the class {label} has no source: its members stand for it")
        else:
            self._seen(facts, label)
            self._mentioned(facts.mentions, scope, own=True)
        reader = f"the class {label} has the attribute"
        bases = (self._class(base) for base in cls.__bases__ if base is not object)
        encoder = Encoder(self)
        return frame(
            "class",
            frame("syntax", facts.syntax if facts else b"")
            + frame("bases", b"".join(bases))
            + frame("kind", b"" if type(cls) is type else self._class(type(cls)))
            + _each(encoder.encode, members.functions, reader)
            + _each(encoder.encode if members.plain else self._attempt, members.values, reader),
        )

    def _module(self, module: ModuleType) -> bytes:
        """A module used as a value: first-party, all of it."""
        name = module.__name__
        if self._parties.of(name) is not Party.OWN:
            self.external(name)
            return frame("module", text(name))
        body = functools.partial(self._module_body, module)
        return self._node("code", module, f"module {name.rpartition('.')[2]}", body)

    def _module_body(self, module: ModuleType, label: str) -> bytes:
        file = location(module.__name__) or ""
        facts = source.of_module(file, vars(module))
        if facts is None:
            return frame("module", _file_digest(file))
        self._seen(facts, label)
        members = {name: value for name, value in vars(module).items() if name not in _SELF}
        encoded = _each(self._attempt, members, f"the {label} has the global")
        return frame("module", frame("syntax", facts.syntax) + encoded)

    def _foreign(
        self, encoder: Encoder, function: FunctionType, module: str, where: Where
    ) -> bytes:
        """A function that is not first-party: its name, and what first-party code it wraps."""
        if (wrapped := _run_by(function, module)) is not None:
            return encoder.encode(wrapped, where)
        for home in (module, str(function.__module__)):
            self.external(home)
        encoded = text(f"{function.__module__}:{function.__qualname__}")
        wraps_own = self._parties.of(str(function.__module__)) is Party.OWN
        if wraps_own:
            encoded = text(f"{module}:{function.__code__.co_qualname}")
            encoded += encoder.encode(getattr(function, "__wrapped__", None), where)
        made = wraps_own or "<locals>" in function.__qualname__
        if made and self._parties.of(module) is not Party.BEGAT:
            cells = scopes.cells(function)
            encoded += _each(self._attempt, cells, f"{function.__qualname__}() closes over")
        return frame("external", encoded)

    def _named(self, encoder: Encoder, value: Any, where: Where) -> bytes | None:
        """A callable that is none of Python's functions: a decorator's object, or C's."""
        if not callable(value) or isinstance(value, functools.partial) or self.owns(type(value)):
            return None
        if (wrapped := _run_by(value, type(value).__module__)) is not None:
            return encoder.encode(wrapped, where)
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType | MethodType | type):
            return frame("wrapper", self._class(type(value)) + encoder.encode(wrapped, where))
        qualname = getattr(value, "__qualname__", None)
        if not isinstance(qualname, str):
            return None
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType | type):
            return frame("method", text(qualname) + encoder.encode(owner, where))
        module = compiled.home(value)
        if not compiled.is_named(value, module, qualname):
            return None
        if self._parties.of(module) is Party.OWN:
            return frame("compiled", text(qualname) + _file_digest(location(module) or ""))
        self.external(module)
        return frame("external", text(f"{module}:{qualname}"))

    def _seen(self, facts: Facts, label: str, *, dunder: bool = False) -> None:
        if facts.file and os.path.isfile(facts.file):
            self.found.files.add(os.path.abspath(facts.file))
        if not facts.sourced and not dunder:
            self.found.notes.append(f"{label} has no source: its code object stands for it")


def _each(encode: Callable[[Any, Where], bytes], values: Mapping[str, Any], reader: str) -> bytes:
    """Values under their names."""
    return names((name, encode(value, Where(reader, name))) for name, value in values.items())


def _defaults(function: FunctionType) -> dict[str, Any]:
    """Default by parameter."""
    code, given = function.__code__, function.__defaults__ or ()
    last = code.co_argcount
    return dict(
        zip(code.co_varnames[last - len(given) : last], given, strict=True),
        **(function.__kwdefaults__ or {}),
    )


def _run_by(value: object, module: str) -> Any:
    """The function that an orchestrator's decorator, or begat's, was put on; None for others."""
    runs = module.partition(".")[0] in RUNNERS
    return getattr(value, "__wrapped__", None) if runs else None


def _place(facts: Facts, line: int) -> str:
    return f"{os.path.basename(facts.file)}, line {line}" if facts.file else "no source"


def _file_digest(file: str) -> bytes:
    """A compiled first-party module, by its bytes."""
    return text(digest_file(Path(file))[0]) if os.path.isfile(file) else frame("none")
