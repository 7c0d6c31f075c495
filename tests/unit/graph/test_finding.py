"""What is found by its name, its beginning, or what was said of it."""

from __future__ import annotations

import pytest

from begat.lineage.graph import Store, search
from support.asking import late_model, ran, tell
from support.foreign import facet
from support.history import History, Run


@pytest.fixture
def trained(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, registered."""
    return late_model(store, history)


def test_search(store: Store, trained: dict[str, Run]) -> None:
    """Exact matches come before beginnings, and those before the rest."""
    found = search(store, "FEATUR").items
    exact = search(store, "features").items[0]

    assert [(hit.what, hit.rank) for hit in found] == [("dataset", "prefix"), ("job", "prefix")]
    assert (exact.ref, exact.matched, exact.rank) == ("flights/features", "name", "exact")
    assert [hit.rank for hit in search(store, "eatures").items] == ["substring"]
    assert search(store, "flights eval", kinds=["dataset"]).items[0].ref == "flights/evaluation"
    assert search(store, "no%such_").items == ()


def test_words_one_by_one(store: Store, trained: dict[str, Run]) -> None:
    """Words may be given in one text or as a list of them."""
    assert search(store, ["flights", "EVAL"]) == search(store, "flights eval")
    assert search(store, ["flights", "EVAL"]).items


def test_search_ids(store: Store, trained: dict[str, Run]) -> None:
    """Runs and versions are found by a beginning of what names them, models by name."""
    run = trained["train"]
    by_digest = search(store, run.outputs[0].digest[7:20], kinds=["version"]).items

    assert [hit.ref for hit in search(store, run.run_id[:23]).items] == [f"run:{run.run_id}"]
    assert {hit.name for hit in by_digest} == {"flights/model", "flights/signature"}
    assert [hit.ref for hit in search(store, "late", kinds=["model"]).items] == ["late@latest"]


def test_search_facets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values in facets are found if they are asked for, and it is said if not all were read."""
    tags = facet(tags=[{"key": "team", "value": "Risk"}])
    for number in (1, 2):
        tell(store, *ran(number, number, facets={"tags": tags}))
    found = search(store, "risk", kinds=["facet", "tag"])

    assert {(hit.what, hit.matched) for hit in found.items} == {
        ("tag", "tag"),
        ("facet", "tags.tags.value = Risk"),
    }
    assert not found.truncated
    assert [hit.what for hit in search(store, "risk").items] == ["tag"]
    monkeypatch.setattr("begat.lineage.graph.finding.ROWS", 1)
    assert search(store, "risk", kinds=["facet"]).reasons == ("size",)
