"""Targets are held against medians, and missed ones are said."""

from __future__ import annotations

import pytest
from benchmarks.graph_stores import LARGE
from benchmarks.lineage_graph import BESIDE_MEMORY, INGESTED, QUESTIONS, SENT, STREAMED
from benchmarks.results import Figure, Figures
from benchmarks.s3 import BOTO3, KINDS, READ, STORE, WRITTEN
from benchmarks.targets import verdicts


def figure(*cpu: float, **extra: object) -> Figure:
    """A figure of these CPU seconds."""
    return Figure(command="…", cpu=list(cpu), extra=dict(extra))


def verdict(figures: Figures, place: int = 0) -> tuple[float, bool]:
    """One target's number, and whether it is met."""
    found = list(verdicts(figures))[place]
    return round(found.value, 3), found.met


@pytest.mark.parametrize(
    ("ours", "expected"), [((1.2, 1.2, 99.0), (1.2, True)), ((1.3, 1.2, 1.25), (1.25, False))]
)
def test_cold(ours: tuple[float, ...], expected: tuple[float, bool]) -> None:
    """A cold run may cost 1.2 times a bare Prefect flow's, by medians."""
    cold = {"begat": figure(*ours), "bare Prefect flow": figure(1.0, 1.0, 1.0)}

    assert verdict({"cold": cold}) == expected


def test_lineage() -> None:
    """Lineage of a task is the median difference of blocks that ran one after the other."""
    tasks = {
        "bare Prefect task": figure(1.0, 2.0, 1.0),
        "begat task in a Prefect flow": figure(1.4, 2.4, 9.0),
    }

    assert verdict({"tasks": tasks}) == (0.8, True)


def test_digests() -> None:
    """Half the speed of the package misses the target."""
    digests = {
        "begat": figure(0.4, bytes=10),
        "blake3 package, mapped": figure(0.2, bytes=10),
    }

    assert verdict({"digests": digests}) == (0.5, False)


def test_watch() -> None:
    """400 notifications a CPU second are too few, 500 are enough."""
    bare = figure(0.1, events=1000)

    for cpu, expected in ((2.5, (400, False)), (2.0, (500, True))):
        watch = {"begat watch": figure(cpu, events=1000), "json and sqlite3": bare}
        assert verdict({"watch": watch}) == expected


def test_registry() -> None:
    """Nine times as many versions are too few; a fifth of an alias's move is enough."""
    registry = {
        f"{name}: {act}": figure(cpu)
        for name, times in (("begat", (1, 0.2, 0.3)), ("MLflow", (9, 1, 1)))
        for act, cpu in zip(("register", "promote", "rollback"), times, strict=True)
    }
    found = [(round(one.value, 1), one.met) for one in verdicts({"registry": registry})]

    assert found == [(9.0, False), (0.2, True), (0.3, False)]


def test_imports() -> None:
    """A heavy library that a light command imports misses the target; others do not count."""
    start = {
        "begat --help": figure(0.05, imports=["pandas"]),
        "begat show flights@1": figure(0.1, imports=["sqlalchemy"]),
        "python -c pass": figure(0.01),
    }

    assert [verdict({"start": start}, place) for place in range(3)] == [
        (5.0, True),
        (1, False),
        (0, True),
    ]


def test_memory() -> None:
    """Peaks are compared few partitions to many, however the figures are ordered."""
    memory = {
        "24 partitions": Figure(command="…", peak=[200, 200]),
        "6 partitions": Figure(command="…", peak=[100, 100]),
    }

    assert verdict({"memory": memory}) == (2.0, False)


def test_not_measured() -> None:
    """What was not measured is neither met nor missed."""
    assert list(verdicts({})) == []


@pytest.mark.parametrize(
    ("subject", "who", "cpu", "expected"),
    [
        ("ingest", "Store.record", 2.0, (0.5, True)),
        ("ingest", "Store.record", 2.1, (0.476, False)),
        ("http", "begat serve", 3.0, (0.333, True)),
        ("http", "begat serve", 4.0, (0.25, False)),
    ],
)
def test_ingest(subject: str, who: str, cpu: float, expected: tuple[float, bool]) -> None:
    """Taking events in may cost twice what writing the rows does; over HTTP, 3.3 times."""
    stores = {"ingest": INGESTED, "http": SENT}[subject]
    found = {
        f"{each}, {store.name}": figure(spent, events=500)
        for store in stores
        for each, spent in ((who, cpu), ("bare sqlite3", 1.0))
    }

    assert [verdict({subject: found}, place) for place in range(len(stores))] == [
        expected for _ in stores
    ]


def test_stream() -> None:
    """Memory is compared early to late, a tenth of the events to all of them."""
    stream = {
        f"{who}, {store.name}: {when}": Figure(command="…", peak=[peak])
        for who, store in STREAMED
        for when, peak in (("10 %", 100), ("100 %", 130))
    }

    assert verdict({"stream": stream}) == (1.3, False)


def test_size() -> None:
    """A database is judged by its bytes an edge."""
    size = {store.name: figure(size=2_000, edges=10) for store in LARGE}

    assert verdict({"size": size}) == (200.0, True)


def test_closures() -> None:
    """An answer at 1 M edges is held against the one at 10 k, and the deep one against memory."""
    closures = {
        f"{question}, {edges} edges": figure(cpu)
        for question in QUESTIONS
        for edges, cpu in (("10 k", 1.0), ("1 M", 3.5))
    }
    closures["ancestry of a warm model, 1 M edges"] = figure(4.0)
    closures |= {f"{question}, rustworkx": figure(0.25) for question in BESIDE_MEMORY}

    found = [verdict({"closures": closures}, place) for place in range(len(QUESTIONS) + 2)]
    assert found == [(3.5, False)] * len(QUESTIONS) + [(14.0, True), (16.0, False)]


def test_artifacts_in_s3() -> None:
    """Each kind is held against boto3 alone, written and read."""
    whats = [(kind, done) for kind in KINDS for done in (WRITTEN, READ)]
    found = {kind.what(BOTO3, done): figure(1.0) for kind, done in whats}
    found |= {
        kind.what(STORE, done): figure(cpu)
        for (kind, done), cpu in zip(whats, (1.0, 1.25, 2.0, 4.0), strict=True)
    }

    assert [verdict({"s3": found}, place) for place in range(len(whats))] == [
        (1.0, True),
        (0.8, True),
        (0.5, False),
        (0.25, False),
    ]
