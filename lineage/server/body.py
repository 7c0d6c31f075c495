"""What a request carries, within bounds: of each body, and of all that are held at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from ..errors import EventError
from ..events import reading
from ..events.canonical import WHITE, decoded
from ..events.reading import Read

#: Bytes of a body, as it comes and as it is inflated.
MAX_BODY = 64 << 20
#: Seconds to wait for the next part of a body, and for others to be done with theirs.
PATIENCE = 60.0
#: What is read of a body that is refused, so that its sender comes to read why.
DRAINED = 1 << 30

#: What no text begins with.
_GZIP = b"\x1f\x8b"
_JSON = "application/json"
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A body as it came."""

    data: bytes
    gzipped: bool
    #: One event a line; else JSON.
    lines: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """The events in a body, read one by one as they are asked for."""

    events: Iterator[Read | EventError]
    #: Whether they may be many.
    many: bool


class Held:
    """How many bytes of bodies are held; who would go beyond the bound waits.

    Args:
        total: the bound.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Keep room for so many bytes.

        Raises:
            HTTPException: 503, nobody made room in time.
        """
        size = min(size, self._total)
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(lambda: self._free >= size)
                self._free -= size
        except TimeoutError:
            raise HTTPException(
                503, "the server holds as much as it may of what others send; send it again later"
            ) from None
        try:
            yield
        finally:
            async with self._changed:
                self._free += size
                self._changed.notify_all()


@asynccontextmanager
async def received(request: Request, held: Held, limit: int) -> AsyncIterator[Body]:
    """The body of a request, while it is needed.

    Args:
        request: whose body nobody has read.
        held: all bodies that there are.
        limit: bytes that it may have.

    Raises:
        HTTPException: it is too large, of another type, or does not arrive.
    """
    try:
        lines, gzipped = _is_lines(request), _is_gzipped(request)
        length = _declared(request)
        if length is not None and length > limit:
            raise too_large(limit)
    except HTTPException:
        await _drain(request)
        raise
    async with held.reserved(limit if length is None else length):
        data = await _all(request, limit)
        yield Body(data=data, gzipped=gzipped, lines=lines)


def events(body: Body, limit: int) -> Sent:
    """The events that a body says.

    Raises:
        HTTPException: it is too large inflated.
        EventError: it is empty, no gzip, no UTF-8, or breaks off.
    """
    data = plain(body, limit)
    if not data.strip():
        raise EventError("the body is empty; send an OpenLineage event, or a list of them")
    if body.lines:
        return Sent(events=reading.lines(reading.split(data)), many=True)
    text = decoded(data)
    start = text.lstrip(WHITE)[:1]
    end = text[-100:].rstrip(WHITE)[-1:]
    if start == "[" and end not in ("]", ""):
        raise EventError(
            f"the list of events breaks off: it ends with {end!r}, not with ]; send all of it"
        )
    return Sent(events=reading.listed(text), many=start == "[")


def plain(body: Body, limit: int) -> bytes:
    """What a body says, unpacked if it says that it is packed.

    Raises:
        HTTPException: it is too large inflated.
        EventError: it is no gzip or breaks off, or it is gzip and does not say so.
    """
    if body.gzipped:
        return inflated(body.data, limit)
    if body.data.startswith(_GZIP):
        raise EventError("the body looks gzipped; send it with Content-Encoding: gzip")
    return body.data


def inflated(data: bytes, limit: int) -> bytes:
    """What gzip made smaller, if that is not more than `limit` bytes.

    Raises:
        HTTPException: it is more.
        EventError: it is no gzip, or breaks off.
    """
    found = bytearray()
    try:
        while data:
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                if not data:
                    raise EventError("the gzipped body breaks off; send all of it")
                found += member.decompress(data, limit + 1 - len(found))
                if len(found) > limit:
                    raise too_large(limit)
                data = member.unconsumed_tail
            data = member.unused_data
    except zlib.error as error:
        raise EventError(
            f"the body is not gzip ({error}); send it so or without Content-Encoding"
        ) from None
    return bytes(found)


def too_large(limit: int) -> HTTPException:
    """The refusal of a body that is too large."""
    return HTTPException(
        413,
        f"a body has at most {limit} bytes, inflated too; send fewer events at once, or let the "
        "server take more (begat serve --max-body)",
    )


def _is_lines(request: Request) -> bool:
    given = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if given in _LINES:
        return True
    if given in ("", _JSON) or (given.startswith("application/") and given.endswith("+json")):
        return False
    raise HTTPException(
        415,
        f"the Content-Type is {given[:80]}; send application/json, or application/x-ndjson for "
        "one event a line",
    )


def _is_gzipped(request: Request) -> bool:
    given = request.headers.get("content-encoding", "identity").strip().lower()
    if given in ("gzip", "x-gzip"):
        return True
    if given in ("", "identity"):
        return False
    raise HTTPException(415, f"the Content-Encoding is {given[:80]}; send gzip or none")


def _declared(request: Request) -> int | None:
    given = request.headers.get("content-length", "")
    return int(given) if given.isascii() and given.isdigit() else None


async def _all(request: Request, limit: int) -> bytes:
    found = bytearray()
    parts = request.stream()
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                part = await anext(parts, None)
        except TimeoutError:
            raise HTTPException(
                408, f"nothing of the body came for {PATIENCE:g} s; send it again"
            ) from None
        if part is None:
            return bytes(found)
        found += part
        if len(found) > limit:
            found.clear()
            await _drain(request, parts)
            raise too_large(limit)


async def _drain(request: Request, parts: AsyncIterator[bytes] | None = None) -> None:
    if request.headers.get("expect"):
        return  # its sender waits to be told to send at all
    drained = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in parts or request.stream():
                drained += len(part)
                if drained > DRAINED:
                    return
    except TimeoutError:
        return


def takes(schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a body that is read here: as JSON or by line, packed or not."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
        "parameters": [
            {
                "name": "Content-Encoding",
                "in": "header",
                "description": "How the body is packed",
                "schema": {"type": "string", "enum": ["gzip", "identity"]},
            }
        ],
    }
