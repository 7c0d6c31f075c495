from __future__ import annotations

import os
import pwd
from collections.abc import Iterator

import pytest

from begat.lineage.errors import ParameterError
from begat.lineage.graph.queries import models
from begat.lineage.graph.store import Store
from begat.lineage.records import ModelVersion
from begat.lineage.registry.versions import register
from support.history import digest


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


def registered(store: Store, recipe: str, *, model: str = "m", run_id: str = "run") -> ModelVersion:
    return register(
        store,
        model=model,
        recipe=digest(recipe),
        run_id=run_id,
        training_run_id="training",
        digest=digest(f"bytes of {recipe}"),
        body={"metrics": {"auc": 0.5}},
    )


def test_numbers(store: Store) -> None:
    """Versions are numbered from 1, each model by itself."""
    found = [registered(store, "a"), registered(store, "b"), registered(store, "a", model="n")]

    assert [one.ref for one in found] == ["m@1", "m@2", "n@1"]


def test_same_recipe(store: Store) -> None:
    """The same recipe is the same version, as it was registered first."""
    first = registered(store, "a", run_id="first")
    registered(store, "b")
    again = registered(store, "a", run_id="second")

    assert (again.ref, again.digest, again.producer) == (first.ref, first.digest, "first")
    assert len(models(store)) == 2


def test_who_and_when(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version tells who registered it, whatever variables call them, and when, in UTC."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    registered(store, "a")
    [found] = models(store)

    assert found["registered_by"] == pwd.getpwuid(os.getuid()).pw_name
    assert found["created_at"].endswith("Z")


@pytest.mark.parametrize("name", ["", " m", "a@b", "a\nb"])
def test_names(store: Store, name: str) -> None:
    """A name that could not be written before an @ is refused."""
    with pytest.raises(ParameterError, match="a model's name is printable"):
        registered(store, "a", model=name)


def test_rebuild_keeps_versions(store: Store) -> None:
    """A rebuild of the graph leaves the registry as it is."""
    registered(store, "a")
    before = models(store)
    store.rebuild()

    assert models(store) == before
