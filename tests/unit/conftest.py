"""What unit tests share."""

from __future__ import annotations

from support.recorder import recorder

__all__ = ["recorder"]
