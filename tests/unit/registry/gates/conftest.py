"""A version to be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from begat.lineage.records import ModelVersion
from begat.lineage.registry import current, policy
from begat.lineage.registry.gates import Candidate
from support.registered import ADA
from support.trips import Trips

Says = Callable[..., None]


@pytest.fixture
def candidate(trips: Trips) -> Candidate:
    """A version that lacks nothing, on its way to Staging; there is none in Production."""
    found = current.find(trips.space, "trips@1")
    return Candidate(
        space=trips.space,
        version=found.version,
        body=found.body,
        stage="Staging",
        production=None,
    )


@pytest.fixture
def says(trips: Trips) -> Iterator[Says]:
    """Lets the model's policy say something, as long as a test lasts."""
    of = ModelVersion(model="trips", version=1, digest="")

    def save(**said: Any) -> None:
        policy.save(trips.space.store, of, said, identity=ADA)

    yield save
    save()


def holding(candidate: Candidate, data: bytes) -> Candidate:
    """The candidate with another model file."""
    digest = candidate.space.artifacts.write(data)
    return replace(candidate, version=replace(candidate.version, digest=digest))


def with_features(candidate: Candidate, change: Callable[[list[dict[str, Any]]], Any]) -> Candidate:
    """The candidate whose signature has other features."""
    features = [dict(one) for one in candidate.body["signature"]["features"]]
    change(features)
    signature = candidate.body["signature"] | {"features": features}
    return replace(candidate, body={**candidate.body, "signature": signature})
