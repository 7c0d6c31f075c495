"""Lineage that knows no orchestrator: references, reading and writing, questions.

| name | what it is |
|---|---|
| `source` | files from outside, as they are now |
| `query`, `Query` | what a database answers, as it is now; a pipeline's source or lookup |
| `read`, `write` | what a reference stands for; what a task made |
| `load` | a registered model |
| `current` | the run that the calling code belongs to |
| `child_environment` | the environment for a process that belongs to it |
| `DatasetVersion`, `Snapshot`, `ModelVersion` | the references that tasks pass |
| `graph` | questions: upstream, downstream, path, impact, search, and what there is |
| `plain` | the adapter for scripts and notebooks |
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import graph, plain
    from .active import current
    from .content.queries import Query
    from .context import child_environment
    from .data import read, source, write
    from .databases import query
    from .records import Dataset, DatasetVersion, ModelVersion, Snapshot
    from .registry import load

__all__ = [
    "Dataset",
    "DatasetVersion",
    "ModelVersion",
    "Query",
    "Snapshot",
    "child_environment",
    "current",
    "graph",
    "load",
    "plain",
    "query",
    "read",
    "source",
    "write",
]

# Found when first asked for, so that importing one submodule does not import the others.
_HOME = {
    "Dataset": ".records",
    "DatasetVersion": ".records",
    "ModelVersion": ".records",
    "Query": ".content.queries",
    "Snapshot": ".records",
    "child_environment": ".context",
    "current": ".active",
    "load": ".registry",
    "query": ".databases",
    "read": ".data",
    "source": ".data",
    "write": ".data",
}


def __getattr__(name: str) -> Any:
    if name in ("graph", "plain"):
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
