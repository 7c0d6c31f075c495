"""Gates: what a model version has to pass to enter a stage.

| kind | what it looks at |
|---|---|
| `known_input` | the outputs that were recorded for example rows |
| `latency` | milliseconds and memory that predicting one row takes |
| `lint` | what `begat lint` finds about the version |
| `metric` | a metric, as a whole or in every slice, against a fixed bound |
| `relative` | a metric beside that of the version in Production, on the same rows |
| `report` | what somebody outside has said of the version |
| `reproduction` | whether `begat reproduce` trains the version again |
| `required` | the items without which a version is only weights |
| `schema` | the description of the rows that the model takes, beside Production's |
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


def _kind(module: str) -> Maker:
    """The maker of a module of this package, which is imported when it is asked for."""

    def make(said: Mapping[str, Any]) -> Gate:
        made: Gate = importlib.import_module(f".{module}", __name__).gate(said)
        return made

    return make


#: By kind.
KINDS: Mapping[str, Maker] = {
    "known_input": _kind("known_input"),
    "latency": _kind("latency"),
    "lint": _kind("lint"),
    "metric": _kind("metric"),
    "relative": _kind("relative"),
    "report": _kind("report"),
    "reproduction": _kind("reproduction"),
    "required": _kind("required"),
    "schema": _kind("schema"),
}


def judge(candidate: Candidate, policy: Policy) -> list[Verdict]:
    """What all gates of a policy say that are for the candidate's stage; Staging by default.

    Raises:
        SettingsError: a gate, of whichever stage, makes no sense.
        BegatError: a gate cannot look at the candidate at all.
    """
    # All are made, lest one whose stage is misspelt guards nothing.
    model = candidate.version.model
    check(policy, where=f"the policy of {model}; `begat policy show {model}` says whence they are")
    made = [(make(said), said.get("stage", "Staging")) for said in in_force(policy)]
    return [
        verdict
        for gate, stage in made
        if stage == candidate.stage
        for verdict in gate.judge(candidate)
    ]


def in_force(policy: Policy) -> list[Mapping[str, Any]]:
    """The gates of a policy, and those that guard Staging whether it names them or not.

    Nothing gets there without the items that the policy requires, nor beyond the limits that
    its serving requirements state.

    Args:
        policy: of the model.
    """
    named = {said.get("gate") for said in policy.gates if said.get("stage", "Staging") == "Staging"}
    always: list[Mapping[str, Any]] = []
    if policy.required and "required" not in named:
        always.append({"gate": "required", "items": policy.required})
    if Serving.of(policy.serving).is_limited and "latency" not in named:
        always.append({"gate": "latency"})
    return [*always, *policy.gates]


def check(policy: Policy, *, where: str) -> None:
    """See that every gate of a policy makes sense.

    Args:
        policy: which gates there are.
        where: what is named in errors, `the policy of flight-delays`.

    Raises:
        SettingsError: one does not.
    """
    for said in policy.gates:
        try:
            make(said)
        except SettingsError as error:
            raise SettingsError(f"{error}; see gates in {where}") from None


def make(said: Mapping[str, Any]) -> Gate:
    """The gate that a policy writes down.

    Raises:
        SettingsError: its kind is unknown, or a key or value of it makes no sense.
    """
    kind = str(said.get("gate"))
    if kind not in KINDS:
        raise SettingsError(f"there is no gate {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](said)


__all__ = ["KINDS", "Candidate", "Gate", "Verdict", "check", "in_force", "judge", "make"]
