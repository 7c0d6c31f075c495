"""What differs between two model versions, runs or dataset versions, and what could follow.

| module | what it does |
|---|---|
| `sides` | what a reference names, and where its ancestry begins |
| `walk` | what stands behind one side only |
| `pairing`, `data` | which partitions differ |
| `reading`, `tables`, `moves` | which rows and columns, and how far they moved |
| `neighbours`, `quality` | the same where there is one version, or no bytes |
| `tasks`, `code`, `sources` | recipes that differ, and the functions in them |
| `circumstances`, `measured` | parameters, packages, machine; metrics and slices |
| `holdout` | whether metrics are comparable |
| `evaluation`, `rescore` | evaluating one side's model on the other's holdout |
| `causes` | all of it ranked |
"""

from __future__ import annotations

from .compare import diff
from .rescore import rescore

__all__ = ["diff", "rescore"]
