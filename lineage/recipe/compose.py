"""The recipe: the digest of all that determines a task's output, with its parts.

The digest is over the parts as the facet shows them, so two recipes have equal
parts if, and only if, they have equal digests.
"""

from __future__ import annotations

import functools
import inspect
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..content.digest import digest_bytes
from . import packages
from .code import Constant, Walk
from .encoding import Where, frame, plain, text
from .inputs import describe, inputs_of, only_inputs
from .party import Parties, family
from .readable import readable

_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: The parts that the digest is over.
_DIGESTED = (
    *("job", "version", "function", "python", "functions", "packages"),
    *("arguments", "environment", "inputs", "seed"),
)

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All that determines the output of one call of a task."""

    digest: str
    #: `{flow}.{task}`, and the task's own version number.
    job: str
    version: int
    #: Its name; with a digest for what is no plain function, such as a bound method.
    function: str
    #: Python's version.
    python: str
    #: Digest by label of every function, class and global that is reached; what an
    #: argument reaches is under `{argument}: {label}`.
    functions: Mapping[str, str]
    #: Version by distribution.
    packages: Mapping[str, str]
    #: What people read of the parameters: JSON-safe, estimators with their defaults.
    parameters: Mapping[str, Any]
    #: Digest by parameter; arguments that are inputs are not here.
    arguments: Mapping[str, str]
    #: Digest of the value, or `unset`, by name of an environment variable.
    environment: Mapping[str, str]
    #: What is read, by its path among the arguments.
    inputs: Mapping[str, Mapping[str, str | int]]
    seed: int | None
    #: Why a run with this recipe must not answer another.
    reasons: tuple[str, ...] = ()
    #: What is weaker than it could be, such as code without source.
    notes: tuple[str, ...] = ()
    #: First-party source files that are reached.
    files: tuple[Path, ...] = ()
    #: Labels of those `functions` that are values of globals, which code may change.
    values: frozenset[str] = frozenset()
    #: Those of them that only another value can take the place of.
    constants: Mapping[str, Constant] = field(default_factory=dict, compare=False, repr=False)

    @property
    def reusable(self) -> bool:
        """Whether all that determines the output could be seen."""
        return not self.reasons

    def to_facet(self) -> dict[str, Any]:
        """The recipe as JSON, for the run facet `begat_recipe`; without its files' paths."""
        return {
            "digest": self.digest,
            **{name: getattr(self, name) for name in _DIGESTED},
            "parameters": dict(self.parameters),
            "reusable": self.reusable,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
        }


def digest_of(facet: Mapping[str, Any]) -> str:
    """The digest that a facet's parts have: the one it names, unless it was changed."""
    return digest_bytes(_encode({name: facet[name] for name in _DIGESTED}).encode())


def recipe(
    *,
    job: str,
    version: int,
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    seed: int | None = None,
    first_party: Sequence[str] = (),
) -> Recipe:
    """What determines the output of `function(**arguments)`.

    Args:
        job: `{flow}.{task}`.
        version: begat's own tasks count theirs up when their code changes; 0 elsewhere.
        function: what does the work; one of begat's counts by `version`, not by its code.
        arguments: by parameter, `*args` and `**kwargs` as a tuple and a dict.
        seed: what the run's random generators are derived from.
        first_party: further modules whose code counts by itself.

    Raises:
        RecipeError: something that determines the output has nothing to be digested by.
    """
    prepared = prepare(job=job, version=version, function=function, first_party=first_party)
    return prepared.recipe(arguments, seed=seed)


