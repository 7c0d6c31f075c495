"""`/api/v2/acts`: acts on the registry, one at a time, and the log of all of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import EventError, ParameterError
from ..graph.answer import LIMIT, Answer, Record
from ..registry import aliases, audit, reports, sign_off, stages
from ..registry.audit import Entry
from ..registry.identity import identity
from ..settings import load
from ..workspace import Workspace
from . import body
from .guard import Given, needs
from .parameters import known
from .problems import problems
from .questions import After, Limit
from .shapes import model_of

router = APIRouter(prefix="/api/v2", tags=["registry"], dependencies=[Depends(known)])


class Act(BaseModel):
    """What is to be done."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["promote", "approve", "reject", "archive", "rollback", "alias", "report"]
    ref: Annotated[
        str,
        Field(description="A model version; for a rollback a model, or what is to be taken back"),
    ]
    to: Annotated[str, Field(description="Stage to promote to, version to roll back to")] = ""
    alias: Annotated[str, Field(description="Name that the version is to have")] = ""
    delete: Annotated[
        bool, Field(description="Of an alias: take it away; `ref` is MODEL@NAME then")
    ] = False
    reason: Annotated[str, Field(description="Why; the log keeps it", max_length=10_000)] = ""
    force: Annotated[bool, Field(description="Do it although it is refused")] = False
    gate: Annotated[str, Field(description="Of a report: its name, `canary`")] = ""
    passed: Annotated[bool | None, Field(description="Of a report: whether all is well")] = None
    value: Annotated[float | None, Field(description="Of a report: what was measured")] = None
    threshold: Annotated[float | None, Field(description="Of a report: what it had to be")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Done(Record):
    """What came of an act."""

    #: Whether it was not so already.
    changed: bool
    #: The row of the log; none if nothing changed.
    entry: Entry | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acts(Answer):
    """A page of the audit log."""

    entries: tuple[Entry, ...]


@router.post(
    "/acts",
    summary="Promote, approve, reject, archive, roll back, name or report on a model version",
    response_model=model_of(Done),
    dependencies=[Depends(needs("promote"))],
    responses=problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 500, 503),
    openapi_extra=body.takes(Act.model_json_schema()),
)
async def act(request: Request, given: Given) -> JSONResponse:
    """Do it as whom the token says, with the rules of the server's own folder.

    A report that failed may put the last version back, if the policy says so; `entry` is that row.

    What it takes to judge the gates runs in the server: it needs the artifact store.
    """
    state = request.app.state
    host = request.client.host if request.client else ""

    def work(said: Act) -> Done:
        # One of its own: what is judged here may take its time.
        with state.stores.reading() as store:
            # What a gate starts asks the store that is served, whatever the settings name.
            space = Workspace(replace(load(), store=state.stores.url), store=store)
            with closing(space):
                entry = _do(space, said, text=given.credentials if given else "", host=host)
        return Done(changed=entry is not None, entry=entry)

    async with body.received(request, state.held, state.max_body) as sent:
        said = await anyio.to_thread.run_sync(lambda: _read(body.plain(sent, state.max_body)))
    # What gates take is not to keep a rollback waiting, nor those who ask.
    judged = state.judges if said.act == "promote" else None
    done = await anyio.to_thread.run_sync(work, said, limiter=judged)
    return JSONResponse(done.to_json())


@router.get(
    "/acts",
    summary="Every act on the registry",
    response_model=model_of(Acts),
    dependencies=[Depends(needs("read"))],
    responses=problems(401, 403, 404, 422, 503),
)
def acts(
    request: Request,
    model: Annotated[str, Query(description="Of this model only")] = "",
    until: Annotated[
        str, Query(description="None later than this day, to its end, or ISO 8601 time")
    ] = "",
    limit: Limit = LIMIT,
    after: After = None,
) -> JSONResponse:
    """The audit log, from its first row."""
    time = audit.end_of(until) if until else audit.ALWAYS
    seq = _seq(after)
    with request.app.state.stores.reading() as store:
        rows = audit.entries(store, model, until=time, after=seq, most=limit + 1)
    page, more = rows[:limit], len(rows) > limit
    found = Acts(
        entries=tuple(page),
        reasons=("page",) if more or after else (),
        next=str(page[-1].seq) if more else None,
    )
    return JSONResponse(found.to_json())


def _seq(after: str | None) -> int:
    """The last row of the page before."""
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise ParameterError(f"after is what a page gave as its next; got {after!r}")
    return int(after)


def _do(space: Workspace, said: Act, *, text: str, host: str) -> Entry | None:
    if said.delete and said.act != "alias":
        raise ParameterError(f"an alias is deleted, and nothing else; got {said.act!r} with delete")
    who = identity(space.store, text=text, host=host)
    ref, reason = said.ref, said.reason
    match said.act:
        case "promote":
            return stages.promote(
                space, ref, to=said.to, identity=who, reason=reason, force=said.force
            )
        case "archive":
            return stages.archive(space, ref, identity=who, reason=reason, force=said.force)
        case "rollback":
            return stages.rollback(space, ref, identity=who, reason=reason, to=said.to)
        case "alias" if said.delete:
            if said.alias:
                raise ParameterError("to take an alias away, ref is MODEL@NAME, and alias is empty")
            model, _, name = ref.rpartition("@")
            return aliases.remove(space, model, name, identity=who, reason=reason)
        case "alias":
            return aliases.put(space, ref, said.alias, identity=who, reason=reason)
        case "report":
            if said.passed is None:
                raise ParameterError(f"say of {said.gate or 'a report'} whether it passed")
            told = reports.report(
                space,
                ref,
                said.gate,
                passed=said.passed,
                identity=who,
                value=said.value,
                threshold=said.threshold,
                reason=reason,
            )
            return told.rollback or told.report
        case _:
            approve = said.act == "approve"
            return sign_off.sign(space, ref, approve=approve, identity=who, reason=reason)


def _read(data: bytes) -> Act:
    try:
        return Act.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # no JSON, or no object
            raise EventError(f'{first["msg"]}; send an act, {{"act": …, "ref": …}}') from None
        where = ".".join(str(part) for part in first["loc"])
        raise ParameterError(f"{where}: {first['msg']}; /docs says what an act is") from None
