"""What a store says of all that it holds, so that somebody can tell what may go."""

from __future__ import annotations

from dataclasses import dataclass

#: Artifacts that a listing gives at a time.
PAGE = 1000
#: What was written within so many seconds need not be made young again.
FRESH = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An artifact as a listing has it."""

    digest: str
    size: int
    #: Seconds since it was written, or was last found by whoever wrote it again, by the clock
    #: of where it lies. Negative if that clock went back.
    age: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """What writers left that were killed."""

    count: int = 0
    bytes: int = 0
