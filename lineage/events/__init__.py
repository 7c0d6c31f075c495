"""OpenLineage events: building them, their one text and hash, and where they wait.

| name | what it does |
|---|---|
| `run_event`, `input_dataset`, `output_dataset`, `now` | records to events |
| `facets` | one builder a facet |
| `canonical`, `event_hash`, `parse` | the form that identifies an event |
| `new_id`, `static_id` | run ids |
| `Spool` | events the store has not taken yet |
"""

from __future__ import annotations

from . import facets
from .build import input_dataset, now, output_dataset, run_event, shifted
from .canonical import canonical, event_hash, parse
from .ids import new_id, static_id
from .spool import Spool

__all__ = [
    "Spool",
    "canonical",
    "event_hash",
    "facets",
    "input_dataset",
    "new_id",
    "now",
    "output_dataset",
    "parse",
    "run_event",
    "shifted",
    "static_id",
]
