"""State that several events speak of: for each key the body said last.

Each body has a stamp by which "last" is decided. Merging is commutative and idempotent, so
the order in which events arrive does not matter.
"""

from __future__ import annotations

import functools
import json
import marshal
from collections.abc import Mapping
from typing import Any, NamedTuple

#: By key: the stamp of the event that said it last, and what it said, as it is stored.
Registers = dict[str, tuple[str, str]]

# Numbers that no double says come as Decimal; the event keeps all their digits.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=float).encode


#: The last version of marshal in which equal values have equal bytes.
WITHOUT_REFERENCES = 2


class Body(NamedTuple):
    """What a facet says, and the text that registers keep of it; None, `null`: it is deleted."""

    said: Any
    text: str


DELETED = Body(None, "null")


def merge(registers: Registers, said: Mapping[str, Body], stamp: str) -> dict[str, Body]:
    """Let one event speak; what it changed."""
    changed = {}
    for key, body in said.items():
        known = registers.get(key)
        if known is None or (stamp >= known[0] and known != (stamp, body.text)):
            registers[key] = (stamp, body.text)
            changed[key] = body
    return changed


def write(registers: Registers) -> str:
    """Registers as they are stored: JSON, by stamp what that event said last, by key.

    Most of a row was said last by one event, so its stamp is there once. The greatest stamp comes
    first: whether begat recorded any of it can be seen from how the text begins.
    """
    by_stamp: dict[str, list[str]] = {}
    for key, (stamp, text) in sorted(registers.items()):
        by_stamp.setdefault(stamp, []).append(f"{_key(key)}:{text}")
    parts = (
        f'"{stamp}":{{{",".join(said)}}}' for stamp, said in sorted(by_stamp.items(), reverse=True)
    )
    return f"{{{','.join(parts)}}}"


def read(stored: str) -> Registers:
    """The registers that `write` wrote."""
    if stored == "{}":
        return {}
    return {
        key: (stamp, dump(body))
        for stamp, said in json.loads(stored).items()
        for key, body in said.items()
    }


def bodies(stored: str) -> dict[str, Any]:
    """What is said under each key, of what `write` wrote; without what was deleted."""
    return {
        key: body
        for said in json.loads(stored).values()
        for key, body in said.items()
        if body is not None
    }


def said(registers: Registers, key: str) -> Any:
    """What a register holds; None if nothing, or what was there is deleted."""
    return json.loads(registers[key][1]) if key in registers else None


def dump(value: Any) -> str:
    """A part of the registers as it is stored: one text, whatever was said first."""
    return _encode(value)


def body(said: Any) -> Body:
    """A body and its text."""
    try:
        # Most of what facets say was said before. Unlike values, these bytes tell 1 from 1.0.
        return Body(said, _dump_again(marshal.dumps(said, WITHOUT_REFERENCES)))
    except ValueError:  # a number that only a Decimal says
        return Body(said, dump(said))


@functools.lru_cache(maxsize=4096)
def _dump_again(marshalled: bytes) -> str:
    return dump(marshal.loads(marshalled))


@functools.lru_cache(maxsize=1024)
def job_body(namespace: str, name: str) -> Body:
    """A job's name as a body."""
    return body((namespace, name))


@functools.lru_cache(maxsize=1024)
def _key(key: str) -> str:
    return _encode(key)