def prepare(
    *,
    job: str,
    version: int,
    function: Callable[..., Any],
    fixed: Mapping[str, object] = _NOTHING,
    first_party: Sequence[str] = (),
) -> Prepared:
    """A function and those of its arguments that stay the same, looked at once.

    For a plan's many recipes: what changes in between is not seen any more.

    Args:
        job: as for `recipe`.
        version: as for `recipe`.
        function: as for `recipe`.
        fixed: arguments that every recipe shares.
        first_party: as for `recipe`.

    Raises:
        RecipeError: something that determines the output has nothing to be digested by.
    """
    module = str(getattr(function, "__module__", ""))
    own = () if module.partition(".")[0] == "begat" else family(module)
    looker = _Looker(job=job, parties=Parties((*first_party, *own)), keywords=_keywords(function))
    called, part = looker.called(function)
    return Prepared(
        job=job,
        version=version,
        function=called,
        code=part,
        looker=looker,
        fixed={name: looker.argument(name, value) for name, value in fixed.items()},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A function that has been looked at: it makes recipes for its calls."""

    job: str
    version: int
    function: str
    code: _Part
    looker: _Looker
    fixed: Mapping[str, _Part]

    @property
    def files(self) -> tuple[Path, ...]:
        """First-party source files that the function and the fixed arguments reach."""
        return _paths(frozenset(_Sum([self.code, *self.fixed.values()]).files))

    @property
    def functions(self) -> Mapping[str, str]:
        """Digest by label of the code and globals that these reach."""
        return _Sum([self.code, *self.fixed.values()]).functions

    def recipe(self, arguments: Mapping[str, object], *, seed: int | None = None) -> Recipe:
        """The recipe of one call.

        Args:
            arguments: those that are not fixed, by parameter.
            seed: what the run's random generators are derived from.

        Raises:
            RecipeError: an argument, or what it reaches, has nothing to be digested by.
        """
        given = {name: self.looker.argument(name, value) for name, value in arguments.items()}
        by_name = dict(sorted({**self.fixed, **given}.items()))
        parameters = {name: part for name, part in by_name.items() if part.digest}
        whole = _Sum([self.code, *by_name.values()])
        components: dict[str, Any] = {
            "job": self.job,
            "version": self.version,
            "function": self.function,
            "python": platform.python_version(),
            "functions": dict(sorted(whole.functions.items())),
            "packages": dict(packages.versions(frozenset(whole.modules))),
            "arguments": {name: part.digest for name, part in parameters.items()},
            "environment": dict(sorted(whole.environment.items())),
            "inputs": dict(sorted(whole.inputs.items())),
            "seed": seed,
        }
        return Recipe(
            digest=digest_of(components),
            **components,
            parameters={name: part.shown for name, part in parameters.items()},
            reasons=tuple(whole.reasons),
            notes=tuple(whole.notes),
            files=_paths(frozenset(whole.files)),
            values=frozenset(whole.values),
            constants=whole.constants,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """What the function, or one argument, adds to a recipe."""

    functions: Mapping[str, str] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    #: Digest of a parameter's value, and what people read of it; empty for inputs.
    digest: str = ""
    shown: Any = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    constants: Mapping[str, Constant] = field(default_factory=dict)


class _Sum:
    """What parts add together, each thing in the order in which it came first."""

    def __init__(self, parts: Iterable[_Part]) -> None:
        self.functions: dict[str, str] = {}
        self.modules: set[str] = set()
        self.environment: dict[str, str] = {}
        self.inputs: dict[str, Mapping[str, str | int]] = {}
        self.reasons: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.files: set[str] = set()
        self.values: set[str] = set()
        self.constants: dict[str, Constant] = {}
        for part in parts:
            self.functions |= part.functions
            self.modules |= part.modules
            self.environment |= part.environment
            self.inputs |= part.inputs
            self.reasons |= dict.fromkeys(part.reasons)
            self.notes |= dict.fromkeys(part.notes)
            self.files |= part.files
            self.values |= part.values
            self.constants |= part.constants


@dataclass(frozen=True, kw_only=True, slots=True)
class _Looker:
    """Looks at the function and at each argument by itself, so that each can be kept."""

    job: str
    parties: Parties
    #: The name of the parameter that takes further keywords; empty for none.
    keywords: str

    def called(self, function: Callable[..., Any]) -> tuple[str, _Part]:
        """The function's name, and what it adds."""
        walk = Walk(self.parties)
        encoded = walk.encode(function, Where(f"{self.job} calls", "function"))
        qualname = getattr(function, "__qualname__", type(function).__qualname__)
        module = getattr(function, "__module__", "")
        names = {
            frame("node", text(qualname)): qualname,
            frame("external", text(f"{module}:{qualname}")): f"{module}:{qualname}",
        }
        name = names.get(encoded) or f"{qualname} {digest_bytes(encoded)}"
        return name, _part(walk, "")

    def argument(self, name: str, value: object) -> _Part:
        """What an argument adds."""
        if name == self.keywords and isinstance(value, dict):
            value = dict(sorted(value.items()))
        if (encoded := plain(value)) is not None:  # reaches nothing
            return _Part(digest=digest_bytes(encoded), shown=readable(value))
        inputs = {path: describe(found) for path, found in inputs_of({name: value})}
        if only_inputs(value):
            return _Part(inputs=inputs)
        walk = Walk(self.parties)
        encoded = walk.encode(value, Where(f"{self.job} is given", name))
        return _part(
            walk,
            f"{name}: ",
            inputs=inputs,
            digest=digest_bytes(encoded),
            shown=readable(value),
        )


def _part(walk: Walk, prefix: str, **more: Any) -> _Part:
    found = walk.found
    return _Part(
        **more,
        functions={prefix + label: digest for label, digest in found.nodes.items()},
        modules=frozenset(found.modules),
        environment=found.environment,
        reasons=tuple(found.reasons),
        notes=tuple(found.notes),
        files=frozenset(found.files),
        values=frozenset(prefix + label for label in found.values),
        constants={prefix + label: constant for label, constant in found.constants.items()},
    )


def _keywords(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    if code is None or not code.co_flags & inspect.CO_VARKEYWORDS:
        return ""
    positional = bool(code.co_flags & inspect.CO_VARARGS)
    return str(code.co_varnames[code.co_argcount + code.co_kwonlyargcount + positional])


@functools.lru_cache(maxsize=256)
def _paths(files: frozenset[str]) -> tuple[Path, ...]:
    return tuple(map(Path, sorted(files)))
