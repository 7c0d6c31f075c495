"""A type-tagged encoding of values: equal bytes if, and only if, equal values.

A frame is `tag length:payload`, so frames can be concatenated without ambiguity.
What decides:

- 1, 1.0, True, "1", (1,) and [1] all differ; so do -0.0 and 0.0. NaN equals NaN.
- Sets have no order. Dictionaries keep theirs, because code can see it (the order of
  an aggregation's columns, say); an object's attributes have none.
- An estimator is its class and all of its parameters, defaults included.
- Other objects are their class and what pickle would keep of them, which no id,
  address or hash seed enters. What pickle refuses, is refused here by name.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import io
import logging
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, Protocol

from ..content.digest import digest_bytes
from ..errors import RecipeError
from ..records import DatasetVersion, ModelVersion, Snapshot
from . import libraries
from .inputs import describe

#: Pydantic's note of which fields were given rather than defaulted: no part of the value.
_BOOKKEEPING = frozenset({"__fields_set__", "__pydantic_fields_set__"})


class Where:
    """How a value was reached, for the message that refuses it."""

    __slots__ = ("_parent", "_step", "reader")

    def __init__(self, reader: str, name: str, parent: Where | None = None) -> None:
        self.reader, self._step, self._parent = reader, name, parent

    def attribute(self, name: str) -> Where:
        """The attribute `name` of the value here."""
        return self._child(f".{name}")

    def item(self, key: object) -> Where:
        """The item `key` of the value here."""
        return self._child(f"[{key!r:.40}]")

    def _child(self, step: str) -> Where:
        return Where(self.reader, step, self)

    def __str__(self) -> str:
        """A sentence: features() reads the global `pool.connections[0]`."""
        steps: list[str] = []
        here: Where | None = self
        while here is not None:
            steps.append(here._step)
            here = here._parent
        if len(steps) > 9:
            steps = [*steps[:4], "…", *steps[-4:]]
        return f"{self.reader} `{''.join(reversed(steps))}`"


class Visitor(Protocol):
    """What knows about code: functions, classes, modules."""

    def visit(self, encoder: Encoder, value: object, where: Where) -> bytes | None:
        """The encoding of something made of code; None for any other value."""

    def owns(self, cls: type) -> bool:
        """Whether a class is first-party."""


def frame(tag: str, payload: bytes = b"") -> bytes:
    """One frame. Tags hold no space.

    >>> frame("int", b"1")
    b'int 1:1'
    """
    return b"%b %d:%b" % (tag.encode(), len(payload), payload)


def text(value: str) -> bytes:
    """The frame of a string."""
    return frame("str", value.encode("utf-8", "surrogatepass"))


def names(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    """Frames under names, in the order of the names."""
    return frame("names", b"".join(text(name) + value for name, value in sorted(pairs)))


def _float(value: float) -> bytes:
    return struct.pack(">d", value) if value == value else b"nan"  # noqa: PLR0124 - false for NaN


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: frame("none"),
    bool: lambda value: frame("bool", b"1" if value else b"0"),
    int: lambda value: frame("int", b"%x" % value),
    float: lambda value: frame("float", _float(value)),
    complex: lambda v: frame("complex", frame("", _float(v.real)) + frame("", _float(v.imag))),
    str: text,
    bytes: lambda value: frame("bytes", value),
    bytearray: lambda value: frame("bytearray", bytes(value)),
    type(...): lambda _: frame("ellipsis"),
    type(NotImplemented): lambda _: frame("notimplemented"),
}


def is_constant(value: object) -> bool:
    """Whether nothing in a value can change: a number, a text and the like."""
    return type(value) in _PLAIN and type(value) is not bytearray


def plain(value: object) -> bytes | None:
    """The encoding of a number, a text and the like; None for whatever may hold more."""
    known = _PLAIN.get(type(value))
    return None if known is None else known(value)


class Encoder:
    """Encodes values; what is made of code it leaves to the visitor.

    One encoder encodes one root value after another; a value that contains itself is
    encoded by how many levels up it is.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._open: dict[int, int] = {}

    def encode(self, value: object, where: Where) -> bytes:
        """The canonical bytes of a value.

        Raises:
            RecipeError: the value, or something inside it, has nothing to be digested by.
        """
        if (known := _PLAIN.get(type(value))) is not None:
            return known(value)
        if (level := self._open.get(id(value))) is not None:
            return frame("cycle", b"%d" % (len(self._open) - level))
        self._open[id(value)] = len(self._open)
        try:
            code = self._visitor.visit(self, value, where)
            return self._composite(value, where) if code is None else code
        except RecursionError:
            refuse(value, where, "it is nested too deeply")
        finally:
            del self._open[id(value)]

    def state(self, attributes: Mapping[str, object], where: Where) -> bytes:
        """Attributes by name, in no order."""
        return names(
            (name, self.encode(value, where.attribute(name)))
            for name, value in attributes.items()
            if name not in _BOOKKEEPING
        )

    def items(self, values: Iterable[object], where: Where) -> bytes:
        """Values one after another."""
        return b"".join(self.encode(v, where.item(i)) for i, v in enumerate(values))

    def pairs(self, pairs: Iterable[tuple[object, object]], where: Where) -> bytes:
        """Keys and values of a mapping, one after another."""
        return b"".join(
            self.encode(key, where) + self.encode(value, where.item(key)) for key, value in pairs
        )

    def kind(self, value: object, where: Where) -> bytes:
        """The class of a value."""
        return self._visitor.visit(self, type(value), where) or b""

    def _composite(self, value: Any, where: Where) -> bytes:
        cls = type(value)
        if cls is tuple or cls is list:
            return frame(cls.__name__, self.items(value, where))
        if cls is dict:
            return frame("dict", self.pairs(value.items(), where))
        if isinstance(value, set | frozenset):
            return self._set(value, where)
        if isinstance(value, DatasetVersion | Snapshot | ModelVersion):
            return frame("input", self.pairs(describe(value).items(), where))
        if isinstance(value, MappingProxyType):
            return frame("mappingproxy", self.pairs(value.items(), where))
        if isinstance(value, memoryview):
            return frame("memoryview", value.tobytes())
        if isinstance(value, enum.Enum):
            value_frame = self.encode(value._value_, where.attribute("value"))
            return frame("enum", self.kind(value, where) + text(str(value._name_)) + value_frame)
        if isinstance(value, logging.Logger):
            return frame("logger")  # writes, and determines nothing
        if (encoded := libraries.encode(self, value, where)) is not None:
            return encoded
        if isinstance(value, Iterator) and not self._visitor.owns(cls):
            refuse(value, where)
        return self._reduced(value, where)

    def _set(self, value: set[object] | frozenset[object], where: Where) -> bytes:
        members = frame("members", b"".join(sorted(self.encode(v, where) for v in value)))
        if type(value) in {set, frozenset}:
            return frame(type(value).__name__, members)
        attributes = self.state(getattr(value, "__dict__", {}), where)
        return frame("object", self.kind(value, where) + members + attributes)

    def _reduced(self, value: object, where: Where) -> bytes:
        """By what pickle would keep: the one protocol that says what an object's state is."""
        reducer: Callable[[Any], Any] | None = copyreg.dispatch_table.get(type(value))
        try:
            reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        except Exception as error:
            if isinstance(error, RecursionError):
                raise
            refuse(value, where)
        kind = self.kind(value, where)
        if isinstance(reduced, str):  # the name of a singleton
            return frame("singleton", kind + text(reduced))
        maker, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        return frame(
            "object",
            kind
            + self.encode(maker, where)
            + frame("arguments", self.items(arguments, where))
            + self._state(value, state, where)
            + frame("items", self.items(items or (), where))
            + frame("pairs", self.pairs(pairs or (), where)),
        )

    def _state(self, value: object, state: object, where: Where) -> bytes:
        if isinstance(state, tuple) and len(state) == 2:  # instance dictionary and slots
            parts = (self._state(value, part, where) for part in state)
            return frame("states", b"".join(parts))
        if isinstance(state, dict) and all(isinstance(name, str) for name in state):
            kept = {n: v for n, v in state.items() if not _derived(type(value), n)}
            return frame("state", self.state(kept, where))
        return frame("state", self.encode(state, where))


def digest(encoded: bytes) -> str:
    """The digest of an encoding."""
    return digest_bytes(encoded)


def refuse(value: object, where: Where, because: str = "") -> NoReturn:
    """Say that a value cannot be part of a recipe, and what to do instead.

    Raises:
        RecipeError: always.
    """
    because = because or "nothing in it tells when it changes"
    raise RecipeError(f"{where}, {_article(_name(value))}: {because}; {_remedy(value)}")


def _remedy(value: object) -> str:
    if isinstance(value, io.IOBase):
        return "open it inside the function, and pass the file as an input"
    if isinstance(value, Iterator):
        return "it can be read only once: make it inside the function, or pass a list"
    if type(value).__module__ in {"_thread", "threading", "multiprocessing.synchronize"}:
        return "make it inside the function, or leave it to the flow"
    return "make it inside the function, from parameters that say what it depends on"


def _name(value: object) -> str:
    cls = type(value)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def _article(noun: str) -> str:
    return f"{'an' if noun.lstrip('_')[:1].lower() in 'aeiou' else 'a'} {noun}"


def _derived(cls: type, name: str) -> bool:
    """Whether an attribute holds what a cached property computed from the others."""
    return isinstance(getattr(cls, name, None), functools.cached_property)
