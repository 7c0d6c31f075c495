"""Events out of what somebody sent: one, a JSON list of them, or one a line.

Whatever is sent, what can be read is read, and what cannot is told by its place: an event
that is refused is an `EventError` among the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import EventError
from .canonical import WHITE, read_at
from .canonical import read as read_whole

#: Lists and objects inside one another. Real events have a dozen; what the deepest parser here
#: could just take, another one could not.
MAX_DEPTH = 200

_BLANK = re.compile(f"[{WHITE}]*")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_SCALAR = re.compile(rf'{_STRING}|[^\[\]{{}},"\s]+', re.DOTALL)


class Read(NamedTuple):
    """An event, and its canonical text."""

    event: dict[str, Any]
    text: str


def one(text: str | bytes) -> Read:
    """The event that a text is.

    Raises:
        EventError: it is no JSON object, or holds something that is refused.
    """
    return _shallow(Read(*read_whole(text)))


def listed(text: str) -> Iterator[Read | EventError]:
    """The events of a JSON list, or the one event that there is instead of a list.

    An event that is no JSON at all is skipped, as far as its brackets tell where it ends; if
    they do not, the last error says that nothing behind it was read.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        yield tried(text)
        return
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        yield from _behind(text, at + 1)
        return
    while True:
        found, end = _element(text, at)
        yield found
        if not end:
            return
        at = _skip(text, end)
        mark, at = text[at : at + 1], at + 1
        if mark == "]":
            yield from _behind(text, at)
            return
        if mark != ",":
            what = f"{mark!r} at character {at - 1}" if mark else "its end"
            yield EventError(f"the list of events breaks off: a comma or ] was due, not {what}")
            return
        at = _skip(text, at)


def lines(data: Iterable[bytes]) -> Iterator[Read | EventError]:
    """The events of a file or a body that has one a line; empty lines are none."""
    for line in data:
        if line.strip():
            yield tried(line)


def split(body: bytes) -> Iterator[bytes]:
    """The lines of a body, one at a time."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


def tried(text: str | bytes) -> Read | EventError:
    """The event that a text is, or why it is none."""
    try:
        return one(text)
    except EventError as error:
        return error


def _element(text: str, at: int) -> tuple[Read | EventError, int]:
    """The event at a place of a list, and where it ends; 0 if nobody can tell."""
    try:
        event, said, end = read_at(text, at)
    except EventError as error:
        end = _end_of(text, at)
        if end:
            return error, end
        return EventError(f"{error}; nothing behind it in the list could be read"), 0
    try:
        return _shallow(Read(event, said)), end
    except EventError as error:
        return error, end


def _end_of(text: str, at: int) -> int:
    """Where a value ends as far as its brackets tell; 0 if they do not."""
    if text[at : at + 1] not in ("{", "["):
        scalar = _SCALAR.match(text, at)
        return scalar.end() if scalar else 0
    depth = 0
    for token in _TOKEN.finditer(text, at):
        mark = token.group()
        depth += (mark in "{[") - (mark in "}]") if len(mark) == 1 else 0
        if depth == 0:
            return token.end()
    return 0


def _behind(text: str, at: int) -> Iterator[EventError]:
    if _skip(text, at) != len(text):
        yield EventError(
            f"something follows the end of the list at character {at}; it was not read: send "
            "one list, or one event a line as application/x-ndjson"
        )


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _shallow(read: Read) -> Read:
    # Each of them opens with a bracket, so few brackets are proof enough.
    if read.text.count("{") + read.text.count("[") <= MAX_DEPTH:
        return read
    level: list[Any] = [read.event]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return read
    raise EventError(
        f"the event nests lists and objects more than {MAX_DEPTH} deep; send it flatter"
    )
