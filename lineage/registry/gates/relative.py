"""Gate `relative`: a metric beside that of the version in Production, on the same rows.

| key | meaning |
|---|---|
| metric | its name |
| worse_by | how much worse it may be, in the metric's own unit |
| worse_by_percent | the same in percent of what Production has; one of the two |
| slices | a column, or true for all: every slice has to pass, too |
| min_rows | slices with fewer rows are left out; 1 by default |
| better | `more` or `less`, where the metric's name does not tell |

Metrics of other rows say nothing about which model is better. So Production's numbers are taken
as they were recorded only if both were evaluated on the same rows in the same way; else its
model is evaluated on the candidate's rows, by a recorded run of its own: see `beside.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import SettingsError
from ..better import less_is_better, worse_by
from . import keys, measured
from .keys import Key
from .measured import Measured
from .metric import named
from .verdict import Candidate, Verdict

_KEYS = {
    "metric": Key(expected="the name of a metric", sound=keys.text, needed=True),
    "worse_by": Key(expected="a number, 0 or more", sound=keys.not_negative),
    "worse_by_percent": Key(expected="a number of percent, 0 or more", sound=keys.not_negative),
    "better": Key(expected="more or less", sound=lambda value: value in ("more", "less")),
    **keys.SLICES,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Relative:
    """Compares a metric with what Production has on the same rows."""

    metric: str
    worse_by: float | None = None
    worse_by_percent: float | None = None
    slices: str | bool = False
    min_rows: int = 1
    better: str = ""
    name: str = ""

    def judge(self, candidate: Candidate) -> Sequence[Verdict]:
        """One verdict about all rows, and one a slice where slices are asked for."""
        from . import beside  # reads the graph, and may run a model

        if candidate.production is None:
            return [self._passed("no version is in Production to be compared with")]
        if candidate.production == candidate.version:
            return [self._passed("it is the version in Production")]
        wanted = [*self._looked_at(candidate.body)]
        if all(one.value is None for one in wanted):
            return self.compared(candidate.body, {}, "")
        found = beside.production(candidate, wanted)
        if found.error:
            return [Verdict(gate=self._called(self.metric), passed=False, reason=found.error)]
        how = f"{candidate.production} in Production, {found.how},"
        return self.compared({**candidate.body, **found.candidate}, found.body, how)

    def compared(
        self, body: Mapping[str, Any], production: Mapping[str, Any], how: str
    ) -> list[Verdict]:
        """What two evaluations on the same rows say.

        Args:
            body: the candidate's `metrics` and `slices`.
            production: those of the version in Production.
            how: what verdicts call that version.
        """
        return [self._verdict(own, production, how) for own in self._looked_at(body)]

    def _looked_at(self, body: Mapping[str, Any]) -> Iterator[Measured]:
        yield measured.whole(body, self.metric)
        if not self.slices:
            return
        none = True
        for column in measured.columns(body, self.slices):
            for one in measured.sliced(body, self.metric, column, min_rows=self.min_rows):
                none = False
                yield one
        if none:
            why = measured.no_slices(body, self.slices, min_rows=self.min_rows)
            yield Measured(what=f"{self.metric} by slice", metric=self.metric, value=None, why=why)

    def _verdict(self, own: Measured, production: Mapping[str, Any], how: str) -> Verdict:
        gate = self._called(own.what)
        theirs = measured.beside(production, own)
        if own.value is None:
            # What no model has on these rows, none is worse in.
            alike = own.within is not None and measured.has(production, own) and theirs is None
            reason = "undefined on these rows for both" if alike else own.why
            return Verdict(gate=gate, passed=alike, reason=reason)
        if theirs is None:
            return Verdict(gate=gate, passed=True, value=own.value, reason=f"{how} has none")
        less = self._less(own.metric)
        allowed = self._allowed(theirs)
        bound = theirs + allowed if less else theirs - allowed
        return Verdict(
            gate=gate,
            passed=worse_by(theirs, own.value, less=less) <= allowed,
            value=own.value,
            threshold=f"at {'most' if less else 'least'} {bound:.6g}",
            reason=f"{how} has {theirs:.6g}",
        )

    def _allowed(self, theirs: float) -> float:
        if self.worse_by_percent is None:
            return self.worse_by or 0.0
        return float(format(abs(theirs) * self.worse_by_percent / 100, ".12g"))

    def _less(self, metric: str) -> bool:
        return self.better == "less" if self.better else less_is_better(metric)

    def _called(self, what: str) -> str:
        return named(self.name, f"{what} beside Production")

    def _passed(self, reason: str) -> Verdict:
        return Verdict(gate=self._called(self.metric), passed=True, reason=reason)


def gate(said: Mapping[str, Any]) -> Relative:
    """The gate as a policy writes it down.

    Raises:
        SettingsError: it makes no sense.
    """
    found = keys.read(said, _KEYS)
    if ("worse_by" in found) == ("worse_by_percent" in found):
        raise SettingsError(
            f"{keys.label(said)} has one of worse_by and worse_by_percent: a number, 0 for not "
            "worse at all"
        )
    return Relative(**found)
