"""Serving requirements as they are written."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.registry.serving import Serving


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ""),
        ({"latency_p99_ms": 10}, "p99 10 ms, CPU"),
        (
            {"latency_p50_ms": 2.5, "memory_mb": 512, "gpu_memory_mb": 4096, "format": "JSON"},
            "p50 2.5 ms, memory 512 MiB, GPU 4096 MiB, JSON",
        ),
        ({"gpu_memory_mb": 0}, "CPU"),
    ],
    ids=["nothing", "budget", "everything", "no GPU"],
)
def test_requirements_are_said_in_a_few_words(given: dict[str, Any], said: str) -> None:
    """What is required is read as it was written, and said with its units."""
    assert str(Serving.of(given)) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latency_ms": 10}, "serving has no requirement 'latency_ms'; it knows format, gpu"),
        ({"latency_p99_ms": "10"}, "latency_p99_ms of serving is a number above 0; got '10'"),
        ({"latency_p99_ms": 0}, "latency_p99_ms of serving is a number above 0"),
        ({"memory_mb": True}, "memory_mb of serving is a number above 0"),
        ({"memory_mb": float("nan")}, "memory_mb of serving is a number above 0"),
        ({"format": " "}, "format of serving is a few words"),
        ([("format", "x")], "serving is requirements by name"),
    ],
    ids=["unknown", "text", "zero", "yes", "nan", "blank", "list"],
)
def test_what_cannot_be_kept_to_is_refused(given: Any, said: str) -> None:
    """An unknown requirement or a value of no meaning is named, with what was expected."""
    with pytest.raises(SettingsError, match=said.replace("(", r"\(")):
        Serving.of(given)
