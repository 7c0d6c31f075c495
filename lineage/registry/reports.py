"""Reports from outside about a version: rows of the log that gates ask for, and may act on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ArtifactError, ParameterError, RefusedError
from ..graph.store import Store
from ..records import ModelVersion
from ..workspace import Workspace
from . import audit, stages
from .audit import Entry
from .current import find
from .identity import POLICY, Identity
from .policy import Policy, policy_of

#: The action of such a row.
REPORT = "report"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """What a report came to."""

    report: Entry
    #: The row of the rollback that it set off; None if it set off none.
    rollback: Entry | None = None


def report(
    space: Workspace,
    ref: str,
    name: str,
    *,
    passed: bool,
    identity: Identity,
    value: float | None = None,
    threshold: float | None = None,
    reason: str = "",
) -> Reported:
    """Keep what somebody outside says of a version: a shadow run, a canary, a review.

    If it failed, the version is in Production and its policy has `name` in `rollback_on`, the
    version before it is put back. The report is kept before that, and stays.

    Args:
        space: where the registry is.
        ref: the version.
        name: of the report, which gates of kind `report` ask for.
        passed: whether all is well.
        identity: who says it.
        value: what was measured.
        threshold: what it had to be.
        reason: more, for people.

    Raises:
        RefError: it names no model version.
        ParameterError: the name is empty, or a number is none.
        RefusedError: the rollback is not possible; the report is kept.
        ArtifactError: the files to roll back to are gone; the report is kept.
        StoreError: the store failed.
    """
    if not name.strip():
        raise ParameterError("a report has a name, which a gate asks for: shadow, canary, …")
    for one in (value, threshold):
        if one is not None and not math.isfinite(one):
            raise ParameterError(f"what a report says of {name} is a number; got {one}")
    of = find(space, ref).version
    policy = policy_of(space, of.model)  # which may make no sense: then nothing is kept
    said = {"gate": name, "passed": passed, "value": value, "threshold": threshold}
    with space.store.write() as db:
        entry = audit.append(
            space.store,
            db,
            action=REPORT,
            model=of.model,
            version=of.version,
            identity=identity,
            reason=reason,
            body={key: one for key, one in said.items() if one is not None},
        )
    if passed or name not in policy.rollback_on:
        return Reported(report=entry)
    if find(space, of.ref).stage != "Production":
        return Reported(report=entry)
    why = f"{name} failed for {of}" + (f": {reason}" if reason else "")
    try:
        done = stages.rollback(space, of.ref, identity=POLICY, reason=why)
    except (RefusedError, ArtifactError) as error:
        raise type(error)(f"the report is kept, but nothing is rolled back: {error}") from error
    return Reported(report=entry, rollback=done)


def awaited(policy: Policy) -> list[str]:
    """The names of reports that a policy does something with, in alphabetical order."""
    asked = {str(said.get("name")) for said in policy.gates if said["gate"] == REPORT}
    return sorted({*asked, *policy.rollback_on})


def latest(store: Store, of: ModelVersion, name: str) -> Entry | None:
    """The last report of a name about a version; None if there is none.

    Raises:
        StoreError: the store failed.
    """
    with store.read() as db:
        rows = audit.of_version(db, of)
    said = [row for row in rows if row.action == REPORT and row.body.get("gate") == name]
    return said[-1] if said else None
