"""`POST /api/v1/lineage` and `/batch`: OpenLineage events come in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from ..errors import EventError
from ..graph.intake import Intake, take
from . import body
from .guard import needs
from .problems import problems

router = APIRouter(
    prefix="/api/v1",
    tags=["OpenLineage"],
    dependencies=[Depends(needs("ingest"))],
    responses=problems(400, 401, 403, 408, 413, 415, 503),
)

#: More bad events than this in one body end its reading.
MOST_REFUSED = 100_000
#: Characters of an event's reason.
REASON = 500


class Summary(BaseModel):
    """How many events came, and what became of them."""

    received: Annotated[int, Field(ge=0)]
    successful: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    retriable: Annotated[int, Field(ge=0, description="Of those that failed")]
    non_retriable: Annotated[int, Field(ge=0, description="Of those that failed")]


class Failed(BaseModel):
    """An event that was not stored."""

    index: Annotated[int, Field(ge=0, description="Its place in what was sent, from 0")]
    reason: str
    retriable: bool


class Outcome(BaseModel):
    """What became of events."""

    status: Literal["success", "partial_success"]
    summary: Summary
    failed_events: list[Failed]


_NAMED: dict[str, Any] = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"type": "string"},
        "name": {"type": "string"},
        "facets": {"type": "object"},
    },
}
_HEAD: dict[str, Any] = {
    "eventTime": {"type": "string", "format": "date-time"},
    "producer": {"type": "string", "format": "uri"},
    "schemaURL": {"type": "string", "format": "uri"},
}
_DATASETS: dict[str, Any] = {
    "inputs": {"type": "array", "items": _NAMED},
    "outputs": {"type": "array", "items": _NAMED},
}
_RUN: dict[str, Any] = {
    "type": "object",
    "required": ["runId"],
    "properties": {
        "runId": {"type": "string", "format": "uuid"},
        "facets": {"type": "object"},
    },
}
_TYPES = ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]


def _event(title: str, required: list[str], more: dict[str, Any]) -> dict[str, Any]:
    properties = {**_HEAD, **more}
    return {
        "title": title,
        "type": "object",
        "required": ["eventTime", *required],
        "properties": properties,
    }


#: What is asked of an event; https://openlineage.io has all that can be in one.
EVENT: dict[str, Any] = {
    "anyOf": [
        _event(
            "RunEvent",
            ["run", "job"],
            {"eventType": {"enum": _TYPES}, "run": _RUN, "job": _NAMED, **_DATASETS},
        ),
        _event("JobEvent", ["job"], {"job": _NAMED, **_DATASETS}),
        _event("DatasetEvent", ["dataset"], {"dataset": _NAMED}),
    ]
}
EVENTS: dict[str, Any] = {"type": "array", "items": EVENT}


@router.post(
    "/lineage",
    summary="Send one event, or a list of them",
    status_code=201,
    responses={
        200: {"model": Outcome, "description": "Some events of a list were refused"},
        201: {"model": Outcome, "description": "All that was sent is stored"},
    },
    openapi_extra=body.takes({"anyOf": [EVENT, EVENTS]}),
)
async def lineage(request: Request) -> Response:
    """Store OpenLineage events: one, a JSON list, or one a line (`application/x-ndjson`).

    What is acknowledged is committed. An event that was sent before is acknowledged again and
    changes nothing, so sending again is always safe. A single event that is refused is
    answered 400.
    """
    intake = await _taken(request)
    return _answer(intake, whole=201)


@router.post(
    "/lineage/batch",
    summary="Send a list of events",
    status_code=204,
    response_class=Response,
    responses={
        200: {"model": Outcome, "description": "Some events were refused; the others are stored"},
        204: {"description": "All events are stored"},
    },
    openapi_extra=body.takes(EVENTS),
)
async def batch(request: Request) -> Response:
    """Store a list of OpenLineage events; those that are refused are named, by index."""
    intake = await _taken(request, list_only=True)
    return _answer(intake, whole=204)


async def _taken(request: Request, *, list_only: bool = False) -> Intake:
    state = request.app.state

    def work(sent: body.Body) -> Intake:
        found = body.events(sent, state.max_body)
        if list_only and not found.many:
            raise EventError(
                "a batch is a JSON list of events, and this body is none; put brackets around "
                "it, or send it to /api/v1/lineage"
            )
        intake = take(state.stores.writer, found.events, most_refused=MOST_REFUSED)
        state.metrics.took(intake)
        if not found.many and intake.refused:
            raise EventError(intake.refused[0].reason)
        return intake

    async with body.received(request, state.held, state.max_body) as sent:
        # In threads, so that others are answered meanwhile; in few, for each holds all it reads.
        return await anyio.to_thread.run_sync(work, sent, limiter=state.readers)


def _answer(intake: Intake, *, whole: int) -> Response:
    if whole == 204 and not intake.refused:
        return Response(status_code=204)
    failed = len(intake.refused)
    return JSONResponse(
        {
            "status": "partial_success" if failed else "success",
            "summary": {
                "received": intake.received,
                "successful": intake.received - failed,
                "failed": failed,
                "retriable": 0,
                "non_retriable": failed,
            },
            "failed_events": [
                {"index": one.index, "reason": _line(one.reason), "retriable": False}
                for one in intake.refused
            ],
        },
        status_code=200 if failed else whole,
    )


def _line(reason: str) -> str:
    line = " ".join(reason.split()).encode(errors="replace").decode()
    return line if len(line) <= REASON else f"{line[:REASON]}…"
