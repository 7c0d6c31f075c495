"""What a task returned: which of it are outputs, and JSON from which a reuse has it again.

References become `{"$version": …}`, `{"$snapshot": …}` and `{"$model": …}`; tuples
`{"$tuple": …}`; NaN and the infinities `{"$float": "nan"}`; numpy's numbers `{"$numpy":
[type, number]}`; a dictionary whose keys are not plain strings in order, or could be taken
for one of these, `{"$dict": [[key, value], …]}`: JSON's objects have no order, and code can
see a dictionary's.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

from .records import DatasetVersion, ModelVersion, Snapshot

Reference = DatasetVersion | Snapshot | ModelVersion


class NotEncodableError(TypeError):
    """The value holds something that is neither JSON nor a reference."""


def claimed(
    value: Any, *, run_id: str, read: Iterable[Reference]
) -> tuple[Any, list[DatasetVersion | ModelVersion]]:
    """What a run returned, and its outputs: the references in it that it had not read.

    Args:
        value: what it returned. Dataset versions in it that are outputs are replaced by ones
            that the run produced and that lie in the store only.
        run_id: the run.
        read: what it was given.
    """
    known = {
        version
        for item in read
        for version in (item.versions if isinstance(item, Snapshot) else (item,))
    }
    outputs: dict[DatasetVersion | ModelVersion, None] = {}

    def own(version: DatasetVersion) -> DatasetVersion:
        if version in known:
            return version
        if version.producer != run_id or version.location or version.query:
            version = dataclasses.replace(version, producer=run_id, location="", query="")
        outputs[version] = None
        return version

    def swap(reference: Reference) -> Reference:
        if isinstance(reference, DatasetVersion):
            return own(reference)
        if isinstance(reference, Snapshot):
            return Snapshot(versions=tuple(map(own, reference.versions)))
        if reference not in known:
            outputs[reference] = None
        return reference

    try:
        return replace(value, swap), list(outputs)
    except RecursionError:  # it contains itself, so it is returned as it is
        return value, list(outputs)


def replace(value: Any, swap: Callable[[Reference], Reference]) -> Any:
    """`value` with every reference in it put through `swap`.

    Tuples, lists, dictionaries and dataclasses are looked into, and copied only if something
    in them is replaced.
    """
    if isinstance(value, Reference):
        return swap(value)
    if isinstance(value, list | tuple):
        parts = [replace(part, swap) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
    if isinstance(value, dict):
        named = {key: replace(part, swap) for key, part in value.items()}
        if all(named[key] is value[key] for key in named):
            return value
        changed = copy.copy(value)
        changed.update(named)
        return changed
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        named = {name: replace(part, swap) for name, part in held.items()}
        named = {name: part for name, part in named.items() if part is not held[name]}
        return dataclasses.replace(value, **named) if named else value
    return value


def encode(value: object) -> Any:
    """`value` as JSON-safe data; what `decode` makes of it is equal and of the same type.

    Raises:
        NotEncodableError: it holds something that is neither JSON nor a reference.
    """
    if isinstance(value, Reference):
        return _reference(value)
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind in _ENCODERS:
        return _ENCODERS[kind](value)
    if kind.__module__ == "numpy" and (number := _numpy(value)) is not None:
        return number
    raise NotEncodableError(f"{kind.__module__}.{kind.__qualname__}")


def decode(data: Any) -> Any:
    """The value that `encode` was given.

    Args:
        data: what `encode` returned, also after a round trip through JSON text.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((tag, body),) = data.items()
        if tag in _DECODERS:
            return _DECODERS[tag](body)
    return {key: decode(item) for key, item in data.items()}


def digests(data: Any) -> Iterator[str]:
    """The digests of all bytes that an encoded result refers to."""
    if isinstance(data, list):
        for item in data:
            yield from digests(item)
    elif isinstance(data, dict):
        for key, item in data.items():
            if key in ("$version", "$model"):
                yield item["digest"]
            elif key == "$snapshot":
                yield from (version["digest"] for version in item)
            else:
                yield from digests(item)


def _reference(value: Reference) -> dict[str, Any]:
    if isinstance(value, DatasetVersion):
        return {"$version": _fields(value)}
    if isinstance(value, Snapshot):
        return {"$snapshot": [_fields(version) for version in value.versions]}
    return {"$model": asdict(value)}


def _fields(version: DatasetVersion) -> dict[str, Any]:
    # What is at its default is left out: results lie in the store by the million.
    return {
        field.name: value
        for field in fields(version)
        if (value := getattr(version, field.name)) != field.default
    }


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotEncodableError("string with half a character in it") from None
    if "\0" in value:  # databases cut it off there
        raise NotEncodableError("string with U+0000 in it")
    return value


def _whole(value: int) -> int:
    if value.bit_length() > _LONGEST:
        raise NotEncodableError(f"number of {value.bit_length()} bits")
    return value


def _float(value: float) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _dict(value: dict[Any, Any]) -> Any:
    plain = all(type(key) is str and not key.startswith("$") for key in value)
    if plain and all(a < b for a, b in pairwise(value)):
        return {_text(key): encode(item) for key, item in value.items()}
    return {"$dict": [[encode(key), encode(item)] for key, item in value.items()]}


def _numpy(value: Any) -> Any:
    import numpy as np

    if not isinstance(value, np.bool | np.number):
        return None
    # What no Python number says exactly, a long double, is still numpy's as an item.
    item = value.item()
    return {"$numpy": [value.dtype.str, encode(item)]} if type(item) in (bool, int, float) else None


def _from_numpy(body: list[Any]) -> Any:
    import numpy as np

    return np.dtype(body[0]).type(decode(body[1]))


#: Bits of an integer that every JSON reader in Python takes.
_LONGEST = 10_000
_ENCODERS: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _whole,
    float: _float,
    list: lambda value: [encode(item) for item in value],
    tuple: lambda value: {"$tuple": [encode(item) for item in value]},
    dict: _dict,
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$version": lambda body: DatasetVersion(**body),
    "$snapshot": lambda body: Snapshot(versions=tuple(DatasetVersion(**row) for row in body)),
    "$model": lambda body: ModelVersion(**body),
    "$tuple": lambda body: tuple(decode(item) for item in body),
    "$float": float,
    "$numpy": _from_numpy,
    "$dict": lambda body: {decode(key): decode(item) for key, item in body},
}
