"""Collections where others are servers: the store on PostgreSQL, the artifacts in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.lineage.collection import purge, purging
from begat.lineage.content.s3.client import client
from begat.lineage.settings import Settings
from begat.lineage.verify import verification
from begat.lineage.workspace import Workspace, using
from support import collecting
from support.collecting import Ran, collect, lay, missing, run
from support.postgres import Server as Postgres
from support.postgres import postgres
from support.registered import ADA
from support.seaweed import Server as Seaweed
from support.seaweed import s3, seaweed

__all__ = ["postgres", "s3", "seaweed"]


@pytest.fixture(params=[False, True], ids=["bucket", "bucket with versions"])
def space(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres, s3: Seaweed
) -> Iterator[Workspace]:
    """A workspace on both servers that keeps one version of each model."""
    place = f"s3://{s3.bucket(versioned=request.param)}/artifacts"
    with postgres.store() as url:
        policy = {"keep_versions": 1}
        home = tmp_path / "home"
        with using(
            Workspace(Settings(home=home, store=url, artifacts=place, policy=policy))
        ) as one:
            yield one


@pytest.fixture
def history(space: Workspace, tmp_path: Path) -> tuple[Ran, Ran]:
    """Two versions of a model, each of its own data."""
    found = []
    for flavour, text in enumerate("AB"):
        for month in collecting.MONTHS:
            lay(tmp_path, text, month)
        found.append(run(tmp_path, flavour))
    return found[0], found[1]


def kept(space: Workspace) -> int:
    """Objects of the bucket, and versions of such."""
    bucket = space.settings.artifacts.removeprefix("s3://").partition("/")[0]
    found = client().list_object_versions(Bucket=bucket)
    return len([*found.get("Versions", ()), *found.get("DeleteMarkers", ())])


def test_collect(space: Workspace, history: tuple[Ran, Ran], tmp_path: Path) -> None:
    """What only the old version stands on goes, with all its versions; the rest is sound."""
    first, second = history
    before = kept(space)
    assert collect(space, min_age=3600.0).deleted == 0
    done = collect(space)

    assert missing(space, first.digests) == first.digests - second.digests
    assert missing(space, second.digests) == set()
    assert before - kept(space) == done.deleted == len(first.digests - second.digests)
    with verification(space, "") as verified:
        assert verified.report.findings == ()
    for month in collecting.MONTHS:
        lay(tmp_path, "A", month)
    again = run(tmp_path, 0)
    assert missing(space, again.digests - again.raw) == set()


def test_purge(space: Workspace, history: tuple[Ran, Ran]) -> None:
    """A purged digest is in no version of an object any more."""
    before = kept(space)
    [digest] = sorted(history[1].raw)[:1]
    done = purge(space, purging(space, digest), reason="asked", identity=ADA)

    assert (done.digests, kept(space)) == ((digest,), before - 1)
    assert missing(space, [digest]) == {digest}
