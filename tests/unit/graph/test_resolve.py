from __future__ import annotations

import pytest

from begat.lineage.errors import RefError
from begat.lineage.graph.resolve import resolve
from begat.lineage.graph.store import Store
from begat.lineage.records import DatasetVersion, ModelVersion, RunRef
from begat.lineage.registry.versions import register
from support.history import History, digest, raw


@pytest.fixture
def models(store: Store) -> Store:
    """A store with three versions of one model."""
    for n in (1, 2, 3):
        register(
            store,
            model="flight-delays",
            recipe=digest(str(n)),
            run_id=f"run {n}",
            training_run_id="",
            digest=digest(f"model {n}"),
            body={},
        )
    with store.write() as db:
        db.execute("UPDATE model_version SET stage = 'Production' WHERE version = 2")
        db.execute("UPDATE model_version SET stage = 'Archived' WHERE version != 2")
        db.execute("INSERT INTO alias VALUES ('flight-delays', 'champion', 1)")
    return store


@pytest.mark.parametrize(
    ("which", "version"), [("2", 2), ("latest", 3), ("Production", 2), ("champion", 1)]
)
def test_model_version(models: Store, which: str, version: int) -> None:
    """A model version is named by number, as the latest, by stage, or by alias."""
    expected = ModelVersion(
        model="flight-delays",
        version=version,
        digest=digest(f"model {version}"),
        producer=f"run {version}",
    )
    found = resolve(models, f"flight-delays@{which}")

    assert found == expected
    assert (found.digest, found.producer) == (expected.digest, expected.producer)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("flight-delays@9", "no version '9'; `begat models`"),
        ("flight-delays@Staging", "no version 'Staging'"),
        ("flight-delays@Archived", "names 2 versions: flight-delays@1, flight-delays@3"),
        ("trains@1", "no model is named 'trains'; there are flight-delays"),
        (
            "flight-delays",
            "is a model; name a version of it: flight-delays@latest is .*delays@3, and",
        ),
    ],
)
def test_model_version_errors(models: Store, ref: str, message: str) -> None:
    """What is no model version, or several, is said with what there is."""
    with pytest.raises(RefError, match=message):
        resolve(models, ref)


def test_run(store: Store, history: History) -> None:
    """A run is named by its id, or by a unique beginning of it, in either case."""
    run = history.task("step")
    history.runs.clear()
    store.record(run.events)
    expected = RunRef(run_id=run.run_id, namespace="begat", job="flights.step")

    assert [resolve(store, ref) for ref in (run.run_id, run.run_id[:20], run.run_id.upper())] == [
        expected
    ] * 3


def test_ambiguous_run(store: Store, history: History) -> None:
    """A beginning that several ids share lists them."""
    runs = [history.task("step"), history.flow_run()]
    store.record(history.events)
    with pytest.raises(RefError, match="names 2 runs") as caught:
        resolve(store, runs[0].run_id[:9])

    assert all(run.run_id in str(caught.value) for run in runs)


@pytest.mark.parametrize(
    "ref", ["flights/prepared[m=1]", "prepared[m=1]", "file:/lake/weather.csv", "weather.csv"]
)
def test_dataset(store: Store, history: History, ref: str) -> None:
    """A dataset is named by its name or a tail of it, a partition in brackets."""
    weather = raw("weather.csv")
    run = history.task("prepare", {"part": weather}, ["prepared"], partition="m=1")
    store.record(history.events)
    found = resolve(store, ref)

    assert found == (run.output if "prepared" in ref else weather)


def test_newest_version(store: Store, history: History) -> None:
    """Of several versions of a partition the one that was seen last is meant."""
    old = history.task("prepare", {}, ["prepared"], content="old")
    new = history.task("prepare", {}, ["prepared"], content="new")
    history.task("use", {"part": raw("weather.csv", content="first")})
    history.task("use", {"part": raw("weather.csv", content="second")})
    history.task("use", {"features": old.output})
    store.record(history.events)

    assert resolve(store, "prepared") == new.output
    assert resolve(store, "weather.csv") == raw("weather.csv", content="second")


def test_size_and_format(store: Store, history: History) -> None:
    """What is found is a reference that can be read: with size, rows, format and kind."""
    made = history.task("prepare", {}, ["prepared"]).output
    store.record(history.events)
    found = resolve(store, "prepared")

    assert isinstance(found, DatasetVersion)
    assert (found.size, found.rows, found.format, found.kind) == (10, 5, "parquet", "FILE")
    assert found.producer == made.producer


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("flights", "names 2 datasets: file:/lake/b/flights, file:/lake/flights"),
        ("a/flights[m=1]", "names no run, dataset or model version; there are file:/lake/b"),
        ("lake/flights", "names 2 partitions: file:/lake/flights.m=1., file:/lake/flights.m=2."),
        ("lake/flights[m=3]", "has no partition 'm=3'; there are m=1, m=2"),
        ("flights[m=1", "is no reference"),
        ("", "is no reference"),
        ("dead", "names no run, dataset or model version"),
        ("blake3:00", "no version has a digest that begins with blake3:00"),
    ],
)
def test_dataset_errors(store: Store, history: History, ref: str, message: str) -> None:
    """What is no dataset version, or several, is said with what there is."""
    for part in (raw("flights", "m=1"), raw("flights", "m=2"), raw("b/flights", "m=1")):
        history.task("use", {"part": part})
    store.record(history.events)
    with pytest.raises(RefError, match=message):
        resolve(store, ref)


def test_nothing_yet(store: Store) -> None:
    """In an empty store nothing is found, and that is said."""
    with pytest.raises(RefError, match="there are no datasets yet"):
        resolve(store, "flights")
    with pytest.raises(RefError, match="there are no models yet"):
        resolve(store, "flights@1")


def test_digest(store: Store, history: History) -> None:
    """A version is named by its digest, or by a unique beginning of it."""
    part = raw("flights", "m=1")
    history.task("use", {"part": part})
    history.task("again", {"part": part})
    store.record(history.events)

    assert resolve(store, part.digest) == part
    assert resolve(store, part.digest[:15]) == part


def test_ambiguous_digest(store: Store, history: History) -> None:
    """Bytes that are versions of two datasets list both."""
    for name in ("a.csv", "b.csv"):
        history.task("use", {"part": raw(name, content="same")})
    store.record(history.events)
    with pytest.raises(RefError, match=r"names 2 versions: file:/lake/a\.csv .*/b\.csv"):
        resolve(store, digest("same"))
