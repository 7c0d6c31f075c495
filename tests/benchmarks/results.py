"""Results: raw figures as JSON, each subject replaceable by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """What was measured of one thing."""

    #: The command that was measured, as it is typed.
    command: str
    #: CPU seconds of each run.
    cpu: list[float] = field(default_factory=list)
    #: Wall seconds of each run.
    wall: list[float] = field(default_factory=list)
    #: Peak resident memory of each run, in bytes.
    peak: list[int] = field(default_factory=list)
    #: Whatever else was found.
    extra: dict[str, Any] = field(default_factory=dict)


#: Subject → thing → figure.
Figures = dict[str, dict[str, Figure]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """All figures, and on what each subject was measured."""

    figures: Figures = field(default_factory=dict)
    #: Subject → when, machine, versions.
    circumstances: dict[str, dict[str, Any]] = field(default_factory=dict)

    def with_subject(
        self, subject: str, figures: Mapping[str, Figure], circumstances: Mapping[str, Any]
    ) -> Results:
        """These results, and what one subject was found to be now instead of before."""
        return Results(
            figures={**self.figures, subject: dict(figures)},
            circumstances={**self.circumstances, subject: dict(circumstances)},
        )

    def to_json(self) -> str:
        """As the file holds them, numbers to the microsecond."""
        return json.dumps(_rounded(asdict(self)), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """What `to_json` wrote."""
        held = json.loads(text)
        figures = {
            subject: {name: Figure(**figure) for name, figure in things.items()}
            for subject, things in held["figures"].items()
        }
        return cls(figures=figures, circumstances=held["circumstances"])


def load(path: Path) -> Results:
    """The results of a file; none if there is no such file."""
    return Results.from_json(path.read_text()) if path.exists() else Results()


def save(results: Results, path: Path) -> None:
    """Write the file whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(results.to_json())
    os.replace(partial, path)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
