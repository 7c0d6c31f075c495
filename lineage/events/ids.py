"""Run ids: UUIDs of version 7, whose first 48 bits are a time (RFC 9562, section 5.7)."""

from __future__ import annotations

import json
import os
import re
import time

from blake3 import blake3

_VERSION_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_LAST_INSTANT = (1 << 48) - 1


def new_id() -> str:
    """A new id for a run that starts now."""
    return _uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def static_id(*parts: str, instant_ms: int | None = None) -> str:
    """The id that these parts always have.

    Args:
        parts: what identifies the run: the orchestrator's run id, the attempt, the partition.
        instant_ms: when it was created, in milliseconds since 1970; by default the time inside
            the first part, if that is a UUIDv7, else 0 (such ids sort before all others).

    Raises:
        ValueError: there are no parts, or the instant does not fit into 48 bits.

    >>> static_id("0192e6a1-0000-7000-8000-000000000000", "1")[:13]
    '0192e6a1-0000'
    """
    if not parts:
        raise ValueError("a static id needs at least one part that identifies the run")
    instant = instant_ms_of(parts[0]) or 0 if instant_ms is None else instant_ms
    if not 0 <= instant <= _LAST_INSTANT:
        raise ValueError(f"instant_ms is between 0 and {_LAST_INSTANT}; got {instant}")
    # As a JSON list, ("a", "bc") and ("ab", "c") are different bytes.
    return _uuid7(instant, blake3(json.dumps(parts).encode()).digest(length=10))


def instant_ms_of(text: str) -> int | None:
    """Milliseconds since 1970 in a UUIDv7; None for anything else.

    >>> instant_ms_of("00000000-0001-7000-8000-000000000000")
    1
    """
    text = text.lower()
    return int(text[:8] + text[9:13], 16) if _VERSION_7.fullmatch(text) else None


def _uuid7(instant_ms: int, tail: bytes) -> str:
    number = instant_ms << 80 | int.from_bytes(tail, "big")
    number = number & ~(0xF << 76) | 0x7 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
