"""Judging a version as its model's policy says, without moving it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import GateError, ParameterError
from ..graph.stages import named
from ..workspace import Workspace
from . import files
from .current import find
from .current import production as production_of
from .gates import Candidate, Verdict, judge
from .policy import policy_of

#: Where a version would go next.
_NEXT = {"None": "Staging", "Archived": "Staging", "Staging": "Production"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What the gates of a stage say of a version now."""

    ref: str
    #: The stage whose gates were asked.
    to: str
    verdicts: Sequence[Verdict]

    @property
    def refused(self) -> list[Verdict]:
        """Those that refuse."""
        return [one for one in self.verdicts if not one.passed]

    def check(self) -> None:
        """See that nothing refuses.

        Raises:
            GateError: something does.
        """
        if refused := self.refused:
            says = "; ".join(one.says() for one in refused)
            raise GateError(f"{self.ref} would not be let into {self.to}: {says}")


def trial(space: Workspace, ref: str, *, to: str = "") -> Trial:
    """Ask the gates, and change no stage.

    A gate that compares with Production may have its model evaluated, by a recorded run.

    Args:
        space: where the registry and the artifacts are.
        ref: the version.
        to: the stage; the one it would go to next by default.

    Raises:
        RefError: it names no model version.
        ParameterError: it is in Production, and no stage is named.
        SettingsError: the policy makes no sense.
        ArtifactError: its files are not there, or not what they were.
        StoreError: the store failed.
    """
    found = find(space, ref)
    of = found.version
    stage = to or _NEXT.get(found.stage, "")
    if not stage:
        raise ParameterError(
            f"{of} is in {named(found.stage)}, and goes no further; say which gates to ask by --to"
        )
    files.check(space, of, found.files)  # as `promote` does first
    with space.store.read() as db:
        production = production_of(db, of.model)
    candidate = Candidate(
        space=space, version=of, body=found.body, stage=stage, production=production
    )
    policy = policy_of(space, of.model)
    return Trial(ref=of.ref, to=stage, verdicts=judge(candidate, policy))
