"""Facets that become columns are what columns are; all others are anything."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import EventError
from begat.lineage.graph import shapes
from support import foreign

RENAMED = {"lifecycleStateChange": "RENAME", "previousIdentifier": ["x"]}


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (foreign.event(1, "START", 1, facets={key: body}), f"run.facets.{key}")
        for key, body in (
            ("parent", {"run": {"runId": []}}),
            ("parent", {"run": {}}),
            ("parent", {"run": 5}),
            ("parent", {}),
            ("parent", {"run": {"runId": "x"}, "root": {"run": {"runId": 5}}}),
            ("begat_attempt", {"attempt": {}}),
            ("begat_attempt", {"attempt": True}),
            ("begat_attempt", {"attempt": 2**63}),
            ("begat_recipe", {"digest": ["x"]}),
            ("begat_reuse", {"run": 5}),
            ("tags", {"tags": False}),
        )
    ]
    + [
        (foreign.event(1, "START", 1, job_facets={"tags": {"tags": 5}}), "job.facets.tags"),
        (
            foreign.event(
                1, "START", 1, outputs=[foreign.dataset(0, lifecycleStateChange=RENAMED)]
            ),
            "outputs[0].facets.lifecycleStateChange",
        ),
        (
            foreign.dataset_event(1, foreign.dataset(0, lifecycleStateChange=RENAMED)),
            "dataset.facets.lifecycleStateChange",
        ),
    ],
)
def test_what_cannot_become_a_column(event: dict[str, Any], path: str) -> None:
    """A field of another type is refused by path."""
    with pytest.raises(EventError) as refused:
        shapes.check(event)
    assert str(refused.value).startswith(path)


@pytest.mark.parametrize(
    "facets",
    [
        {"parent": {"_deleted": True}, "tags": {"_deleted": True, "tags": 5}},
        {"begat_attempt": {}, "begat_recipe": {"digest": None}, "begat_reuse": {}},
        {"begat_attempt": {"attempt": 2**31 - 1}, "tags": {"tags": [1, None]}},
        {"mine": {"attempt": [], "tags": 5, "parent": {}}},
    ],
)
def test_what_may_be_anything(facets: dict[str, Any]) -> None:
    """What is deleted, left out, null, or of no concern is never refused."""
    shapes.check(foreign.event(1, "START", 1, facets=facets, job_facets=facets))
