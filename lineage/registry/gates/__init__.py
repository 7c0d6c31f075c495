"""Gates: what a model version has to pass to enter a stage.

| kind | what it looks at |
|---|---|
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import SettingsError
from ..policy import Policy
from .verdict import Candidate, Gate, Verdict

#: Makes a gate of what the policy says about it.
Maker = Callable[[Mapping[str, Any]], Gate]
#: By kind.
KINDS: Mapping[str, Maker] = {}


def judge(candidate: Candidate, policy: Policy) -> list[Verdict]:
    """What all gates of a policy say that are for the candidate's stage; Staging by default.

    Raises:
        SettingsError: a gate is of no known kind.
        BegatError: a gate cannot look at the candidate at all.
    """
    chosen = [said for said in policy.gates if said.get("stage", "Staging") == candidate.stage]
    return [verdict for said in chosen for verdict in make(said).judge(candidate)]


def make(said: Mapping[str, Any]) -> Gate:
    """The gate that a policy writes down.

    Raises:
        SettingsError: its kind is unknown, or a value of it makes no sense.
    """
    kind = str(said.get("gate"))
    if kind not in KINDS:
        raise SettingsError(f"there is no gate {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](said)


__all__ = ["KINDS", "Candidate", "Gate", "Verdict", "judge", "make"]
