"""Whether a source still is what was read from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..content import sources
from ..content.patterns import Pattern
from ..content.stat import StatCache
from ..errors import BegatError, DataError, PipelineError
from ..partitions import values
from ..records import DatasetVersion

State = Literal["same", "changed", "removed"]
_VERSION_ID = "?versionId="
_ROOT = Path("/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """A source as it is now, beside what was read from it."""

    #: By partition and digest of what was read; what is not here cannot be told.
    states: Mapping[tuple[str, str], State] = field(default_factory=dict)
    #: Partitions that are there and were not read; None if that cannot be told.
    added: tuple[str, ...] | None = None
    #: What cannot be told, and why; empty if all can.
    note: str = ""


def today(read: Sequence[DatasetVersion], cache: StatCache) -> Today:
    """Look at the source of versions of one dataset.

    Args:
        read: versions that were read from it, with their locations.
        cache: knows digests of files that have not changed.
    """
    known = [version for version in read if version.location]
    if not known:
        return Today(note=_unknown(read[0]))
    if (pattern := _pattern(known)) is not None:
        try:
            found = sources.snapshot(pattern, folder=_ROOT, cache=cache).versions
        except BegatError:
            pass  # one by one it can be told which
        else:
            now = {version.partition: version.digest for version in found}
            read_keys = {version.partition for version in read}
            return Today(
                states={_key(version): _state(version, now) for version in known},
                added=tuple(key for key in now if key not in read_keys),
                note=_untold(read, known),
            )
    return _singly(read, known, cache)


def _singly(
    read: Sequence[DatasetVersion], known: Sequence[DatasetVersion], cache: StatCache
) -> Today:
    states: dict[tuple[str, str], State] = {}
    notes = [_untold(read, known)]
    for version in known:
        try:
            now = sources.version(_unversioned(version), folder=_ROOT, cache=cache).digest
        except DataError:
            states[_key(version)] = "removed"
        except BegatError as error:
            notes.append(str(error))
        else:
            states[_key(version)] = "same" if now == version.digest else "changed"
    whole = all(not version.partition for version in known)
    if not whole:
        notes.append("whether partitions were added cannot be told from the names of these files")
    return Today(states=states, added=() if whole else None, note="; ".join(filter(None, notes)))


def _pattern(known: Sequence[DatasetVersion]) -> str | None:
    """The pattern that all these locations are of; None if they are of none."""
    # A partition of many files has a pattern for its location, and so tells most.
    first = max(known, key=lambda version: "*" in version.location)
    own, location = values(first.partition), _unversioned(first)
    start = _fixed(first, location)
    if not own or not start:
        return None
    keys = {value: key for key, value in own.items()}
    found = "|".join(map(re.escape, sorted(keys, key=len, reverse=True)))
    rest = re.sub(found, lambda value: f"{{{keys[value[0]]}}}", location[start:])
    try:
        pattern = Pattern.parse(location[:start] + rest, folder=_ROOT)
    except PipelineError:  # two values side by side
        return None
    fits = all(
        pattern.match(_unversioned(version)) == values(version.partition) for version in known
    )
    return pattern.path if fits else None


def _unversioned(version: DatasetVersion) -> str:
    """Where something is, whichever of its versions was read."""
    return version.location.partition(_VERSION_ID)[0]


def _fixed(version: DatasetVersion, location: str) -> int:
    """How much of a location is the dataset's name: no part of it is a partition's value."""
    local = version.namespace == "file"
    start = version.name if local else f"{version.namespace}/{version.name}"
    return len(start) if location.startswith(start) else 0


def _state(version: DatasetVersion, now: Mapping[str, str]) -> State:
    if version.partition not in now:
        return "removed"
    return "same" if now[version.partition] == version.digest else "changed"


def _key(version: DatasetVersion) -> tuple[str, str]:
    return version.partition, version.digest


def _unknown(version: DatasetVersion) -> str:
    if version.namespace == "file" or version.namespace.startswith("s3://"):
        return "no file is known to hold it"
    return "it is not a file; where it is a database, `begat plan` asks it"


def _untold(read: Sequence[DatasetVersion], known: Sequence[DatasetVersion]) -> str:
    lost = len(read) - len(known)
    return f"of {lost} of them no file is known to hold them" if lost else ""
