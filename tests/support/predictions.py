"""Predictions of models that never were, and pictures as trees of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from begat.tasks.metrics import Predictions

SVG = "{http://www.w3.org/2000/svg}"


def binary(rows: int = 500, *, seed: int = 0, classes: Sequence[Any] = (0, 1)) -> Predictions:
    """Two classes, told apart fairly well by probabilities with many ties."""
    random = np.random.default_rng(seed)
    truth = random.random(rows) < 0.3
    scores = np.clip(0.3 * truth + random.normal(0.35, 0.2, rows), 0, 1).round(2)
    named = np.array(classes)
    return Predictions(
        task="binary",
        classes=named,
        truth=named[truth.astype(int)],
        predicted=named[(scores > 0.5).astype(int)],
        probabilities=np.column_stack([1 - scores, scores]),
        scores=scores,
    )


def multiclass(rows: int = 500, *, classes: Sequence[Any] = ("a", "b", "c")) -> Predictions:
    """More classes, the first the most frequent."""
    random = np.random.default_rng(1)
    count = len(classes)
    share = np.arange(count, 0, -1) / sum(range(count + 1))
    truth = random.choice(count, rows, p=share)
    raw = random.random((rows, count)) + 1.2 * np.eye(count)[truth]
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    named = np.array(classes)
    return Predictions(
        task="multiclass",
        classes=named,
        truth=named[truth],
        predicted=named[probabilities.argmax(axis=1)],
        probabilities=probabilities,
    )


def regression(rows: int = 500, *, scale: float = 100.0) -> Predictions:
    """Numbers that are missed by a tenth of what they spread."""
    random = np.random.default_rng(2)
    predicted = random.normal(0, scale, rows)
    return Predictions(
        task="regression",
        classes=np.array([]),
        truth=predicted + random.normal(0, scale / 10, rows),
        predicted=predicted,
    )


def tree(svg: bytes) -> ElementTree.Element:
    """A picture's elements; an error if it is no XML."""
    return ElementTree.fromstring(svg)


def texts(svg: bytes) -> list[str]:
    """All that is written in a picture."""
    return [node.text or "" for node in tree(svg).iter(f"{SVG}text")]


def in_words(svg: bytes) -> tuple[str, str]:
    """A picture's title and description."""
    root = tree(svg)
    return root.findtext(f"{SVG}title") or "", root.findtext(f"{SVG}desc") or ""
