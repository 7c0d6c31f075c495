"""Whether the server lives and its store answers, and what it counted."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from ..errors import StoreError
from ..graph import stored
from .guard import needs
from .metrics import CONTENT_TYPE
from .problems import problem, problems

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"]


@router.get("/healthz", summary="Whether the process lives", response_model=Health)
async def healthz() -> JSONResponse:
    """Say so. Needs no token."""
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="Whether the store answers",
    response_model=Health,
    responses=problems(503),
)
def readyz(request: Request) -> JSONResponse:
    """Ask the store something. Needs no token."""
    try:
        with request.app.state.stores.reading() as store:
            stored.ask(store)
    except StoreError as error:
        return problem(503, str(error))
    return JSONResponse({"status": "ok"})


@router.get(
    "/metrics",
    summary="Counts and times, as Prometheus reads them",
    response_class=Response,
    dependencies=[Depends(needs("read"))],
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(401, 403, 503),
    },
)
def metrics(request: Request) -> Response:
    """Events by what became of them, requests by route and status, errors of the store."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)
