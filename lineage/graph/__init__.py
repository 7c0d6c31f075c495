"""The graph of lineage: events stored once, and what they say about what stands on what.

Questions, each about a reference (see `subject`) in a `Store`:

| name | answers |
|---|---|
| `upstream`, `downstream` | what something stands on, and what stands on it |
| `path` | a shortest chain between two things |
| `impact` | which model versions stand on a partition, a version, a commit, an image, a package |
| `search` | what is called so |
| `datasets`, `partitions`, `versions`, `jobs`, `runs`, `events`, `models` | what there is |

Every answer is a frozen record with `to_json()`, comes in pages, and says whether it is all
there is: `truncated`, and why in `reasons` (see `answer`).

| module | what it does |
|---|---|
| `store` | `Store`: record events, answer recipes, rebuild |
| `closure` | `ancestors`, `descendants` |
| `subject`, `walk`, `nearby`, `names` | what questions start from, walk along, and call things |
| `queries`, `pedigree` | what commands show |
| `resolve` | what a reference names |
| `tables`, `migrations`, `sql` | the schema, its history, and the SQL made from it |
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .affected import impact
    from .answer import (
        Asked,
        ColumnNode,
        Edge,
        Impact,
        Lineage,
        Listing,
        ModelNode,
        Path,
        RunNode,
        SnapshotNode,
        VersionNode,
    )
    from .chain import path
    from .finding import Hit, search
    from .listing import (
        DatasetItem,
        EventItem,
        JobItem,
        VersionItem,
        datasets,
        events,
        jobs,
        models,
        partitions,
        runs,
        versions,
    )
    from .reach import downstream, upstream
    from .store import Store

__all__ = [
    "Asked",
    "ColumnNode",
    "DatasetItem",
    "Edge",
    "EventItem",
    "Hit",
    "Impact",
    "JobItem",
    "Lineage",
    "Listing",
    "ModelNode",
    "Path",
    "RunNode",
    "SnapshotNode",
    "Store",
    "VersionItem",
    "VersionNode",
    "datasets",
    "downstream",
    "events",
    "impact",
    "jobs",
    "models",
    "partitions",
    "path",
    "runs",
    "search",
    "upstream",
    "versions",
]

# Found when first asked for: most who import a module of this package ask no question.
_HOME = {
    **dict.fromkeys(("Hit", "search"), ".finding"),
    **dict.fromkeys(("DatasetItem", "EventItem", "JobItem", "VersionItem"), ".listing"),
    **dict.fromkeys(("datasets", "events", "jobs", "models"), ".listing"),
    **dict.fromkeys(("partitions", "runs", "versions"), ".listing"),
    **dict.fromkeys(("downstream", "upstream"), ".reach"),
    "Store": ".store",
    "impact": ".affected",
    "path": ".chain",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME.get(name, ".answer"), __name__), name)


def __dir__() -> list[str]:
    return __all__
