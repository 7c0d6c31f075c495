from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from begat.flows import inputs
from begat.lineage.errors import DataError, ParameterError
from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.workspace import workspace
from support.delays import SHAPES, Lake, month


def keys(parts: tuple[DatasetVersion, ...] | Snapshot) -> list[str]:
    """The partitions."""
    parts = parts.versions if isinstance(parts, Snapshot) else parts
    return [part.partition for part in parts]


def features(*partitions: str) -> tuple[DatasetVersion, ...]:
    """Featurized partitions."""
    return tuple(
        DatasetVersion(
            namespace="begat", name="delays/features", partition=key, digest=f"d {key}", size=1
        )
        for key in partitions
    )


def test_partitions_are_found_in_natural_order(lake: Lake) -> None:
    """With the lookups by name; digests only, nothing is copied."""
    found = inputs.find(SHAPES["lookup"](lake), workspace())

    assert (keys(found.parts), [*found.lookups], Path(workspace().settings.artifacts).exists()) == (
        ["month=2013-9", "month=2013-10", "month=2013-11"],
        ["carriers"],
        False,
    )


def test_a_choice_is_kept_in_natural_order(lake: Lake) -> None:
    """Only the partitions for which it holds are there."""
    found = inputs.find(SHAPES["plainly"](lake), workspace(), chosen="month>=2013-10")

    assert keys(found.parts) == ["month=2013-10", "month=2013-11"]


def test_a_choice_that_leaves_nothing_names_what_there_is(lake: Lake) -> None:
    """The message lists the partitions."""
    with pytest.raises(DataError, match="2013-9, month=2013-10, month=2013-11"):
        inputs.find(SHAPES["plainly"](lake), workspace(), chosen="month>2014-1")


def test_a_choice_by_a_key_that_is_not_there_is_refused(lake: Lake) -> None:
    """The message names the keys of this source."""
    with pytest.raises(ParameterError, match="partitioned by month"):
        inputs.find(SHAPES["plainly"](lake), workspace(), chosen="day=1")


def test_partitions_with_the_same_columns_pass(lake: Lake) -> None:
    """In any order, in one file or several, as CSV or Parquet."""
    lake.put("raw/month=1.csv", month(1))
    lake.put("raw/month=2.csv", month(2)[[*reversed(month(2).columns)]])
    store = workspace().artifacts

    inputs.check_columns(inputs.find(lake.pipeline(), workspace()).parts, store)
    for shape in ("many files", "parquet"):
        other = Lake(lake.folder / shape.replace(" ", "_"))
        other.folder.mkdir()
        inputs.check_columns(inputs.find(SHAPES[shape](other), workspace()).parts, store)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop(columns="gate"), "lacks gate"),
        (lambda frame: frame.assign(tail=1), "also has tail"),
        (lambda frame: frame.rename(columns={"gate": "Gate"}), "lacks gate and also has Gate"),
    ],
)
def test_a_partition_with_other_columns_is_refused(lake: Lake, change: object, said: str) -> None:
    """The message names it, its file and the difference."""
    assert callable(change)
    lake.months()
    path = lake.put("raw/month=2013-10.csv", change(month(1)))
    found = inputs.find(lake.pipeline(), workspace())

    with pytest.raises(DataError, match=rf"month=2013-10.*{path.name}.*{said}, compared with"):
        inputs.check_columns(found.parts, workspace().artifacts)


@pytest.mark.parametrize(
    ("holdout", "trains", "held", "fraction"),
    [
        ("last", ["m=9", "m=10"], ["m=11"], None),
        ({"m": "10"}, ["m=9", "m=11"], ["m=10"], None),
        (0.25, ["m=9", "m=10", "m=11"], ["m=9", "m=10", "m=11"], 0.25),
    ],
)
def test_a_holdout_splits_the_partitions(
    lake: Lake, holdout: object, trains: list[str], held: list[str], fraction: float | None
) -> None:
    """The last one, those of a key, or a share of the rows of all."""
    found = inputs.split(features("m=9", "m=10", "m=11"), lake.pipeline(holdout=holdout))

    assert (sorted(keys(found[0])), sorted(keys(found[1])), found[2]) == (
        sorted(trains),
        sorted(held),
        fraction,
    )


def test_a_holdout_may_name_one_of_several_keys(lake: Lake) -> None:
    """All months of a year are held out."""
    parts = features("year=2012/m=1", "year=2013/m=1", "year=2013/m=2")
    _, held, _ = inputs.split(parts, lake.pipeline(holdout={"year": "2013"}))

    assert keys(held) == ["year=2013/m=1", "year=2013/m=2"]


@pytest.mark.parametrize(
    ("holdout", "partitions", "said"),
    [
        ("last", ["m=1"], "takes 1 of 1 partitions and leaves nothing to train on"),
        ({"m": "1"}, ["m=1"], "leaves nothing to train on"),
        ({"m": "7"}, ["m=1", "m=2"], r"matches none of its partitions \(m=1, m=2\)"),
        ({"day": "1"}, ["m=1", "m=2"], "matches none"),
    ],
)
def test_a_holdout_that_leaves_nothing_is_refused(
    lake: Lake, holdout: object, partitions: list[str], said: str
) -> None:
    """The message says what it took, and what there was."""
    with pytest.raises(DataError, match=said):
        inputs.split(features(*partitions), lake.pipeline(holdout=holdout))


def test_columns_that_the_pipeline_names_have_to_be_there(lake: Lake) -> None:
    """Target, features and slices are looked for in the first featurized partition."""
    from begat import lineage

    part = lineage.write(pd.DataFrame({"far": [1], "late": [True]}), "features", partition="m=1")
    store = workspace().artifacts
    inputs.check_roles(part, lake.pipeline(features=["far"]), store)

    for changes, said in (
        ({"target": "delay"}, "no target 'delay'"),
        ({"features": ["far", "size"]}, "no feature column 'size'"),
        ({"slices": ["carrier"]}, "no slice column 'carrier'"),
    ):
        with pytest.raises(DataError, match=said):
            inputs.check_roles(part, lake.pipeline(**changes), store)
