"""`/api/v2`: which begat this is, and events as they are stored."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
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


class StoredEvent(BaseModel):
    """A stored event."""

    hash: Annotated[str, Field(description="blake3: and the digest of its canonical form")]
    origin: Literal["recorded", "ingested"]
    event_time: Annotated[str, Field(description="ISO 8601, UTC")]
    run_id: Annotated[str | None, Field(description="Null for events of no run")]
    type: Annotated[str, Field(description="Its eventType, or JOB or DATASET")]
    event: Annotated[dict[str, Any], Field(description="As received, secrets hidden")]


@router.get("/version", summary="Which begat this is", response_model=Version)
def version() -> JSONResponse:
    """Say name and version."""
    return JSONResponse({"name": "begat", "version": metadata.version("begat")})


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
    found["run_id"] = found["run_id"] or None
    # Spliced as text: a number that no double says would lose digits on its way through one.
    head = json.dumps(found, ensure_ascii=False)[:-1]
    return Response(f'{head}, "event": {body}}}', media_type="application/json")
