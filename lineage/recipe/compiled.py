"""Callables that C made: a name says all of them."""

from __future__ import annotations

import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

_COMPILED = (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)


def home(value: Any) -> str:
    """The name of the module that a compiled callable belongs to."""
    if isinstance(module := getattr(value, "__module__", None), str):
        return module
    owner = getattr(value, "__objclass__", None) or getattr(value, "__self__", None)
    name = getattr(owner, "__module__", None) or getattr(owner, "__name__", None)
    return name if isinstance(name, str) else "builtins"


def is_named(value: object, module: str, qualname: str) -> bool:
    """Whether this name says all of a callable: others keep state beside it."""
    return isinstance(value, _COMPILED) or _at(module, qualname) is value


def _at(module: str, qualname: str) -> object:
    found: object = sys.modules.get(module)
    for step in qualname.split("."):
        found = getattr(found, step, None)
    return found
