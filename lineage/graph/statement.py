"""An event as it is stored: without secrets, its text, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..content.digest import digest_bytes
from ..events.redact import redacted
from . import shapes
from .facts import Facts, facts


class Statement(NamedTuple):
    """What an event says, and its text."""

    facts: Facts
    #: Canonical, redacted. It says every value as it was received; white space, the order of
    #: keys and the spelling of numbers and escapes are not kept, so that one event has one text.
    text: str


def statement(event: Mapping[str, Any], text: str) -> Statement:
    """Redact an event, hash it, and read what it says.

    Args:
        event: as it was received or recorded.
        text: its canonical text.

    Raises:
        EventError: it cannot be read.
    """
    event, text = redacted(event, text)
    said = facts(event, digest_bytes(text.encode()))
    shapes.check(event)
    return Statement(said, text)
