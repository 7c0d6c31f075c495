"""What the version in Production is worth on the rows that a candidate was evaluated on."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import BegatError, StoreError
from . import measured
from .measured import Measured
from .verdict import Candidate

if TYPE_CHECKING:
    from ...diff.evaluation import Evaluation
    from ...diff.sides import Side
    from ...graph.connection import Connection
    from ...workspace import Workspace

#: The flow that such a run belongs to, behind the model's name. It is one of its own, so that
#: what the pipeline evaluated last stays what is current.
FLOW = "gates"
#: A process has one workspace, and one module of a name: threads of a server take turns.
_ALONE = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Production's numbers, or why there are none."""

    #: `metrics` and `slices`, as an evaluation has them.
    body: Mapping[str, Any] = field(default_factory=dict)
    #: The candidate's, where they had to be computed anew; else empty.
    candidate: Mapping[str, Any] = field(default_factory=dict)
    #: Where they come from, as a clause behind the version's name.
    how: str = ""
    #: Why they cannot be had.
    error: str = ""


def production(candidate: Candidate, wanted: Sequence[Measured]) -> Beside:
    """Production's evaluation on the candidate's rows: the recorded one, or else one made now.

    Args:
        candidate: with a version in Production.
        wanted: what it has to speak of.

    Raises:
        StoreError: the store failed.
    """
    from ...diff import holdout
    from ...diff.compare import same_rows
    from ...diff.evaluation import Evaluation
    from ...diff.sides import side

    space = candidate.space
    assert candidate.production is not None
    mine = side(space.store, candidate.version.ref)
    theirs = side(space.store, candidate.production.ref)
    for one in (mine, theirs):
        if one.evaluation is None:
            return Beside(error=f"no recorded run has evaluated {one.name}")
    with space.store.read() as db:
        recorded = _recorded_alike(db, theirs, mine)
        leaks = holdout.trained_on(db, mine, theirs)
        call = Evaluation.of(db, theirs, mine)
        again = Evaluation.of(db, mine, mine)
        current = _version(db, mine) == call.version
    leak = " (which it was trained on, so its numbers are too good)" if leaks else ""
    kept = {"metrics": theirs.metrics, "slices": theirs.slices}
    if (
        recorded
        and all(measured.has(kept, one) for one in wanted)
        and same_rows(space.store, space.artifacts, theirs, mine)
    ):
        return Beside(body=kept, how=f"evaluated on the same rows{leak}")
    flow = f"{candidate.version.model}.{FLOW}"
    try:
        own = {} if current else evaluated(space, again, flow)
        body = evaluated(space, call, flow)
    except StoreError:
        raise
    except BegatError as error:
        return Beside(error=_refusal(theirs, str(error)))
    except Exception as error:  # metrics are anybody's code
        return Beside(error=_refusal(theirs, f"{type(error).__name__}: {error}"))
    return Beside(body=body, candidate=own, how=f"evaluated on these rows for this{leak}")


def evaluated(space: Workspace, call: Evaluation, flow: str) -> dict[str, Any]:
    """What an evaluation says, by a run that is recorded and that answers the next who asks.

    Args:
        space: where it is recorded.
        call: the evaluation.
        flow: the name of the flow that its run belongs to.

    Raises:
        BegatError: it failed, or its function is there no more.
    """
    from ... import plain
    from ...diff.evaluation import content_of
    from ...tracking import Tracked
    from ...workspace import using

    with (
        _ALONE,
        using(space, close=False),
        call.loaded(space) as (function, arguments),
        plain.flow(flow),
    ):
        tracked = Tracked(function=function, name=call.task, version=call.version, seed=call.seed)
        made = plain.run(tracked, **arguments).value
        content = content_of(made, space)
    return {name: content.get(name, {}) for name in ("metrics", "slices", "undefined")}


def _recorded_alike(db: Connection, *sides: Side) -> bool:
    """Whether the same code computed the metrics of both: the evaluation's, and the user's."""
    return len({_code(db, one) for one in sides}) == 1


def _code(db: Connection, of: Side) -> tuple[Any, ...]:
    recipe = _recipe(db, of)
    functions = recipe.get("functions", {})
    return (
        *(recipe.get("function"), recipe.get("version")),
        recipe.get("arguments", {}).get("metrics"),
        tuple(sorted(functions.items())),
    )


def _version(db: Connection, of: Side) -> int:
    return int(_recipe(db, of).get("version") or 0)


def _recipe(db: Connection, of: Side) -> Mapping[str, Any]:
    from ...diff.sides import facets_of

    found: Mapping[str, Any] = facets_of(db, of.evaluation).get("begat_recipe", {})
    return found


def _refusal(theirs: Side, why: str) -> str:
    return f"{theirs.name} in Production cannot be evaluated on these rows: {' '.join(why.split())}"
