"""What a verification found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: What a finding is about: bytes in the artifact store, a stored event or chunk, rows of the
#: graph, the model's entry in the registry, what the model predicts, or the store's database.
Kind = Literal["object", "event", "chunk", "graph", "registry", "model", "database"]
#: MISSING is not there; CHANGED is there and is not what it was; LOST is missing and has been
#: given up; UNFOUNDED is there and nothing that was recorded says so; FAILING cannot be used.
State = Literal["missing", "changed", "lost", "unfounded", "failing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What can make something again."""

    #: `file` at its recorded location, a `run` done again, a `record` that holds the same,
    #: the `events` that the graph is made of, or a `backup` of the store.
    by: Literal["file", "run", "record", "events", "backup"]
    #: Path, run id, …
    name: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is not as it was recorded."""

    kind: Kind
    state: State
    #: What it is, as people write it: `flight-delays/prepared[month=2013-03]`, `run 01a1…`.
    name: str
    says: str
    #: Digest or hash of what it should be; empty for rows.
    digest: str = ""
    recovery: Recovery | None = None

    def to_json(self) -> dict[str, Any]:
        """As `begat verify --json` prints it."""
        return asdict(self)


@dataclass(kw_only=True, slots=True)
class Counts:
    """How much was looked at."""

    objects: int = 0
    bytes: int = 0
    runs: int = 0
    events: int = 0
    chunks: int = 0
    rows: int = 0
    #: Rows of recorded input examples whose outputs were predicted again.
    predictions: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that a verification found, and what a repair did about it."""

    ref: str
    findings: tuple[Finding, ...] = ()
    counts: Counts = field(default_factory=Counts)
    #: What a repair restored, and how.
    repaired: tuple[str, ...] = ()
    #: Why a repair could not restore the rest.
    refused: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The object that `begat verify --json` prints."""
        return {
            "ref": self.ref,
            "sound": self.sound,
            "checked": asdict(self.counts),
            "findings": [finding.to_json() for finding in self.findings],
            "repaired": list(self.repaired),
            "refused": list(self.refused),
        }


def counted(findings: Iterable[Finding]) -> str:
    """Findings in a few words: `2 missing, 1 changed`."""
    states = Counter(finding.state for finding in findings)
    return ", ".join(f"{number} {state}" for state, number in states.items())
