"""Content: what bytes are called, where they are kept, what they hold.

Importing this imports neither pandas nor scikit-learn; `tables` and `models`
do so when they are used.
"""

from __future__ import annotations

from .digest import digest_bytes, digest_file, is_digest
from .local import LocalStore
from .manifest import Manifest
from .memory import MemoryStore
from .merkle import Chunk, Roots, chunks, roots
from .stat import StatCache
from .store import ArtifactStore, open_store

__all__ = [
    "ArtifactStore",
    "Chunk",
    "LocalStore",
    "Manifest",
    "MemoryStore",
    "Roots",
    "StatCache",
    "chunks",
    "digest_bytes",
    "digest_file",
    "is_digest",
    "open_store",
    "roots",
]
