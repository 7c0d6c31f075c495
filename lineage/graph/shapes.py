"""What must look in one way that becomes columns or edges; everything else is kept as it is.

The types are those of OpenLineage's and begat's own schemas, no stricter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import EventError

_Shapes = Mapping[str, Mapping[str, type]]

#: Where, by facet: types of a field; a path goes on into objects. Absent and null are no error.
_RUN: _Shapes = {
    "parent": {"run.runId": str, "root.run.runId": str},
    "begat_attempt": {"attempt": int},
    "begat_recipe": {"digest": str},
    "begat_reuse": {"run": str},
    "tags": {"tags": list},
}
_JOB: _Shapes = {"tags": {"tags": list}}
_DATASET: _Shapes = {"lifecycleStateChange": {"previousIdentifier": dict}}
#: Fields without which a facet says nothing.
_NEEDED = frozenset({"run.runId"})
_LARGEST = 2**31

#: A run id, in lower case.
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Bytes that a word may have of which two are in one index: PostgreSQL's take 2,704 in all.
LONGEST = 1_200


def is_short(word: str) -> bool:
    """Whether a word is short enough for the indexes of every database."""
    return len(word) * 4 <= LONGEST or len(word.encode()) <= LONGEST


def word(called: str, value: str) -> str:
    """A word that things are found by.

    Raises:
        ValueError: it is too long.
    """
    if not is_short(value):
        raise ValueError(f"{called} is at most {LONGEST} bytes long; got {value[:40]}…")
    return value


def check(event: Mapping[str, Any]) -> None:
    """Refuse an event whose facets cannot become what they should.

    Raises:
        EventError: a field is of another type; the message names it.
    """
    for place, facets, shapes in _facets(event):
        for key in shapes.keys() & facets.keys():
            _check(f"{place}.facets.{key}", facets[key], shapes[key])


def _facets(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], _Shapes]]:
    holders: list[tuple[str, Any, _Shapes]] = [
        ("run", event.get("run"), _RUN),
        ("job", event.get("job"), _JOB),
        ("dataset", event.get("dataset"), _DATASET),
    ]
    for uses in ("inputs", "outputs"):
        for index, one in enumerate(event.get(uses) or ()):
            holders.append((f"{uses}[{index}]", one, _DATASET))
    for place, holder, shapes in holders:
        facets = holder.get("facets") if isinstance(holder, Mapping) else None
        if isinstance(facets, Mapping):
            yield place, facets, shapes


def _check(path: str, facet: Mapping[str, Any] | None, shape: Mapping[str, type]) -> None:
    if facet is None or facet.get("_deleted") is True:
        return
    for field, type_ in shape.items():
        value = _field(path, facet, field)
        if value in (None, ""):
            if field in _NEEDED:
                raise EventError(f"{path} has no {field}; name it, or leave the facet out")
            continue
        if not isinstance(value, type_) or isinstance(value, bool):
            raise EventError(f"{path}.{field} is of type {type_.__name__}; got {str(value)[:40]!r}")
        if isinstance(value, str) and not is_short(value):
            raise EventError(f"{path}.{field} is at most {LONGEST} bytes long; got {value[:40]!r}…")
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise EventError(f"{path}.{field} is a number of at most 31 bits; got {value}")


def _field(path: str, facet: Mapping[str, Any], field: str) -> Any:
    found: Any = facet
    for name in field.split("."):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise EventError(f"{path}.{field} is not there, for {str(found)[:40]!r} is no object")
        found = found.get(name)
    return found
