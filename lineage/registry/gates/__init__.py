"""Gates: what a model version has to pass to enter a stage.

| kind | what it looks at |
|---|---|
| `metric` | a metric, as a whole or in every slice, against a fixed bound |
| `relative` | a metric beside that of the version in Production, on the same rows |
| `report` | what somebody outside has said of the version |
| `lint` | what `begat lint` finds about the version |
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import SettingsError
from ..policy import Policy
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
    "metric": _kind("metric"),
    "relative": _kind("relative"),
    "report": _kind("report"),
    "lint": _kind("lint"),
}


def judge(candidate: Candidate, policy: Policy) -> list[Verdict]:
    """What all gates of a policy say that are for the candidate's stage; Staging by default.

    Raises:
        SettingsError: a gate, of whichever stage, makes no sense.
        BegatError: a gate cannot look at the candidate at all.
    """
    # All are made, lest one whose stage is misspelt guards nothing.
    made = [(make(said), said.get("stage", "Staging")) for said in policy.gates]
    return [
        verdict
        for gate, stage in made
        if stage == candidate.stage
        for verdict in gate.judge(candidate)
    ]


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


__all__ = ["KINDS", "Candidate", "Gate", "Verdict", "check", "judge", "make"]
