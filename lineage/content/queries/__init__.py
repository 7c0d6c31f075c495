"""What a database answers, as versions of datasets.

| module | what it does |
|---|---|
| `query` | what a user writes down: where, what, under which name, by which partitions |
| `database` | one transaction that sees one instant, and what OpenLineage calls a database |
| `columns` | values as a driver gives them, exactly, in Arrow's types |
| `snapshot` | the answer as Parquet in the artifact store, one file a partition |

Importing this imports neither SQLAlchemy nor pyarrow.
"""

from __future__ import annotations

from .query import Query
from .snapshot import snapshot, snapshots, version

__all__ = ["Query", "snapshot", "snapshots", "version"]
