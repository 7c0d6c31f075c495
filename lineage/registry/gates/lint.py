"""Gate `lint`: what `begat lint` finds about the version, by what is recorded of it.

| key | meaning |
|---|---|
| strict | true: warnings refuse, too, not errors only |
| ignore | codes of findings that do not count |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...lint import CODES, counting, of_version
from . import keys
from .keys import Key
from .metric import named
from .verdict import Candidate, Verdict

_KEYS = {
    "strict": Key(expected="true or false", sound=lambda value: isinstance(value, bool)),
    "ignore": Key(
        expected=f"a list of some of {', '.join(CODES)}",
        sound=lambda value: (
            isinstance(value, (list, tuple))
            and all(isinstance(one, str) and one in CODES for one in value)
        ),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Lint:
    """Refuses a version about which something is found that counts."""

    strict: bool = False
    ignore: tuple[str, ...] = ()
    name: str = ""

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict for each finding that counts; one if there is none."""
        findings = of_version(candidate.space, candidate.version)
        counted = counting(findings, strict=self.strict, ignore=self.ignore)
        if not counted:
            others = f"{len(findings)} that do not count" if findings else "nothing"
            return [
                Verdict(
                    gate=self.name or "lint", passed=True, reason=f"`begat lint` finds {others}"
                )
            ]
        return [
            Verdict(
                gate=named(self.name, f"lint {one.code}"),
                passed=False,
                reason=f"{one.what} ({one.where}); {one.remedy}",
            )
            for one in counted
        ]


def gate(said: Mapping[str, Any]) -> Lint:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    found = keys.read(said, _KEYS)
    return Lint(**{**found, "ignore": tuple(found.get("ignore", ()))})
