"""Collecting garbage: what nothing that is kept stands on, and what must not be kept at all."""

from __future__ import annotations

from .collect import Collection, Progress, collect, quiet
from .ledger import KINDS, Line
from .purge import Purge, purge, purging

__all__ = [
    "KINDS",
    "Collection",
    "Line",
    "Progress",
    "Purge",
    "collect",
    "purge",
    "purging",
    "quiet",
]
