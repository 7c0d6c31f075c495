"""What the lineage graph costs: taking events in, keeping them, and answering."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import environments, measure, places
from .graph_stores import LARGE, MIDDLE, SMALL, GraphStore
from .measure import Cost
from .results import Figure
from .subject import Collector, Tell, in_turn, probe

SUBJECTS = ("ingest", "stream", "size", "closures")
#: The floor of each, as figures call it.
SQLITE, RUSTWORKX = "bare sqlite3", "rustworkx"
DEEP = "ancestry of 4,000"
#: As the probe calls them.
QUESTIONS = ("ancestry of 100", DEEP, "their difference", "impact of a partition")
#: How much of a history has come in when the memory of what takes it in is looked at.
EARLY, LATE = "10 %", "100 %"


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """The chosen subjects; stores of 1 M edges are filled once for all of them.

    Raises:
        CommandError: a probe failed, or begat and rustworkx disagree.
    """
    ingest, stream = Collector(), Collector()
    if "ingest" in chosen:
        _take_in_turns(rounds, ingest, tell)
    if {"ingest", "stream"} & set(chosen):
        for store in LARGE:
            tell(f"ingest: {store.name}")
            _take(store, ingest, stream)
            if "ingest" in chosen:
                tell(f"ingest: {store.name}, {SQLITE}")
                _floor(store, ingest)
    found = {"ingest": ingest.figures, "stream": stream.figures}
    if "size" in chosen:
        found["size"] = _sizes(tell)
    if "closures" in chosen:
        found["closures"] = _closures(rounds, tell)
    return {subject: found[subject] for subject in chosen}


def _take_in_turns(rounds: int, ingest: Collector, tell: Tell) -> None:
    for store in MIDDLE:
        # In every other round the floor comes first, and writes what the round before left.
        for number, who in in_turn(rounds, ("begat", SQLITE)):
            tell(f"ingest, round {number + 1}: {store.name}, {who}")
            if who == SQLITE:
                _floor(store, ingest)
            else:
                _take(store, ingest, Collector())


def _take(store: GraphStore, ingest: Collector, stream: Collector) -> None:
    typed, found = store.fill()
    cost = Cost(cpu=found["cpu"], wall=found["wall"])
    ingest.add(f"begat, {store.name}", typed, cost).extra["events"] = found["events"]
    resident = found["resident"]
    for when, peak in ((EARLY, resident[len(resident) // 10]), (LATE, resident[-1])):
        figure = stream.figures.setdefault(f"{store.name}: {when}", Figure(command=typed))
        figure.peak.append(peak)


def _floor(store: GraphStore, ingest: Collector) -> None:
    typed, cost = store.floor()
    beside = ingest.figures[f"begat, {store.name}"]
    figure = ingest.add(f"{SQLITE}, {store.name}", typed, cost)
    figure.extra["events"] = beside.extra["events"]


def _sizes(tell: Tell) -> dict[str, Figure]:
    figures = {}
    for store in LARGE:
        tell(f"size: {store.name}")
        size, edges = store.keep().size()
        figures[store.name] = Figure(
            command="SELECT SUM(pgsize) FROM dbstat", extra={"size": size, "edges": edges}
        )
    return figures


def _closures(rounds: int, tell: Tell) -> dict[str, Figure]:
    stores = (SMALL, LARGE[0])
    for store in stores:
        tell(f"closures: {store.name}")
        store.keep()
    tell(f"closures, {rounds} rounds")
    databases = [str(store.database) for store in stores]
    typed, command = probe("closures.py", str(rounds), "SMALL.db", "LARGE.db")
    environment = environments.variables("begat", PYTHONPATH=str(places.HERE.parent))
    cost = measure.run([*command[:-2], *databases], folder=SMALL.folder, environment=environment)
    figures, asked = {}, json.loads(cost.output)
    for question, answers in asked.items():
        for store, answer in zip(stores, answers.values(), strict=True):
            figures[f"{question}, {store.edges} edges"] = Figure(
                command=typed,
                cpu=answer["cpu"],
                wall=answer["wall"],
                extra={"nodes": answer["nodes"]},
            )
    deep = asked[DEEP][databases[-1]]
    tell(f"closures: {RUSTWORKX}")
    beside = _in_memory(rounds, databases[-1], deep["node"])
    counted = {
        *(found["nodes"] for found in asked[DEEP].values()),
        beside.extra["nodes"],
    }
    if len(counted) > 1:
        raise measure.CommandError(f"{DEEP}: they have {sorted(counted)} nodes")
    return {**figures, f"{DEEP}, {RUSTWORKX}": beside}


def _in_memory(rounds: int, database: str, node: int) -> Figure:
    program = "probes/in_memory.py"
    cost = measure.run(
        ["python", str(places.HERE / program), database, str(node), str(rounds)],
        folder=SMALL.folder,
        environment=environments.variables("rustworkx"),
    )
    found = json.loads(cost.output)
    return Figure(
        command=f"python tests/benchmarks/{program} LARGE.db {node} {rounds}",
        cpu=found["cpu"],
        wall=found["wall"],
        extra={"nodes": found["nodes"]},
    )
