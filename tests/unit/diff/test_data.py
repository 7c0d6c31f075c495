"""Which raw data differs, and what it was for: told from events alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from begat.lineage.content import MemoryStore
from begat.lineage.diff import diff
from begat.lineage.graph.store import Store
from begat.lineage.records import DatasetVersion
from begat.lineage.registry import register
from support.history import History, Run, digest, raw, snapshot

MONTHS = ("2024-01", "2024-02", "2024-03")


class Models:
    """A history of models, each over some raw partitions."""

    def __init__(self) -> None:
        self.history = History(flow="flights")
        self._features: dict[DatasetVersion, DatasetVersion] = {}
        self._registered: list[tuple[Run, Run]] = []

    def train(
        self,
        parts: Sequence[DatasetVersion],
        held: Sequence[DatasetVersion],
        *,
        weather: Mapping[DatasetVersion, DatasetVersion] | None = None,
        split: Mapping[str, Any] | None = None,
    ) -> str:
        """A model trained on some partitions and evaluated on others; how it is called."""
        number = len(self._registered) + 1
        features = {
            part: self._feature(part, (weather or {}).get(part, raw("weather.csv")))
            for part in (*parts, *held)
        }
        trained = self.history.task(
            "train",
            {"features": snapshot(features[part] for part in parts)},
            ["model", "signature"],
            content=f"model {number}",
        )
        evaluated = self.history.task(
            "evaluate",
            {"model": trained.outputs[0], "holdout": snapshot(features[part] for part in held)},
            ["evaluation"],
            content=f"evaluation {number}",
            facets={
                "begat_metrics": {"metrics": {"accuracy": 0.5 + number / 100}},
                "begat_recipe": {
                    "digest": digest(f"evaluate {number}"),
                    "reusable": True,
                    "parameters": {"target": "late", "holdout_fraction": None} | dict(split or {}),
                },
            },
        )
        registered = self.history.task(
            "register",
            {"model": trained.outputs[0], "evaluation": evaluated.output},
        )
        self._registered.append((trained, registered))
        return f"flights@{number}"

    def diff(self, old: str, new: str) -> dict[str, Any]:
        """What differs between two of them; no bytes are there."""
        store = Store.open("sqlite://")
        store.record(self.history.events, self.history.chunks)
        for trained, registered in self._registered:
            register(
                store,
                model="flights",
                recipe=registered.run_id,
                run_id=registered.run_id,
                training_run_id=trained.run_id,
                digest=trained.outputs[0].digest,
                body={"metrics": {}},
            )
        try:
            return diff(store, MemoryStore(), old, new)
        finally:
            store.close()

    def _feature(self, part: DatasetVersion, weather: DatasetVersion) -> DatasetVersion:
        key = replace(part, producer=weather.digest)
        if key not in self._features:
            run = self.history.task(
                "prepare",
                {"part": part, "lookups.weather": weather},
                ["features"],
                partition=part.partition,
                content=f"{part.name} {part.digest} {weather.digest}",
            )
            self._features[key] = run.output
        return self._features[key]


@pytest.fixture
def models() -> Models:
    """No models yet."""
    return Models()


def month(key: str, *, content: str = "", name: str = "trips") -> DatasetVersion:
    """A raw month."""
    return raw(name, f"month={key}", content=content)


def said(found: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Partition and role of everything that differs."""
    return {
        kind: [(entry["partition"], entry["role"]) for entry in found["data"][kind]]
        for kind in ("added", "removed", "changed")
    }


def test_added(models: Models) -> None:
    """A month that came is added, in the role that it was given."""
    parts = [month(key) for key in MONTHS]
    old = models.train(parts[:1], parts[1:2])
    new = models.train([parts[0], parts[2]], parts[1:2])
    found = models.diff(old, new)

    assert said(found) == {"added": [("month=2024-03", "train")], "removed": [], "changed": []}
    assert found["holdout"]["same"] is True
    assert found["holdout"]["moved"] == []


def test_changed_holdout(models: Models) -> None:
    """Held-out data that changed makes another holdout."""
    parts = [month(key) for key in MONTHS]
    old = models.train(parts[:2], parts[2:])
    new = models.train(parts[:2], [month(MONTHS[2], content="mended")])
    found = models.diff(old, new)

    assert said(found)["changed"] == [("month=2024-03", "holdout")]
    assert found["holdout"]["same"] is False
    assert found["holdout"]["why"] == "the held-out data itself changed in month=2024-03"


def test_swapped(models: Models) -> None:
    """Months that change places are neither added nor removed: they moved."""
    parts = [month(key) for key in MONTHS]
    found = models.diff(
        models.train(parts[:2], parts[2:]), models.train([parts[0], parts[2]], parts[1:2])
    )

    assert said(found) == {"added": [], "removed": [], "changed": []}
    assert [(entry["partition"], entry["role"]) for entry in found["holdout"]["moved"]] == [
        ("month=2024-02", {"old": "train", "new": "holdout"}),
        ("month=2024-03", {"old": "holdout", "new": "train"}),
    ]


