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

from ...settings import Settings
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict

_KEYS = {
    "tolerance": Key(expected="a share from 0 up to 1, such as 0.005", sound=keys.share),
    "slices": Key(expected="true or false", sound=lambda value: isinstance(value, bool)),
    "rebuild_environment": Key(
        expected="true or false", sound=lambda value: isinstance(value, bool)
    ),
}
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


def gate(said: Mapping[str, Any]) -> Reproduction:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    return Reproduction(**keys.read(said, _KEYS))


def _variables(settings: Settings) -> dict[str, str]:
    """What lets another process find the same store and artifacts."""
    return {
        "BEGAT_HOME": str(settings.home),
        "BEGAT_STORE": settings.store,
        "BEGAT_ARTIFACTS": settings.artifacts,
        "BEGAT_NAMESPACE": settings.namespace,
        "BEGAT_IMAGE_DIGEST": settings.image_digest,
    }
