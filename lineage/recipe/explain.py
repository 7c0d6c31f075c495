"""Why two recipes differ: one line for each part that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MISSING = object()


def explain(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """What changed from recipe `a` to recipe `b`, most telling first; empty if they are equal.

    Args:
        a: the earlier recipe, as `Recipe.to_facet` gives it.
        b: the later one.
    """
    return [
        *_values("job", a.get("job"), b.get("job")),
        *_values("task version", a.get("version"), b.get("version")),
        *_values("function called", a.get("function"), b.get("function")),
        *_inputs(_part(a, "inputs"), _part(b, "inputs")),
        *_parameters(a, b),
        *_code(_part(a, "functions"), _part(b, "functions")),
        *_environment(_part(a, "environment"), _part(b, "environment")),
        *_each("package", _part(a, "packages"), _part(b, "packages")),
        *_values("Python", a.get("python"), b.get("python")),
        *_values("seed", a.get("seed"), b.get("seed")),
    ]


def _part(facet: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = facet.get(name)
    return part if isinstance(part, Mapping) else {}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({*a, *b}):
        before, after = a.get(key, _MISSING), b.get(key, _MISSING)
        if before is _MISSING or after is _MISSING or before != after:
            yield key, before, after


def _values(what: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        yield f"{what}: {_short(before)} -> {_short(after)}"


def _each(what: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for key, before, after in _differing(a, b):
        yield f"{what} {key}: {_short(before)} -> {_short(after)}"


def _inputs(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for path, before, after in _differing(a, b):
        yield f"input {path}: {_input(before)} -> {_input(after)}"


def _input(value: Any) -> str:
    if not isinstance(value, Mapping):
        return _short(value)
    name = value.get("dataset") or value.get("model")
    place = f"[{value['partition']}]" if value.get("partition") else ""
    size = f", {value['count']} partitions" if "count" in value else ""
    return f"{name}{place} {_short(value.get('digest') or value.get('content_root'))}{size}"


def _parameters(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    shown_a, shown_b = _part(a, "parameters"), _part(b, "parameters")
    for name, before, after in _differing(_part(a, "arguments"), _part(b, "arguments")):
        if _MISSING in (before, after):
            yield from _values(
                f"parameter {name}", shown_a.get(name, _MISSING), shown_b.get(name, _MISSING)
            )
            continue
        lines = list(_deep(name, shown_a.get(name), shown_b.get(name)))
        yield from lines or [f"parameter {name}: its type, or what is not shown of it, changed"]


def _deep(path: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, x, y in _differing(before, after):
            yield from _deep(f"{path}.{key}", x, y)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (x, y) in enumerate(zip(before, after, strict=True)):
            yield from _deep(f"{path}[{i}]", x, y)
    elif _distinct(before, after):
        yield f"parameter {path}: {_short(before)} -> {_short(after)}"


def _distinct(before: Any, after: Any) -> bool:
    return type(before) is not type(after) or bool(before != after)


def _code(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for label, before, after in _differing(a, b):
        if before is _MISSING:
            yield f"code {label}: is reached now"
        elif after is _MISSING:
            yield f"code {label}: is not reached any more"
        else:
            yield f"code {label}: changed"


def _environment(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name, before, after in _differing(a, b):
        if before is _MISSING:
            yield f"environment variable {name}: is read now"
        elif after is _MISSING:
            yield f"environment variable {name}: is not read any more"
        elif "unset" in (before, after):
            yield f"environment variable {name}: {_set(before)} -> {_set(after)}"
        else:
            yield f"environment variable {name}: another value"


def _set(digest: str) -> str:
    return "unset" if digest == "unset" else "set"


def _short(value: Any) -> str:
    if value is _MISSING:
        return "none"
    if isinstance(value, str) and value.startswith("blake3:"):
        return value[:19]
    shown = value if isinstance(value, str) else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
