"""`POST /api/v2/arrivals`: whoever stores objects says what arrived."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ..arrivals import ledger, messages
from ..arrivals.notice import Notice
from ..errors import EventError
from ..events import now
from ..events.canonical import decoded
from . import body
from .guard import needs
from .problems import problems

router = APIRouter(
    prefix="/api/v2",
    tags=["arrivals"],
    dependencies=[Depends(needs("ingest"))],
    responses=problems(400, 401, 403, 408, 413, 415, 503),
)


class Taken(BaseModel):
    """What became of a message."""

    received: Annotated[int, Field(ge=0, description="Objects that it tells of")]
    recorded: Annotated[int, Field(ge=0, description="Of those, that were not known")]
    known: Annotated[int, Field(ge=0, description="Of those, that were: told again")]


_TEXT = {"type": "string"}
_PLAIN: dict[str, Any] = {
    "version": {"type": "string", "description": "VersionId, where versions are kept"},
    "digest": {"type": "string", "description": "Of its bytes, such as an ETag"},
    "size": {"type": "integer", "minimum": 0},
    "time": {"type": "string", "format": "date-time"},
    "sequencer": {"type": "string", "description": "Hexadecimal: S3's order of what happened"},
    "removed": {"type": "boolean", "description": "Whether it is gone"},
}
#: What is asked of a message; docs/arrivals.md has an example of each.
MESSAGE: dict[str, Any] = {
    "anyOf": [
        {
            "title": "Object",
            "type": "object",
            "required": ["source", "key"],
            "properties": {
                "source": {
                    "type": "string",
                    "description": "s3://bucket, or file",
                    "pattern": "^(s3://[^/]+/*|file/*)$",
                },
                "key": {"type": "string", "description": "Of a file: its absolute path"},
                **_PLAIN,
            },
            "additionalProperties": False,
        },
        {
            "title": "Partition",
            "type": "object",
            "required": ["dataset"],
            "properties": {
                "dataset": {
                    "type": "object",
                    "required": ["namespace", "name"],
                    "properties": {"namespace": _TEXT, "name": _TEXT},
                    "additionalProperties": False,
                },
                "partition": _TEXT,
                "key": _TEXT,
                **_PLAIN,
            },
            "additionalProperties": False,
        },
        {
            "title": "S3",
            "description": "S3's notification, which MinIO's is, too",
            "type": "object",
            "required": ["Records"],
            "properties": {"Records": {"type": "array", "items": {"type": "object"}}},
        },
        {
            "title": "SNS",
            "type": "object",
            "required": ["Type", "Message"],
            "properties": {"Type": {"enum": ["Notification"]}, "Message": _TEXT},
        },
        {
            "title": "EventBridge",
            "type": "object",
            "required": ["detail-type", "detail"],
            "properties": {"detail-type": _TEXT, "detail": {"type": "object"}},
        },
        {
            "title": "SeaweedFS",
            "type": "object",
            "required": ["event_type", "key", "message"],
            "properties": {"event_type": _TEXT, "key": _TEXT, "message": {"type": "object"}},
        },
    ]
}


@router.post(
    "/arrivals",
    summary="Say what arrived",
    status_code=201,
    response_model=Taken,
    openapi_extra=body.takes({"anyOf": [MESSAGE, {"type": "array", "items": MESSAGE}]}),
)
async def arrivals(request: Request) -> JSONResponse:
    """Record arrivals: one message, a JSON list of them, or one a line.

    All of a body is recorded, or nothing of it. What was told before is acknowledged again and
    changes nothing. `begat watch` on the same store takes what belongs to its sources from
    here; a message that tells of something else is acknowledged and comes to nothing.
    """
    state = request.app.state

    def work(sent: body.Body) -> Taken:
        notices = _notices(sent, state.max_body)
        recorded = ledger.record(state.stores.writer, notices, told_by="webhook", now=now())
        return Taken(received=len(notices), recorded=recorded.new, known=recorded.known)

    async with body.received(request, state.held, state.max_body) as sent:
        taken = await anyio.to_thread.run_sync(work, sent, limiter=state.readers)
    return JSONResponse(taken.model_dump(), status_code=201)


def _notices(sent: body.Body, limit: int) -> list[Notice]:
    data = body.plain(sent, limit)
    if not data.strip():
        raise EventError("the body is empty; send what arrived, docs/arrivals.md has the shapes")
    text = decoded(data)
    texts = [line for line in text.splitlines() if line.strip()] if sent.lines else [text]
    return [notice for one in texts for notice in messages.parse(one)]
