"""Parameters as people read them: JSON-safe, estimators with their defaults."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from types import FunctionType, MethodType
from typing import Any
from uuid import UUID

from ..records import DatasetVersion, ModelVersion, Snapshot
from .libraries import parameters_of

#: Longer texts and collections are cut: the recipe's digests are over all of it.
_LONGEST = 1000
_DEEPEST = 12
_AS_TEXT = (PurePath, Decimal, Fraction, UUID, DatasetVersion, Snapshot, ModelVersion)
_AS_ISO = (datetime.date, datetime.time)


def readable(value: Any, depth: int = 0) -> Any:
    """A value as JSON that says what it is; not all of it, and not to be read back."""
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return _text(value)
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:_LONGEST]
        return {_text(str(key)): readable(part, depth + 1) for key, part in pairs}
    if isinstance(value, list | tuple):
        return [readable(part, depth + 1) for part in value[:_LONGEST]]
    if isinstance(value, set | frozenset):
        return sorted((readable(part, depth + 1) for part in value), key=repr)[:_LONGEST]
    if isinstance(value, _AS_TEXT):
        return _text(str(value))
    if isinstance(value, _AS_ISO):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return _object(value, depth)


def _object(value: Any, depth: int) -> Any:
    if isinstance(value, type | FunctionType | MethodType):
        return _name(value)
    if isinstance(value, functools.partial):
        made = {"function": value.func, "arguments": value.args, **value.keywords}
        return readable(made, depth)
    named = {"class": _name(type(value))}
    if (parameters := parameters_of(value)) is not None:
        return named | readable(dict(sorted(parameters.items())), depth)
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        return named | readable(fields, depth)
    if isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "dtype"):
        return _array(value, named, depth)
    if isinstance(getattr(value, "shape", None), tuple):  # a table
        return named | {"shape": list(value.shape)}
    if hasattr(value, "pattern"):
        return readable(str(value.pattern), depth)
    if isinstance(getattr(value, "__qualname__", None), str):
        return _name(value)
    # A pydantic model, or any other object: what it holds, without what it keeps private.
    held = {n: v for n, v in getattr(value, "__dict__", {}).items() if not n.startswith("_")}
    return named | readable(held, depth) if held else named


def _array(value: Any, named: dict[str, str], depth: int) -> Any:
    if not value.shape and hasattr(value, "item"):
        item = value.item()
        return readable(item if type(item) is not type(value) else str(item), depth + 1)
    if hasattr(value, "tolist") and math.prod(value.shape) <= 100:
        return readable(value.tolist(), depth + 1)
    return named | {"dtype": str(value.dtype), "shape": list(value.shape)}


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}"


def _text(value: str) -> str:
    """Text that every JSON store takes: no lone surrogates, no U+0000."""
    shown = value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
