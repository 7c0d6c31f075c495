from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from begat.lineage.records import Dataset, DatasetVersion, ModelVersion, Snapshot

DIGEST = "blake3:" + "0" * 64


def version(partition: str = "", name: str = "delays/prepared", **fields: Any) -> DatasetVersion:
    """A version that begat wrote."""
    given = {"namespace": "begat", "name": name, "partition": partition, "digest": DIGEST}
    return DatasetVersion(**{"size": 1, **given, **fields})


@pytest.mark.parametrize(
    ("field", "value", "same"),
    [
        ("digest", "blake3:" + "1" * 64, False),
        ("partition", "month=2", False),
        ("producer", "a run", False),
        ("name", "delays/features", False),
        ("namespace", "file", False),
        ("size", 2, True),
        ("rows", 3, True),
        ("format", "csv", True),
        ("location", "/lake", True),
    ],
)
def test_what_a_version_is_equal_by(field: str, value: Any, same: bool) -> None:
    """Identity and producer count; what describes the bytes, or where they lie, does not."""
    changed = dataclasses.replace(version(), **{field: value})

    assert (changed == version(), hash(changed) == hash(version())) == (same, same)


def test_versions_are_shown_by_name_and_partition() -> None:
    """What begat writes goes by its name alone, other datasets with their namespace."""
    shown = [
        str(version("month=1")),
        str(version()),
        str(version(name="/lake/flights", namespace="file")),
    ]

    assert shown == ["delays/prepared[month=1]", "delays/prepared", "file:/lake/flights"]


def test_a_dataset_is_the_same_wherever_it_lies() -> None:
    """A logical name leaves the folder out of what lies in files, and nothing of begat's."""
    names = [
        Dataset(namespace="file", name="/a/flights").logical,
        Dataset(namespace="file", name="/b/flights").logical,
        Dataset(namespace="begat", name="delays/prepared").logical,
    ]

    assert names == ["flights", "flights", "delays/prepared"]


@pytest.mark.parametrize(
    ("versions", "wrong"),
    [
        ((), "at least one"),
        ((version("b"), version("a")), "sorted"),
        ((version("a"), version("a")), "once"),
        ((version("a"), version("b", name="delays/other")), "one dataset"),
    ],
)
def test_a_snapshot_is_sorted_partitions_of_one_dataset(
    versions: tuple[DatasetVersion, ...], wrong: str
) -> None:
    """Anything else is refused when it is made."""
    with pytest.raises(ValueError, match=wrong):
        Snapshot(versions=versions)


def test_a_snapshot_says_what_it_is_of() -> None:
    """Its dataset is that of its partitions."""
    months = Snapshot(versions=(version("a"), version("b")))

    assert (months.dataset, str(months)) == (version().dataset, "delays/prepared (2 partitions)")


def test_a_model_version_is_its_name_and_number() -> None:
    """Whoever registered it, and whatever its file, `delays@3` is one thing."""
    one = ModelVersion(model="delays", version=3, digest=DIGEST)

    assert (one.ref, one == dataclasses.replace(one, producer="a run")) == ("delays@3", True)


@pytest.mark.parametrize("record", [version(), ModelVersion(model="m", version=1, digest=DIGEST)])
def test_records_do_not_change(record: Any) -> None:
    """A value that was passed on stays what it is."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.digest = "other"
