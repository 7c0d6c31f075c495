"""Unchanged pipelines end without being imported: what was planned is remembered."""

from __future__ import annotations

from .memory import Memory, Request

__all__ = ["Memory", "Request"]
