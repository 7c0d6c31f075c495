"""Blocks as Prefect keeps them, and flows that work with what they say."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from prefect import flow
from prefect.context import FlowRunContext
from prefect.futures import wait

from begat.lineage.errors import SettingsError
from begat.lineage.graph import queries
from begat.lineage.graph.store import Store
from begat.lineage.records import DatasetVersion
from begat.lineage.workspace import workspace
from begat.tasks import binding, task, tracked
from begat.tasks.blocks import BegatArtifacts, BegatPolicy, BegatStore, use
from support.small import Small, states

#: What flows below were bound to when they ran.
seen: list[Any] = []


@task
def write_down(text: str) -> DatasetVersion:
    """Keep a text."""
    from begat import lineage

    return lineage.write(text.encode(), "text")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, with_prefect: None) -> Path:
    """Blocks named `shared`, and the folder that they lead to."""
    folder = tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{folder}/begat.db"
    BegatStore(url=url).save("shared", overwrite=True)  # type: ignore[arg-type]  # as users give it
    BegatArtifacts(location=str(folder / "artifacts")).save("shared", overwrite=True)
    BegatPolicy(trusted_types=["acme_models.Calibrated"]).save("shared", overwrite=True)
    BegatStore(url=f"sqlite:///{folder}/other.db").save("other", overwrite=True)  # type: ignore[arg-type]  # as users give it
    return folder


@pytest.fixture(autouse=True)
def unbound() -> Iterator[None]:
    """No test leaves this process bound to its blocks."""
    seen.clear()
    yield
    bound = binding._bound
    binding.leave()

    assert bound is None


def jobs(database: Path) -> list[str]:
    """The flows that have completed in a store."""
    if not database.exists():
        return []
    store = Store.open(f"sqlite:///{database}")
    try:
        return [run["flow"] for run in queries.flow_runs(store) if run["state"] == "COMPLETE"]
    finally:
        store.close()


def test_saved_blocks_come_back(saved: Path) -> None:
    """What is saved on the server is loaded again, the URL still a secret."""
    store = BegatStore.load("shared")

    assert isinstance(store, BegatStore)
    assert store.url.get_secret_value() == f"sqlite:///{saved}/begat.db"
    assert str(saved) not in str(store)


def test_a_bound_flow_works_with_its_blocks(saved: Path, home: Path) -> None:
    """Events and bytes of its runs go where the blocks say, and nowhere else."""

    @tracked(blocks=["begat-store/shared", "begat-artifacts/shared", "begat-policy/shared"])
    @flow(name="bound")
    def bound() -> DatasetVersion:
        seen.append(workspace().settings)
        return write_down.submit("bound").result()

    before = workspace()
    version = bound()
    after = workspace()

    assert seen[0].trusted_types == ("acme_models.Calibrated",)
    assert seen[0].home == home
    assert jobs(saved / "begat.db") == ["bound"]
    assert (saved / "artifacts" / version.digest[7:9] / version.digest[9:]).is_file()
    assert after is before
    assert not (home / "begat.db").exists()


def test_copies_and_async_flows_stay_bound(saved: Path) -> None:
    """A flow's copy by with_options is bound, and so is a flow of coroutines."""

    @tracked(blocks=["begat-store/other"])
    @flow(name="first")
    async def first() -> None:
        write_down("async")

    asyncio.run(first.with_options(name="second")())

    assert jobs(saved / "other.db") == ["second"]


def test_the_environment_wins(
    saved: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What BEGAT_STORE says holds against a block."""
    monkeypatch.setenv("BEGAT_STORE", f"sqlite:///{tmp_path}/mine.db")
    with use("begat-store/other", "begat-artifacts/shared") as space:
        found = space.settings

    assert found.store == f"sqlite:///{tmp_path}/mine.db"
    assert found.artifacts == str(saved / "artifacts")


def test_a_block_that_is_not_there_fails_the_flow(home: Path) -> None:
    """Nothing is recorded elsewhere instead: the flow's first task says which block is missing."""

    @tracked(blocks=["begat-store/nowhere"])
    @flow(name="lost")
    def lost() -> None:
        write_down("lost")

    with pytest.raises(SettingsError, match="block begat-store/nowhere cannot be loaded"):
        lost()

    assert not (home / "begat.db").exists()


def test_one_process_works_with_one_store_at_a_time(saved: Path) -> None:
    """A nested flow that names another store is refused; one that names none is where it is."""

    @tracked(blocks=["begat-store/other"])
    @flow(name="elsewhere")
    def elsewhere() -> None:
        write_down("elsewhere")

    @tracked
    @flow(name="inside")
    def inside() -> None:
        seen.append(workspace().settings.store)

    @tracked(blocks=["begat-store/shared"])
    @flow(name="around")
    def around() -> None:
        inside()
        elsewhere()

    with pytest.raises(SettingsError, match="elsewhere names other blocks than the flow run"):
        around()

    assert seen == [f"sqlite:///{saved}/begat.db"]
    assert "elsewhere" not in jobs(saved / "other.db")


def test_a_worker_of_another_process_is_bound_by_its_task(saved: Path, home: Path) -> None:
    """A task that comes pickled with its flow works with the flow's blocks."""

    @tracked(blocks=["begat-store/shared"])
    @flow(name="far")
    def far() -> None:
        context = FlowRunContext.get()
        assert context is not None
        seen.append(pickle.loads(cloudpickle.dumps(context.flow)))
        wait([write_down.submit("far")])

    far()
    binding.enter(seen[0])
    store = workspace().settings.store
    binding.leave()

    assert store == f"sqlite:///{saved}/begat.db"


def test_a_pipelines_flow_takes_blocks(saved: Path, tmp_path: Path, home: Path) -> None:
    """The flow of a pipeline trains with what the blocks say, and the home stays empty."""
    from begat.flows.load import load

    small = Small.write(tmp_path / "project")
    pipeline = load(small.name)
    report = pipeline.flow(blocks=["begat-store/shared", "begat-artifacts/shared"])()

    assert report.model_version == "small@1"
    assert "small" in jobs(saved / "begat.db")
    assert states(home) == {}
