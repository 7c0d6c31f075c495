"""Is everything that a version stands on still there, and still what it was?

| module | what it does |
|---|---|
| `scope` | where a reference begins |
| `replay` | the graph that the stored events alone make; events and chunks by their hashes |
| `picture`, `graph` | rows of the graph beside that |
| `registry` | a model's entry beside what its register run said |
| `objects`, `hashing` | artifacts, hashed again past all caches |
| `example` | a model on its recorded input example |
| `recovery` | what can make an artifact again |
| `rerun`, `repair` | doing that |
"""

from __future__ import annotations

from .repair import repair
from .report import Finding, Recovery, Report
from .verification import Progress, quiet, verification

__all__ = ["Finding", "Progress", "Recovery", "Report", "quiet", "repair", "verification"]
