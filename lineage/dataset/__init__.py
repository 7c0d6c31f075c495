"""Datasets as they were: what stands behind a reference, how two differ, and having them again.

| module | what it does |
|---|---|
| `held` | the versions of datasets that a reference stands on |
| `today` | whether the source still is what was read |
| `status` | both, with sizes and whether the bytes are there |
| `compare` | two references, partition by partition |
| `layout`, `pull` | where each file goes, and putting it there |
"""

from __future__ import annotations

from .compare import diff
from .held import choose, held
from .pull import pull
from .status import status

__all__ = ["choose", "diff", "held", "pull", "status"]
