"""What a policy says about one gate, checked key by key."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import SettingsError


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key that a kind of gate knows."""

    #: What its value is: `a number`.
    expected: str
    sound: Callable[[Any], bool]
    needed: bool = False


def number(value: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def text(value: object) -> bool:
    """Whether it is a string that says something."""
    return isinstance(value, str) and bool(value.strip())


def not_negative(value: object) -> bool:
    """Whether it is a number from 0 up."""
    return number(value) and value >= 0  # type: ignore[operator]  # a number, as was just seen


def share(value: object) -> bool:
    """Whether it is a share of something: from 0 up, and less than all of it."""
    return not_negative(value) and value < 1  # type: ignore[operator]  # a number, as was just seen


def whole(value: object) -> bool:
    """Whether it is a whole number from 0 up."""
    return not_negative(value) and isinstance(value, int)


#: What every gate may say: its kind, the stage it guards, what verdicts call it.
COMMON = {
    "gate": Key(expected="the kind of gate", sound=text, needed=True),
    "stage": Key(
        expected="Staging or Production", sound=lambda value: value in ("Staging", "Production")
    ),
    "name": Key(expected="a name", sound=text),
}

#: What gates say that look at slices.
SLICES = {
    "slices": Key(
        expected="the name of a column, or true for all", sound=lambda v: v is True or text(v)
    ),
    "min_rows": Key(expected="a whole number, 0 or more", sound=whole),
}


def read(said: Mapping[str, Any], keys: Mapping[str, Key]) -> dict[str, Any]:
    """What is said, but for the kind and the stage, which are not the gate's own affair.

    Args:
        said: the gate as the policy has it.
        keys: what this kind knows beside what every gate may say.

    Raises:
        SettingsError: a key is unknown or missing, or its value makes no sense.
    """
    known = {**COMMON, **keys}
    where = label(said)
    if unknown := sorted(set(said) - set(known)):
        raise SettingsError(f"{where} has no key {unknown[0]!r}; it knows {', '.join(known)}")
    for name, key in known.items():
        if name not in said and key.needed:
            raise SettingsError(f"{where} has no {name}: add it, {key.expected}")
        if name in said and not key.sound(said[name]):
            raise SettingsError(f"{name} of {where} is {key.expected}; got {said[name]!r}")
    if "min_rows" in said and "slices" not in said:
        raise SettingsError(f"{where} has min_rows and no slices: add slices, a column")
    return {name: said[name] for name in ("name", *keys) if name in said}


def label(said: Mapping[str, Any]) -> str:
    """How errors name a gate: `gate metric 'floor'`."""
    name = f" {said['name']!r}" if text(said.get("name")) else ""
    return f"gate {said.get('gate')}{name}"
