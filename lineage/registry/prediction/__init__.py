"""A registered model at work: rows held against its signature before it sees them.

| module | what it does |
|---|---|
| `rows` | what a caller gives, as a table with the model's columns |
| `rules` | which values of a column are fit: those expected, or those seen in training |
| `expected` | what the data that a model was trained on was expected to be |
| `columns` | a column's values beside its part of the signature |
| `violations` | what is not as the signature says, in words |
| `model` | the estimator behind these checks |
"""

from __future__ import annotations

from .model import Model
from .violations import Violation

__all__ = ["Model", "Violation"]
