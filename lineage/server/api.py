"""`/api/v2`: begat's own questions."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from ..graph import stored
from .guard import needs
from .problems import problems

router = APIRouter(
    prefix="/api/v2",
    tags=["lineage"],
    dependencies=[Depends(needs("read"))],
    responses=problems(400, 401, 403, 422, 503),
)


class Version(BaseModel):
    """Who answers."""

    name: Literal["begat"]
    version: str


class EventSummary(BaseModel):
    """A stored event, without what it says."""

    hash: Annotated[str, Field(description="blake3: and the digest of its canonical form")]
    origin: Literal["recorded", "ingested"]
    event_time: Annotated[str, Field(description="ISO 8601, UTC")]
    run_id: Annotated[str, Field(description="Empty for events of no run")]
    type: Annotated[str, Field(description="Its eventType, or JOB or DATASET")]


class StoredEvent(EventSummary):
    """A stored event."""

    event: Annotated[dict[str, Any], Field(description="As received, secrets hidden")]


class Events(BaseModel):
    """A page of events."""

    events: list[EventSummary]
    after: Annotated[str, Field(description="Give it to get the next page; empty after the last")]


@router.get("/version", summary="Which begat this is", response_model=Version)
def version() -> JSONResponse:
    """Say name and version."""
    return JSONResponse({"name": "begat", "version": metadata.version("begat")})


@router.get("/events", summary="List stored events, the newest first", response_model=Events)
def events(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many")] = 100,
    after: Annotated[str, Query(description="What the page before said")] = "",
    run: Annotated[str, Query(description="Only events of this run id")] = "",
) -> JSONResponse:
    """By event time. `GET /api/v2/events/{hash}` has what one says."""
    with request.app.state.stores.reading() as store:
        page = stored.page(store, limit=limit, after=after, run_id=run)
    return JSONResponse({"events": page.events, "after": page.after})


@router.get(
    "/events/{hash}",
    summary="Show one stored event",
    response_model=StoredEvent,
    responses=problems(404),
)
def event(
    request: Request,
    named: Annotated[str, Path(alias="hash", description="Its hash, or a beginning of it")],
) -> Response:
    """The event as it was received, secrets hidden; every digit of its numbers is there."""
    with request.app.state.stores.reading() as store:
        found = stored.one(store, named)
    body = found.pop("body")
    # Spliced as text: a number that no double says would lose digits on its way through one.
    head = json.dumps(found, ensure_ascii=False)[:-1]
    return Response(f'{head}, "event": {body}}}', media_type="application/json")
