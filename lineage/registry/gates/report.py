"""Gate `report`: what somebody outside has said of a version: a shadow run, a canary, a review.

| key | meaning |
|---|---|
| name | of the report, as `begat gate report REF NAME` sends it |
| max_age_hours | an older report does not count; any age by default |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...events import now
from .. import audit
from . import keys
from .keys import Key
from .verdict import Candidate, Verdict

_KEYS = {
    "name": Key(expected="the name of a report", sound=keys.text, needed=True),
    "max_age_hours": Key(expected="a number of hours, 0 or more", sound=keys.not_negative),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Waits for a report, and takes the last one at its word."""

    name: str
    max_age_hours: float | None = None

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict: what the last report says."""
        from ..reports import latest  # which writes them, and so knows gates

        of = candidate.version
        found = latest(candidate.space.store, of, self.name)
        send = f"`begat gate report {of} {self.name} --passed` sends one"
        if found is None:
            return [
                Verdict(gate=self.name, passed=False, reason=f"nothing is reported yet; {send}")
            ]
        said = found.body
        how = "passed" if said.get("passed") else "failed"
        by = f"reported as {how} by {found.who} at {audit.minute(found.at)}"
        hours = _hours_since(found.at)
        if self.max_age_hours is not None and hours > self.max_age_hours:
            return [
                Verdict(
                    gate=self.name,
                    passed=False,
                    value=f"reported {hours:,.1f} h ago",
                    threshold=f"reported in the last {self.max_age_hours:g} h",
                    reason=send,
                )
            ]
        return [
            Verdict(
                gate=self.name,
                passed=bool(said.get("passed")),
                value=said.get("value"),
                threshold=said.get("threshold"),
                reason=f"{found.reason} ({by})" if found.reason else by,
            )
        ]


def gate(said: Mapping[str, Any]) -> Report:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    found = keys.read(said, _KEYS)
    return Report(name=found["name"], max_age_hours=found.get("max_age_hours"))


def _hours_since(at: str) -> float:
    passed = datetime.fromisoformat(now()) - datetime.fromisoformat(at)
    return passed / timedelta(hours=1)
