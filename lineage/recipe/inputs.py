"""Dataset and model versions among arguments: a task's inputs, however nested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from ..content.merkle import roots
from ..records import DatasetVersion, ModelVersion, Snapshot

#: What a task reads or writes by reference.
Reference = DatasetVersion | Snapshot | ModelVersion


def inputs_of(value: object) -> list[tuple[str, Reference]]:
    """Every version and snapshot inside nested tuples, lists, dicts and dataclasses.

    With its path: `part`, `lookups.weather`, `parts[0]`; of arguments by name, the name.
    """
    return list(_walk(value, "", frozenset()))


def only_inputs(value: object) -> bool:
    """Whether a value is an input, or a collection of nothing else: no parameter, then."""
    return _only_inputs(value, frozenset())


def describe(value: Reference) -> dict[str, str | int]:
    """What a recipe says of an input: which one it is, never where it lies or who made it."""
    if isinstance(value, DatasetVersion):
        return {
            "dataset": value.dataset.logical,
            "partition": value.partition,
            "digest": value.digest,
        }
    if isinstance(value, Snapshot):
        found = roots(value)
        return {
            "dataset": value.dataset.logical,
            "content_root": found.content,
            "count": found.count,
        }
    return {"model": value.model, "digest": value.digest}


def _walk(value: object, path: str, seen: frozenset[int]) -> Iterator[tuple[str, Reference]]:
    if isinstance(value, Reference):
        yield path, value
        return
    if id(value) in seen:
        return
    for step, part in _parts(value, path):
        yield from _walk(part, step, seen | {id(value)})


def _parts(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield f"{path}[{i}]", part
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield _key(path, key), part
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield _key(path, field.name), getattr(value, field.name, None)


def _key(path: str, key: object) -> str:
    if isinstance(key, str) and key.isidentifier():
        return f"{path}.{key}" if path else key
    return f"{path}[{key!r}]"


def _only_inputs(value: object, seen: frozenset[int]) -> bool:
    if isinstance(value, Reference):
        return True
    if not isinstance(value, list | tuple | dict) or not value or id(value) in seen:
        return False
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return all(_only_inputs(part, seen | {id(value)}) for part in parts)
