"""What a task returned, as JSON that can be had again when the run is reused.

References become `{"$version": …}`, `{"$snapshot": …}` and `{"$model": …}`; tuples
`{"$tuple": …}`; NaN and the infinities `{"$float": "nan"}`; a dictionary whose keys
are not plain strings, or could be taken for one of these, `{"$dict": [[key, value], …]}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from types import NoneType
from typing import Any

from .records import DatasetVersion, ModelVersion, Snapshot

Reference = DatasetVersion | Snapshot | ModelVersion


class NotEncodableError(TypeError):
    """The value holds something that is neither JSON nor a reference."""


def encode(value: object) -> Any:
    """`value` as JSON-safe data.

    Raises:
        NotEncodableError: it holds something that is neither JSON nor a reference.
    """
    match value:
        case None | bool() | str() | int() if type(value) in (NoneType, bool, str, int):
            return value
        case float():  # numpy's float64 is one
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        case DatasetVersion():
            return {"$version": _fields(value)}
        case Snapshot():
            return {"$snapshot": [_fields(version) for version in value.versions]}
        case ModelVersion():
            return {"$model": asdict(value)}
        case list():
            return [encode(item) for item in value]
        case tuple() if type(value) is tuple:
            return {"$tuple": [encode(item) for item in value]}
        case dict() if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: encode(item) for key, item in value.items()}
        case dict():
            return {"$dict": [[encode(key), encode(item)] for key, item in value.items()]}
        case _:
            raise NotEncodableError(f"{type(value).__module__}.{type(value).__qualname__}")


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


def replace(value: Any, swap: Callable[[Reference], Reference]) -> Any:
    """`value` with every reference in it put through `swap`."""
    match value:
        case DatasetVersion() | Snapshot() | ModelVersion():
            return swap(value)
        case list():
            return [replace(item, swap) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(replace(item, swap) for item in value)
        case dict():
            return {key: replace(item, swap) for key, item in value.items()}
        case _:
            return value


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


def _fields(version: DatasetVersion) -> dict[str, Any]:
    # What is at its default is left out: results lie in the store by the million.
    return {
        field.name: value
        for field in fields(version)
        if (value := getattr(version, field.name)) != field.default
    }


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$version": lambda body: DatasetVersion(**body),
    "$snapshot": lambda body: Snapshot(versions=tuple(DatasetVersion(**row) for row in body)),
    "$model": lambda body: ModelVersion(**body),
    "$tuple": lambda body: tuple(decode(item) for item in body),
    "$float": float,
    "$dict": lambda body: {decode(key): decode(item) for key, item in body},
}
