"""What a first-party class is made of, apart from what its machinery keeps in it."""

from __future__ import annotations

import enum
import functools
import sys
from abc import ABCMeta
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from . import source
from .source import Facts

#: Descriptors that hold functions and are no callables by themselves.
DESCRIPTORS = (
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
    functools.partialmethod,
    functools.singledispatchmethod,
)

_PLAIN = (type, ABCMeta, enum.EnumType)
_MACHINERY = (GetSetDescriptorType, MemberDescriptorType)


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """The members of a class: functions, and values."""

    facts: Facts | None
    #: Globals of its module.
    namespace: dict[str, Any]
    functions: Mapping[str, list[Any]]
    values: Mapping[str, Any]
    #: Whether no metaclass of another library put values of its own in.
    plain: bool

    @classmethod
    def of(cls, owner: type) -> Members:
        """The members of a class; not those it inherits."""
        functions = {name: functions_in(value) for name, value in vars(owner).items()}
        functions = {name: found for name, found in functions.items() if found}
        codes = [
            found.__code__
            for group in functions.values()
            for found in group
            if isinstance(found, FunctionType)
            and found.__code__.co_qualname.startswith(f"{owner.__qualname__}.")
        ]
        module = sys.modules.get(owner.__module__)
        namespace = vars(module) if module else {}
        files = [code.co_filename for code in codes if not code.co_filename.startswith("<string")]
        file = files[0] if files else getattr(module, "__file__", None) or ""
        facts = source.of_class(
            owner.__qualname__,
            file,
            namespace,
            frozenset(functions),
            frozenset(code.co_firstlineno for code in codes if code.co_filename == file),
        )
        return cls(
            facts=facts,
            namespace=namespace,
            functions={
                name: found
                for name, found in functions.items()
                if facts is None or not all(map(_generated, found))
            },
            values=_values(owner, frozenset(functions)),
            plain=type(owner) in _PLAIN,
        )


def functions_in(member: Any) -> list[Any]:
    """The functions that a member of a class holds, in an order of its own."""
    if isinstance(member, FunctionType):
        return [member]
    if isinstance(member, staticmethod | classmethod):
        return [member.__func__]
    if isinstance(member, property):
        return [f for f in (member.fget, member.fset, member.fdel) if f is not None]
    if isinstance(member, functools.cached_property | functools.partialmethod):
        return [member.func]
    if isinstance(member, functools.singledispatchmethod):
        return [member.func, *member.dispatcher.registry.values()]
    wrapped = getattr(member, "__wrapped__", None)
    return [member] if callable(wrapped) and not isinstance(member, type) else []


def _values(owner: type, functions: frozenset[str]) -> dict[str, Any]:
    if issubclass(owner, enum.Enum):
        return {name: member._value_ for name, member in owner.__members__.items()}
    values = {
        name: value
        for name, value in vars(owner).items()
        if name not in functions
        and name != "_abc_impl"
        and not isinstance(value, _MACHINERY)
        and not (name.startswith("__") and name.endswith("__"))
    }
    for name, field in vars(owner).get("__dataclass_fields__", {}).items():
        made = {"default": field.default, "default_factory": field.default_factory}
        values[f"{name}:"] = {key: value for key, value in made.items() if value is not MISSING}
    return values


def _generated(function: Any) -> bool:
    """Whether a method was made from the class's own text, as a dataclass's `__init__`."""
    while (wrapped := getattr(function, "__wrapped__", None)) is not None:
        function = wrapped
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith("<string")
