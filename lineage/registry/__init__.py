"""Registered models and their versions.

| name | what it does |
|---|---|
| `register` | a number for every model that differs |
| `load` | a registered model, fitted as it was |
"""

from __future__ import annotations

from .loading import load
from .versions import register

__all__ = ["load", "register"]
