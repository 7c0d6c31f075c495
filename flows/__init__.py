"""Training pipelines: `Pipeline`, and what runs it."""

from __future__ import annotations

from .pipeline import Pipeline
from .report import Report, TaskReport

__all__ = ["Pipeline", "Report", "TaskReport"]
