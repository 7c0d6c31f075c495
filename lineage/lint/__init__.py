"""What keeps a model from being made again, or from being trusted, each with its remedy.

| name | what it does |
|---|---|
| `of_version` | findings about a registered version, from what is recorded of it |
| `Finding`, `CODES` | what is found, and all that can be |
| `counting` | the findings that count |

Pipelines are judged by `begat.flows.lint`, with the same codes.
"""

from __future__ import annotations

from .findings import CODES, Code, Finding, Level, counting, found
from .version import of_version

__all__ = ["CODES", "Code", "Finding", "Level", "counting", "found", "of_version"]
