"""What goes wrong, as an answer: a status, one line that says what to do, whether to try again."""

from __future__ import annotations

import logging
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..errors import (
    BegatError,
    ParameterError,
    RefError,
    RefusedError,
    SettingsError,
    StoreError,
    UserError,
)

log = logging.getLogger("begat")

#: Seconds after which a store that was away is worth another try.
RETRY_AFTER = 5
#: A command that a message advises, and that is a route here.
_COMMAND = re.compile(
    r"`begat (search|datasets|partitions|versions|jobs|runs|models|events)( [A-Z]+)*`"
)
_MEANINGS = {
    400: "What was sent is not what was asked for",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token is not for this, or a browser asks for another site",
    404: "There is no such thing",
    408: "The body did not arrive",
    409: "The registry's rules do not allow it; no stage changed",
    413: "The body is too large",
    415: "The body is of another type",
    422: "A parameter is not what it should be",
    500: "The server failed",
    503: "The store is away or the server is full; try again",
}


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="One line: what, why, and what to do")
    retriable: bool = Field(description="Whether the same request may succeed later")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route may refuse, for its description."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal."""
    retriable = status in (408, 503)
    if retriable:
        headers = {"Retry-After": str(RETRY_AFTER), **(headers or {})}
    line = " ".join(detail.split())
    return JSONResponse(
        {"detail": line.encode(errors="replace").decode(), "retriable": retriable},
        status_code=status,
        headers=headers,
    )


def status_of(error: BegatError) -> int:
    """The status that an error is answered with."""
    if isinstance(error, StoreError):
        return 503
    if isinstance(error, SettingsError):
        return 500  # the server's own folder and environment: no caller can mend them
    if isinstance(error, RefError):
        return 404
    if isinstance(error, ParameterError):
        return 422
    if isinstance(error, RefusedError):
        return 409
    return 400 if isinstance(error, UserError) else 500


def _meaning(request: Request, name: str) -> str:
    """What a parameter of a route is, in the words of its description."""
    given = request.scope["route"].dependant.query_params
    said = next((one.field_info.description for one in given if one.alias == name), None)
    return f"{said[0].lower()}{said[1:]}" if said else "/docs says what it is"


def install(app: FastAPI) -> None:
    """Let an app answer all errors in this way."""

    @app.exception_handler(BegatError)
    def of_begat(request: Request, error: BegatError) -> JSONResponse:
        status = status_of(error)
        if isinstance(error, StoreError):
            request.app.state.metrics.store_errors.inc()
        if status >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error)
        return problem(status, _COMMAND.sub(r"/api/v2/\1", str(error)))

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> JSONResponse:
        detail = {
            404: f"there is no {request.url.path} here; /docs lists what there is",
            405: f"{request.url.path} takes no {request.method}; /docs lists what it takes",
        }.get(error.status_code, error.detail)
        return problem(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def of_parameters(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:])
        if first["type"] == "missing":
            return problem(422, f"{name} is needed: {_meaning(request, name)}")
        return problem(422, f"{name}: {first['msg']}; got {str(first.get('input'))[:80]!r}")

    @app.exception_handler(ClientDisconnect)
    def of_leaving(request: Request, error: ClientDisconnect) -> JSONResponse:
        return problem(400, "the sender left before all had arrived; send it again")

    @app.exception_handler(Exception)
    def of_begat_itself(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(
            500, f"begat failed unexpectedly ({type(error).__name__}); its log has the traceback"
        )
