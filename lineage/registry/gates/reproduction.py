"""Whether a version can be trained again: `begat reproduce`, in a process of its own.

`{"gate": "reproduction", "tolerance": 0.005}`; beside it `slices` and `rebuild_environment`, as the
command's options.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import SettingsError
from ...settings import Settings
from .verdict import Candidate, Verdict

_KEYS = frozenset({"gate", "name", "stage", "tolerance", "slices", "rebuild_environment"})
#: Exit codes with which the command has judged; others are errors of its own.
_JUDGED = (0, 1, 2)
#: Reasons that a verdict repeats.
_REASONS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """Trains the candidate again.

    Args:
        name: what it is called.
        tolerance: share of a recorded metric by which another may differ.
        slices: whether the metrics of slices count, too.
        rebuild_environment: whether to do it with the recorded packages.
    """

    name: str = "reproduction"
    tolerance: float = 0.005
    slices: bool = False
    rebuild_environment: bool = False

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict, whose value is the largest relative difference of a metric."""
        import subprocess
        import sys

        options = ["--tolerance", repr(self.tolerance)]
        options += ["--slices"] if self.slices else []
        options += ["--rebuild-environment"] if self.rebuild_environment else []
        # begat.flows has the command, and this layer does not know it.
        done = subprocess.run(
            [
                *(sys.executable, "-m", "begat.lineage.cli", "reproduce"),
                *(candidate.version.ref, *options, "--json"),
            ],
            env={**os.environ, **_variables(candidate.space.settings)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = None
        if done.returncode not in _JUDGED or not isinstance(found, dict):
            said = done.stderr.strip().splitlines()
            return [self._verdict(False, None, said[-1] if said else "it said nothing")]
        reasons = [f"{found['verdict']}: {'; '.join(found['reasons'][:_REASONS])}"]
        if done.returncode:
            used = [one["says"] for one in found["different"] if one["used"]]
            reasons += [f"different here: {', '.join(used[:_REASONS])}"] if used else []
            reasons.append(f"see begat reproduce {candidate.version.ref}")
        worst = None if found["verdict"] == "cannot" else found["worst"]
        return [self._verdict(done.returncode == 0, worst, "; ".join(reasons))]

    def _verdict(self, passed: bool, worst: float | None, reason: str) -> Verdict:
        return Verdict(
            gate=self.name,
            passed=passed,
            value=worst,
            threshold=f"at most {self.tolerance:g}",
            reason=reason,
        )


def reproduction(said: Mapping[str, Any]) -> Reproduction:
    """The gate that a policy writes down.

    Raises:
        SettingsError: it has a key that is unknown, or a value of another type.
    """
    if unknown := sorted(said.keys() - _KEYS):
        raise SettingsError(
            f"the gate reproduction has no key {unknown[0]!r}; it knows {', '.join(sorted(_KEYS))}"
        )
    tolerance = said.get("tolerance", 0.005)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0:
        raise SettingsError(
            f"tolerance of the gate reproduction is a share such as 0.005; got {tolerance!r}"
        )
    for key in ("slices", "rebuild_environment"):
        if not isinstance(said.get(key, False), bool):
            raise SettingsError(
                f"{key} of the gate reproduction is true or false; got {said[key]!r}"
            )
    return Reproduction(
        name=str(said.get("name") or "reproduction"),
        tolerance=float(tolerance),
        slices=said.get("slices", False),
        rebuild_environment=said.get("rebuild_environment", False),
    )


def _variables(settings: Settings) -> dict[str, str]:
    """What lets another process find the same store and artifacts."""
    return {
        "BEGAT_HOME": str(settings.home),
        "BEGAT_STORE": settings.store,
        "BEGAT_ARTIFACTS": settings.artifacts,
        "BEGAT_NAMESPACE": settings.namespace,
        "BEGAT_IMAGE_DIGEST": settings.image_digest,
    }
