"""Whole diffs of a small pipeline's versions, runs and partitions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from begat.lineage.cli.differences import lines
from begat.lineage.content.memory import MemoryStore
from begat.lineage.diff import diff, rescore
from begat.lineage.errors import RefError
from begat.lineage.graph import Store
from support.asking import ORDERS, REPORT, ran, tell
from support.foreign import dataset, run_id

from .conftest import BAD, Told

NAMES = ("first", "unit", "code", "parameter", "target", "month", "lookup")
SECTIONS = ("parameters", "packages", "python", "image", "seeds", "hardware", "environment")


def test_nothing_differs(told: Told) -> None:
    """A version does not differ from itself."""
    found = told.diff("unit", "unit")

    assert found["same"] is True
    assert found["causes"] == []
    assert found["holdout"]["same"] is True
    assert all(found[section] == {} for section in (*SECTIONS, "metrics"))
    assert found["data"] == found["derived"] == {"added": [], "removed": [], "changed": []}


def test_unit_error_is_the_only_cause(told: Told) -> None:
    """Kilometres for miles in one month are the one cause, with the rule by which they came."""
    found = told.diff("first", "unit")
    [cause] = found["causes"]
    [entry] = found["data"]["changed"]
    [column] = entry["columns"]

    assert cause["what"] == f"trips[month={BAD}]"
    assert "miles to kilometres" in cause["says"]
    assert (entry["role"], entry["role_before"]) == ("train", "train")
    assert column["column"] == "distance"
    assert column["rule"]["factor"] == pytest.approx(1.609, abs=0.001)
    assert column["changed"] == entry["rows"]["changed"] == entry["rows"]["new"]
    assert (entry["rows"]["added"], entry["rows"]["removed"]) == (0, 0)
    assert found["holdout"]["same"] is True
    assert all(found[section] == {} for section in SECTIONS)


def test_data_is_raw_only(told: Told) -> None:
    """What followed from changed data is under `derived`, by the datasets that begat wrote."""
    found = told.diff("first", "unit")

    assert [entry["partition"] for entry in found["data"]["changed"]] == [f"month={BAD}"]
    derived = {entry["dataset"] for entry in found["derived"]["changed"]}
    assert {"trips/prepared", "trips/features", "trips/model"} <= derived
    assert found["derived"]["added"] == found["derived"]["removed"] == []


def test_changed_function_is_shown(told: Told) -> None:
    """A changed helper is named with its task, and shown as a diff of just that function."""
    found = told.diff("unit", "code")
    [task] = found["code"]["tasks"]

    assert task["task"] == "featurize"
    assert task["functions"] == {"changed": ["speed"], "added": [], "removed": []}
    assert '-    return frame["distance"] / frame["minutes"]' in task["diff"].splitlines()
    assert '+    return frame["minutes"] / frame["distance"]' in task["diff"].splitlines()
    assert "def clean" not in task["diff"]
    assert [column["column"] for column in task["effect"]["columns"]] == ["speed"]
    assert found["data"]["changed"] == []
    assert [cause["kind"] for cause in found["causes"]] == ["code"]


def test_holdout_of_other_features_is_the_same(told: Told) -> None:
    """Other features of the same rows with the same labels are the same holdout."""
    holdout = told.diff("unit", "code")["holdout"]

    assert holdout["same"] is True
    assert "other features" in holdout["why"]
    assert holdout["partitions"]["changed"] == ["month=2024-04"]


def test_parameter(told: Told) -> None:
    """A parameter is told by task and name, old and new, and nothing else is."""
    found = told.diff("code", "parameter")

    assert found["parameters"] == {"train.estimator.max_depth": {"old": 3, "new": 2}}
    assert [cause["what"] for cause in found["causes"]] == ["train.estimator.max_depth"]
    assert found["code"]["tasks"] == []


def test_other_target_is_another_holdout(told: Told) -> None:
    """Where the truth is defined otherwise the metrics are not comparable, and that is first."""
    found = told.diff("parameter", "target")

    assert found["holdout"]["same"] is False
    assert found["holdout"]["why"].startswith("late is another in ")
    assert found["causes"][0]["kind"] == "holdout"
    assert "LATE" in found["causes"][1]["says"]
    assert found["code"]["tasks"][0]["diff"].splitlines()[-2:] == ["-LATE = 20", "+LATE = 25"]


def test_new_month(told: Told) -> None:
    """A new month is added and held out; the last one moves from the holdout into training."""
    found = told.diff("target", "month")
    [added] = found["data"]["added"]
    [moved] = found["holdout"]["moved"]

    assert (added["partition"], added["role"], added["rows"]) == ("month=2024-05", "holdout", 240)
    assert (moved["partition"], moved["role"]) == (
        "month=2024-04",
        {"old": "holdout", "new": "train"},
    )
    assert found["data"]["changed"] == found["data"]["removed"] == []
    assert found["holdout"]["same"] is False
    assert added["beside"]["partition"] == "month=2024-04"


def test_unit_error_in_a_new_month(told: Told) -> None:
    """A month that comes with kilometres is told apart from the seasons: distance is unusual."""
    [added] = told.diff("lookup", "bad month")["data"]["added"]
    first = added["beside"]["columns"][0]

    assert first["column"] == "distance"
    assert first["moved"] > 2 * max(first["usual"], first["by_chance"])
    assert "changed" not in first


def test_changed_lookup(told: Told) -> None:
    """A changed lookup is told once, in its role, with the one row that changed."""
    found = told.diff("month", "lookup")
    [entry] = found["data"]["changed"]

    assert (entry["dataset"].rpartition("/")[2], entry["role"]) == ("weather.csv", "lookup")
    assert entry["rows"]["changed"] == 1
    assert entry["columns"][0]["column"] == "temp"


def test_everything(told: Told) -> None:
    """With everything, what is the same is told too, and is no cause."""
    found = told.diff("first", "unit", everything=True)

    assert found["parameters"]["train.estimator.max_depth"] == {"old": 3, "new": 3}
    assert found["packages"]["scikit-learn"]["used"] is True
    assert set(found["metrics"]) >= {"accuracy", "roc_auc"}
    same = {entry["partition"] for entry in found["data"]["same"]}
    assert same == {"", "month=2024-01", "month=2024-03", "month=2024-04"}
    assert [cause["kind"] for cause in found["causes"]] == ["data"]


def test_flow_runs(told: Told) -> None:
    """Two flow runs differ as the model versions do that they resulted in."""
    runs = {name: _flow_run(told, name) for name in ("first", "unit")}
    by_run = told.diff(runs["first"], runs["unit"])
    by_version = told.diff("first", "unit")

    assert by_run["old"]["kind"] == "flow run"
    assert by_run["causes"] == by_version["causes"]
    assert by_run["metrics"] == by_version["metrics"]


def test_runs_of_others() -> None:
    """Of two runs that say little, it is told that their jobs differ, and what is not known."""
    store = Store.open("sqlite://")
    tell(
        store,
        *ran(1, 0, writes=[dataset(ORDERS)], job="load"),
        *ran(2, 5, writes=[dataset(REPORT)], job="report"),
        *ran(3, 9, writes=[dataset(REPORT)], job="report"),
    )
    kept = MemoryStore()
    other, again = (diff(store, kept, run_id(2), run_id(number)) for number in (1, 3))
    itself = diff(store, kept, run_id(2), run_id(2))
    store.close()

    assert (other["same"], other["job"]) == (False, {"old": "jobs:report", "new": "jobs:load"})
    assert (again["same"], again["job"]) == (True, {})
    assert [note.partition(" says ")[0] for note in again["notes"]] == [
        f"{run_id(2)} (report)",
        f"{run_id(3)} (report)",
    ]
    said = [[line.plain for line in lines(one, everything=False)] for one in (other, again, itself)]
    assert "  runs of different jobs: jobs:report → jobs:load" in said[0]
    assert "  nothing that is known differs" in said[1]
    assert "  nothing differs" in said[2]


def test_task_runs(told: Told) -> None:
    """Two task runs are compared by what they read and how."""
    runs = [told.diff(name, name)["old"]["run_id"] for name in ("code", "parameter")]
    found = told.diff(*runs)

    assert found["old"]["kind"] == "task run"
    assert found["parameters"] == {"train.estimator.max_depth": {"old": 3, "new": 2}}


def test_dataset_versions(told: Told) -> None:
    """Two versions of a partition are compared as tables, by their checksums."""
    [entry] = told.diff("first", "unit")["data"]["changed"]
    found = told.diff(entry["digest"]["old"], entry["digest"]["new"])
    [told_again] = found["data"]["changed"]

    assert told_again["columns"] == entry["columns"]
    assert found["metrics"] == {}


def test_partitions(told: Told) -> None:
    """Two partitions of one dataset are compared with each other."""
    found = told.diff("trips/features[month=2024-01]", "trips/features[month=2024-03]")
    entry = found["derived"]["changed"][0]

    assert (entry["partition_before"], entry["partition"]) == ("month=2024-01", "month=2024-03")
    assert entry["columns"]


def test_unknown_reference(told: Told) -> None:
    """A reference that names nothing is refused by name."""
    with pytest.raises(RefError, match="trips has no version '99'"):
        told.diff("first", "trips@99")


def test_data_and_model(told: Told) -> None:
    """Data and a model are nothing that can be compared: refused, whichever comes first."""
    names = ("trips[month=2024-01]", "first")

    for old, new in (names, names[::-1]):
        with pytest.raises(RefError, match=r"is data and trips@1 a model; name two"):
            told.diff(old, new)


def test_gone_bytes(told: Told, tmp_path: Path) -> None:
    """Where bytes are gone that is said, and what is recorded is compared all the same."""
    from begat.lineage.content import LocalStore, StatCache

    artifacts = tmp_path / "artifacts"
    shutil.copytree(told.trips.folder / "home" / "artifacts", artifacts)
    before = told.diff("first", "unit")
    old = before["data"]["changed"][0]["digest"]["old"]
    [path] = artifacts.rglob(f"*{old[-40:]}")
    path.unlink()
    store = LocalStore(artifacts, StatCache(tmp_path / "cache.db"))
    found = diff(told.trips.space.store, store, *(told.versions[n] for n in ("first", "unit")))
    [entry] = found["data"]["changed"]

    assert "gone" in entry["unread"]
    assert any("gone from the artifact store" in note for note in found["notes"])
    assert entry["digest"] == before["data"]["changed"][0]["digest"]
    assert found["metrics"] == before["metrics"]
    assert [cause["what"] for cause in found["causes"]] == [f"trips[month={BAD}]"]


def test_no_tables_compared(told: Told) -> None:
    """A limit of no tables reads none, and says how many were left alone."""
    found = told.diff("first", "unit", limit=0)

    assert "columns" not in found["data"]["changed"][0]
    assert found["notes"] == [
        "1 pairs of tables were not compared, after 0 were; --tables says how many are"
    ]


def test_rescore(told: Told) -> None:
    """Both models are evaluated on both holdouts, and a model that was trained on one is told."""
    names = [told.versions[name] for name in ("target", "month")]
    space = told.trips.space
    before = _state(told)
    with told.trips.using():
        found = rescore(space, *names)
    by_pair = {(entry["model"], entry["holdout"]): entry for entry in found}

    assert set(by_pair) == {(a, b) for a in names for b in names}
    assert by_pair[names[1], names[0]]["trained_on"] is True
    assert by_pair[names[0], names[1]]["trained_on"] is False
    assert all(0 <= entry["metrics"]["accuracy"] <= 1 for entry in found)
    assert _state(told) == before


def test_rescore_agrees_with_what_is_recorded(told: Told) -> None:
    """On the same holdout a rescored model has the metrics that its own evaluation recorded."""
    with told.trips.using():
        found = rescore(told.trips.space, told.versions["first"], told.versions["unit"])
    by_pair = {(entry["model"], entry["holdout"]): entry["metrics"] for entry in found}
    first, unit = told.versions["first"], told.versions["unit"]

    assert by_pair[first, unit] == by_pair[first, first]
    assert by_pair[unit, first] == by_pair[unit, unit]


def test_rescore_of_data(told: Told) -> None:
    """Where not both were evaluated there is nothing to evaluate again."""
    assert rescore(told.trips.space, "trips[month=2024-01]", told.versions["first"]) == []


@settings(max_examples=20)
@given(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
def test_mirrored(told: Told, old: str, new: str) -> None:
    """A diff the other way round says the same, with old and new, added and removed swapped."""
    forth, back = told.diff(old, new), told.diff(new, old)

    assert mirrored(forth) == _plain(back)


@given(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
@settings(max_examples=10)
def test_json(told: Told, old: str, new: str) -> None:
    """A diff is JSON."""
    found = told.diff(old, new)

    assert json.loads(json.dumps(found, allow_nan=False)) == found


def mirrored(value: Any) -> Any:
    """The same diff, the other way round; what is said in words is left out."""
    swapped = {"old": "new", "new": "old", "added": "removed", "removed": "added"}
    swapped |= {"role": "role_before", "role_before": "role"}
    if isinstance(value, list):
        return [mirrored(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    has_before = "role_before" in value
    for key, item in value.items():
        if key in ("says", "ground", "why", "notes", "rule", "diff", "type", "partition_before"):
            continue
        if key == "beside":  # from the partition before to this one, whichever way round
            found[key] = item
        elif key in ("delta", "sd") and isinstance(item, float) and "count" not in value:
            found[key] = -item or 0.0
        elif key in ("role", "role_before") and not has_before:
            found[key] = mirrored(item)
        else:
            found[swapped.get(key, key)] = mirrored(item)
    return found


def _plain(value: Any) -> Any:
    """A diff without words: mirrored there and back."""
    return mirrored(mirrored(value))


def _flow_run(told: Told, name: str) -> str:
    from begat.lineage.graph import queries

    [run] = [
        run["flow_run_id"]
        for run in queries.flow_runs(told.trips.space.store)
        if run["model_version"] == told.versions[name]
    ]
    return str(run)


def _state(told: Told) -> tuple[int, int]:
    """How many events there are, and how many artifacts."""
    with told.trips.space.store.read() as db:
        (events,) = db.execute("SELECT COUNT(*) FROM event").fetchone()
    artifacts = sum(path.is_file() for path in (told.trips.folder / "home/artifacts").rglob("*"))
    return events, artifacts
