"""From an object that lands in a bucket to a new model version, by processes alone.

S3 tells a queue, `begat watch` takes the message and tells Prefect, an automation starts a run
on a worker, and the lineage goes to PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.landing import World, deployed
from support.postgres import Server as Postgres
from support.postgres import postgres
from support.sqs import Server as Queues
from support.sqs import ministack_server
from support.worker import until

__all__ = ["ministack_server", "postgres"]


@pytest.fixture(scope="module")
def world(
    environment: dict[str, str],
    ministack_server: Queues,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Three months, trained on once, and everything that waits for the next one."""
    folder = tmp_path_factory.mktemp("arrival")
    with postgres.database() as store, deployed(ministack_server, environment, store, folder) as it:
        yield it


def test_december_arrives(world: World) -> None:
    """An object that lands makes a new version, whose pedigree names the object's version."""
    with world.watching():
        version = world.put("2013-12", 3)
        until(lambda: world.versions == 2)
    [arrived] = [run["parameters"]["arrived"] for run in world.flow_runs()]
    shown = json.dumps(world.project.json("show", "rides@2"))

    assert arrived == ["month=2013-12"]
    assert f"raw/month=2013-12/rides.csv?versionId={version}" in shown


def test_a_burst(world: World) -> None:
    """Twelve objects at once are work for one run."""
    before, versions = world.worked(), world.versions
    with world.watching():
        for number in range(12):
            world.put(f"2014-{number + 1:02}", number + 10)
        until(lambda: world.versions > versions and len(world.flow_runs()) > 1)
        until(world.drained)

    assert (world.worked(), world.versions) == (before + 1, versions + 1)


def test_the_same_again(world: World) -> None:
    """The same bytes under a new version are recorded, and start nothing."""
    before = len(world.flow_runs())
    with world.watching():
        world.put("2014-12", 21)
        until(world.drained)
    printed = world.project.begat("watch", "pipeline.py:pipeline", "--once", "--json").stdout
    counted = json.loads(printed.splitlines()[-1])

    assert counted["event"] == "stopped"
    assert counted.get("batches", 0) == 0
    assert len(world.flow_runs()) == before


def test_killed_watchers(world: World) -> None:
    """What lands while watchers are killed starts one run, by the one that lives."""
    before, versions = world.worked(), world.versions
    for number in range(3):
        with world.watching():
            world.put(f"2015-0{number + 1}", number + 40)
    with world.watching():
        until(lambda: world.versions > versions)
        until(world.drained)

    assert world.worked() == before + 1


def test_paused(world: World) -> None:
    """What lands while the deployment is paused trains nothing; deploying again lets it go on."""
    before, versions = len(world.ended()), world.versions
    world.pause()
    with world.watching():
        world.put("2015-04", 60)
        until(lambda: len(world.ended()) > before)
    [last] = [run for run in world.ended() if run["state_type"] == "CANCELLED"]

    assert "is paused" in last["state"]["message"]
    assert world.versions == versions
    world.project.begat("deploy", "pipeline.py:pipeline", "--pool", world.pool)
    with world.watching():
        world.put("2015-05", 61)
        until(lambda: world.versions > versions)
