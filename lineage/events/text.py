"""The canonical text of an event, put together from the texts of its parts.

It is what `canonical` writes of the whole. The text of a sealed part is made once, however
many events hold it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any

from ..errors import EventError
from .canonical import canonical
from .sealed import Sealed

#: Where an event keeps facets.
_FACETS = frozenset({"facets", "inputFacets", "outputFacets"})


def text(event: Mapping[str, Any]) -> str:
    """The canonical JSON text of a run event.

    Raises:
        EventError: something in it is refused; the message names the path.
    """
    if not _any_sealed(event):
        return canonical(event)
    try:
        return _object(event, _member)
    except (EventError, TypeError, AttributeError):
        # The whole knows the path; and what is no run event is written like any JSON.
        return canonical(event)


def _any_sealed(event: Mapping[str, Any]) -> bool:
    # What begat's wrapper builds has sealed facets of its run in every event.
    run = event.get("run")
    facets = run.get("facets") if isinstance(run, dict) else None
    if isinstance(run, Sealed) or isinstance(facets, Sealed) or not isinstance(facets, dict):
        return True
    return any(isinstance(facet, Sealed) for facet in facets.values())


def _member(key: str, value: Any) -> str:
    if key in ("run", "job"):
        return _holder(value)
    if key in ("inputs", "outputs") and isinstance(value, list):
        return f"[{','.join(map(_holder, value))}]"
    return _value(value)


def _holder(value: Any) -> str:
    """A run, a job, or a dataset of an event."""
    if isinstance(value, Sealed):
        return value.derived(canonical)
    return _object(value, _held) if isinstance(value, dict) else canonical(value)


def _held(key: str, value: Any) -> str:
    if key in _FACETS and isinstance(value, dict):
        return _object(value, _facet)
    return _value(value)


def _facet(_: str, value: Any) -> str:
    return value.derived(canonical) if isinstance(value, Sealed) else _value(value)


def _object(value: Mapping[str, Any], write: Callable[[str, Any], str]) -> str:
    members = [f"{_key(key)}:{write(key, value[key])}" for key in sorted(value)]
    return f"{{{','.join(members)}}}"


@functools.lru_cache(maxsize=4096)
def _key(key: str) -> str:
    return _string(key)


def _value(value: Any) -> str:
    return _string(value) if type(value) is str else canonical(value)


def _string(value: str) -> str:
    if value.isascii() and "\0" not in value:
        return encode_basestring(value)
    return canonical(value)