def test_held_out_and_trained_on(models: Models) -> None:
    """A month that is evaluated on and, from then on, also trained on is for both."""
    parts = [month(key) for key in MONTHS]
    found = models.diff(models.train(parts[:2], parts[2:]), models.train(parts, parts[2:]))

    assert [entry["role"] for entry in found["holdout"]["moved"]] == [
        {"old": "holdout", "new": "both"}
    ]


def test_lookup(models: Models) -> None:
    """A changed lookup is a lookup, and what everything shares is not said to have come."""
    parts = [month(key) for key in MONTHS]
    other = dict.fromkeys(parts, raw("weather.csv", content="another summer"))
    found = models.diff(
        models.train(parts[:2], parts[2:]), models.train(parts[:2], parts[2:], weather=other)
    )

    assert said(found) == {"added": [], "removed": [], "changed": [("", "lookup")]}
    assert [entry["dataset"] for entry in found["derived"]["changed"]] == [
        "flights/evaluation",
        *["flights/features"] * 3,
        "flights/model",
    ]


def test_lookup_that_matters_for_one_month(models: Models) -> None:
    """A lookup has changed also where most of what it was for still stands on the old one."""
    parts = [month(key) for key in MONTHS]
    other = {parts[0]: raw("weather.csv", content="another January")}
    old = models.train(parts[:2], parts[2:])
    new = models.train(parts[:2], parts[2:], weather=other)
    forth, back = models.diff(old, new), models.diff(new, old)
    [changed] = forth["data"]["changed"]

    assert said(forth) == said(back) == {"added": [], "removed": [], "changed": [("", "lookup")]}
    assert changed["digest"]["old"] == back["data"]["changed"][0]["digest"]["new"]
    assert changed["role_before"] == "lookup"


def test_moved_lake(models: Models) -> None:
    """The same bytes in another place are no difference; other bytes there are a change."""
    old = models.train([month("2024-01"), month("2024-02")], [month("2024-03")])
    moved = [
        replace(month(key), name="/elsewhere/trips", digest=month(key).digest) for key in MONTHS
    ]
    same = models.train(moved[:2], moved[2:])
    mended = replace(moved[0], digest=digest("mended"))
    new = models.train([mended, moved[1]], moved[2:])
    found = models.diff(old, new)

    assert said(models.diff(old, same)) == {"added": [], "removed": [], "changed": []}
    assert said(found)["changed"] == [("month=2024-01", "train")]
    assert found["data"]["changed"][0]["dataset_before"] == "file:/lake/trips"


def test_other_fraction(models: Models) -> None:
    """A holdout of the same partitions that holds out another share is another one."""
    parts = [month(key) for key in MONTHS]
    fifth = models.train(parts, parts, split={"holdout_fraction": 0.2, "seed": 1})
    third = models.train(parts, parts, split={"holdout_fraction": 0.3, "seed": 1})
    found = models.diff(fifth, third)

    assert found["holdout"]["same"] is False
    assert found["holdout"]["why"].startswith("the rows held out are chosen otherwise")


def test_seed_without_fraction(models: Models) -> None:
    """Where whole partitions are held out, a seed holds out no other rows."""
    parts = [month(key) for key in MONTHS]
    found = models.diff(
        models.train(parts[:2], parts[2:], split={"seed": 1}),
        models.train(parts[:2], parts[2:], split={"seed": 2}),
    )

    assert found["holdout"]["same"] is True


def test_many_partitions(models: Models) -> None:
    """Of many changed partitions the first are causes of their own, and the rest one line."""
    days = [raw("days", f"day={number:03}") for number in range(300)]
    other = [
        replace(day, digest=digest(f"{day.partition} again")) if number < 40 else day
        for number, day in enumerate(days)
    ]
    found = models.diff(models.train(days[:-1], days[-1:]), models.train(other[:-1], other[-1:]))
    causes = [cause for cause in found["causes"] if cause["kind"] == "data"]

    assert len(found["data"]["changed"]) == 40
    assert len(causes) == 9
    assert "32 more partitions of days were changed" in {cause["says"] for cause in causes}
    assert found["notes"][0].endswith("and 35 more")


def test_no_bytes_at_all(models: Models) -> None:
    """Without a single artifact a diff tells what events tell, and what it could not look at."""
    parts = [month(key) for key in MONTHS]
    found = models.diff(
        models.train(parts[:2], parts[2:]),
        models.train([month("2024-01", content="mended"), parts[1]], parts[2:]),
    )
    [entry] = found["data"]["changed"]

    assert entry["unread"].endswith("are gone")
    assert entry["bytes"] == {"old": 100, "new": 100}
    assert found["causes"][0]["what"] == "trips[month=2024-01]"
