"""Gates: what a model version has to pass to enter a stage.

| kind | what it looks at |
|---|---|
| known_input | the outputs that were recorded for example rows |
| latency | milliseconds and memory that predicting one row takes |
| required | the items without which a version is only weights |
| schema | the description of the rows that the model takes, beside Production's |
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import SettingsError
from ..policy import Policy
from ..serving import Serving
from .verdict import Candidate, Gate, Verdict

#: Makes a gate of what the policy says about it.
Maker = Callable[[Mapping[str, Any]], Gate]


def _late(kind: str) -> Maker:
    """What makes gates of a kind; its module is imported when one is made."""

    def made(said: Mapping[str, Any]) -> Gate:
        found: Gate = importlib.import_module(f"{__name__}.{kind}").gate(said)
        return found

    return made


#: By kind.
KINDS: Mapping[str, Maker] = {
    kind: _late(kind) for kind in ("known_input", "latency", "required", "schema")
}


def judge(candidate: Candidate, policy: Policy) -> list[Verdict]:
    """What all gates of a policy say that are for the candidate's stage; Staging by default.

    Raises:
        SettingsError: a gate is of no known kind.
        BegatError: a gate cannot look at the candidate at all.
    """
    chosen = in_force(policy, candidate.stage)
    return [verdict for said in chosen for verdict in make(said).judge(candidate)]


def in_force(policy: Policy, stage: str) -> list[Mapping[str, Any]]:
    """The gates of a policy that are for a stage; Staging if they name none.

    Into Staging nothing goes without the items that the policy requires, nor beyond the limits
    that its serving requirements state, whether it names these gates or not.

    Args:
        policy: of the model.
        stage: where a version is to go.
    """
    named = [said for said in policy.gates if said.get("stage", "Staging") == stage]
    kinds = {said.get("gate") for said in named}
    always: list[Mapping[str, Any]] = []
    if stage == "Staging":
        if policy.required and "required" not in kinds:
            always.append({"gate": "required", "items": policy.required})
        if Serving.of(policy.serving).is_limited and "latency" not in kinds:
            always.append({"gate": "latency"})
    return [*always, *named]


def make(said: Mapping[str, Any]) -> Gate:
    """The gate that a policy writes down.

    Raises:
        SettingsError: its kind is unknown, or a value of it makes no sense.
    """
    kind = str(said.get("gate"))
    if kind not in KINDS:
        raise SettingsError(f"there is no gate {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](said)


__all__ = ["KINDS", "Candidate", "Gate", "Verdict", "in_force", "judge", "make"]
