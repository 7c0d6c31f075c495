"""The gate that wants the required items, and what is in force by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from begat.lineage.errors import GateError, SettingsError
from begat.lineage.registry import audit, policy, stages
from begat.lineage.registry.gates import Candidate, in_force, judge, make
from begat.lineage.registry.policy import Policy
from begat.lineage.registry.required import NAMES, told
from support.registered import ADA
from support.trips import Trips

Says = Callable[..., None]


@pytest.fixture
def bare(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trips]:
    """The same pipeline in no repository."""
    trips = Trips.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    trips.run()
    yield trips
    trips.space.close()


def test_one_verdict_an_item(candidate: Candidate, says: Says) -> None:
    """Each required item is judged by itself; a latency budget is what a pipeline has to add."""
    said = make({"gate": "required"}).judge(candidate)
    says(serving={"latency_p99_ms": 1e6})
    then = make({"gate": "required"}).judge(candidate)

    assert len(said) == len(NAMES)
    [refused] = [one for one in said if not one.passed]
    assert refused.gate == "required: serving requirements"
    assert refused.reason.startswith("no latency budget is stated; say Pipeline(…, serving=")
    assert all(one.passed for one in then)


def test_the_policy_says_which_items(candidate: Candidate, says: Says) -> None:
    """Items that a policy leaves out are not looked at; a gate may name its own."""
    says(required=["code", "data"])

    assert [one.gate for one in make({"gate": "required"}).judge(candidate)] == [
        "required: dataset reference",
        "required: code version",
    ]
    [own] = make({"gate": "required", "items": ["run"], "name": "link"}).judge(candidate)
    assert (own.gate, own.passed) == ("link: training run", True)


@pytest.mark.parametrize("items", [[], ["K1"], "data", [["data"]]])
def test_unknown_items_are_refused(items: Any) -> None:
    """What is no required item is told, with those that there are."""
    with pytest.raises(SettingsError, match="items of gate required is some of data, schema"):
        make({"gate": "required", "items": items})


def test_what_is_in_force_by_itself() -> None:
    """Into Staging the items are required, and limits that are stated are measured."""
    limited = {"latency_p99_ms": 10}
    own = ({"gate": "latency", "p99_ms": 5}, {"gate": "required", "stage": "Production"})

    def kinds(**said: Any) -> list[Any]:
        return [one["gate"] for one in in_force(Policy(**said))]

    assert kinds() == ["required"]
    assert kinds(serving=limited) == ["required", "latency"]
    assert kinds(serving={"format": "JSON"}) == ["required"]
    assert kinds(serving=limited, gates=own) == ["required", "latency", "required"]
    assert kinds(required=()) == []


def test_nothing_leaves_none_without_its_items(
    bare: Trips, caplog: pytest.LogCaptureFixture
) -> None:
    """A version from no commit is refused by name; once that is mended it enters Staging."""
    with pytest.raises(
        GateError,
        match=r"code version.*no commit; commit all that `git status` shows, and run again",
    ):
        stages.promote(bare.space, "trips@1", to="Staging", identity=ADA)
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    (bare.folder / ".gitignore").write_text("home\nlake\n__pycache__\n")
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *words], cwd=bare.folder, check=True)
    bare.edit("max_depth=3", "max_depth=2")
    bare.edit("LATE = 20", "LATE = 21")
    again = bare.run()
    required = [name for name in NAMES if name != "serving"]
    [found] = [one for one in told(bare.space, store_version(bare, again)) if one.name == "code"]
    policy.save(bare.space.store, store_version(bare, again), {"required": required}, identity=ADA)
    entry = stages.promote(bare.space, again, to="Staging", identity=ADA)

    assert "with changes that are kept" in found.says
    assert entry is not None
    assert [one["gate"] for one in entry.body["gates"]][:2] == [
        "required: dataset reference",
        "required: feature schema",
    ]
    assert entry.body["policy"]["required"] == required
    [promoter] = [
        one for one in told(bare.space, store_version(bare, again)) if one.name == "promoter"
    ]
    assert promoter.says == f"ada, {entry.at}, to Staging"
    assert [row.action for row in audit.entries(bare.space.store)] == [
        "refuse",
        "policy",
        "promote",
    ]


def store_version(trips: Trips, ref: str) -> Any:
    """The version that a reference names."""
    from begat.lineage.graph.resolve import resolve

    return resolve(trips.space.store, ref)


def test_all_gates_of_a_policy_are_judged(candidate: Candidate) -> None:
    """What is in force by itself comes before what the policy names."""
    said = Policy(required=("run",), gates=({"gate": "schema"}, {"gate": "known_input"}))

    assert [one.gate for one in judge(candidate, said)] == [
        "required: training run",
        "schema complete",
        "known_input",
    ]
