"""A PostgreSQL server for those tests that ask for one."""

from __future__ import annotations

from support.postgres import postgres

__all__ = ["postgres"]
