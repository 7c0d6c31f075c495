"""What the lineage graph costs: taking events in, keeping them, and answering."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence

from . import environments, measure, places, servers
from .graph_stores import LARGE, MIDDLE, SMALL, GraphStore
from .measure import Cost
from .results import Figure
from .subject import Collector, Tell, in_turn, probe

SUBJECTS = ("ingest", "http", "stream", "size", "closures")
#: Who takes events in.
RECORD, SERVE = "Store.record", "begat serve"
#: The floor of each, as figures call it.
SQLITE, RUSTWORKX = "bare sqlite3", "rustworkx"
DEEP = "ancestry of 4,000"
#: As the probe calls them.
QUESTIONS = ("ancestry of 100", DEEP, "their difference", "impact of a partition")
#: How much of a history has come in when the memory of what takes it in is looked at.
EARLY, LATE = "10 %", "100 %"
#: What is taken in by whom; of 1 M edges once, as that takes minutes.
INGESTED = (*MIDDLE, *LARGE)
SENT = MIDDLE[:1]
STREAMED = ((RECORD, LARGE[0]), (RECORD, LARGE[1]), (SERVE, LARGE[0]))


def measured(rounds: int, chosen: Sequence[str], tell: Tell) -> dict[str, dict[str, Figure]]:
    """The chosen subjects; stores of 1 M edges are filled once for all of them.

    Raises:
        CommandError: a probe failed, or begat and rustworkx disagree.
        RuntimeError: begat's server did not start.
    """
    found = {subject: Collector() for subject in chosen}
    for store in INGESTED:
        ways = _ways(store, found)
        for number, way in in_turn(rounds if store in MIDDLE else 1, list(ways)):
            tell(f"round {number + 1}: {store.name}, {way}")
            ways[way](store, found)
    if "size" in found:
        found["size"].figures = _sizes(tell)
    if "closures" in found:
        found["closures"].figures = _closures(rounds, tell)
    return {subject: collector.figures for subject, collector in found.items()}


#: Does one thing with a store, and adds what that cost to the subjects that ask for it.
_Way = Callable[[GraphStore, Mapping[str, Collector]], None]


def _ways(store: GraphStore, chosen: Container[str]) -> dict[str, _Way]:
    """What is to be done with a store; who fills it comes before who writes its rows again."""
    ingested, sent = "ingest" in chosen, "http" in chosen and store in SENT
    streams = {way for way, each in STREAMED if each == store and "stream" in chosen}
    ways: dict[str, _Way] = {}
    if ingested or RECORD in streams:
        ways[RECORD] = _record
    if sent or SERVE in streams:
        ways[SERVE] = _send
    if ingested or sent:
        ways[SQLITE] = _floor
    return ways


def _record(store: GraphStore, found: Mapping[str, Collector]) -> None:
    typed, said = store.fill()
    _add("ingest", RECORD, store, typed, Cost(cpu=said["cpu"], wall=said["wall"]), found)
    _note(RECORD, store, typed, said["resident"], found)


def _send(store: GraphStore, found: Mapping[str, Collector]) -> None:
    with servers.begat(places.GRAPHS / "served") as server:
        typed, said = store.send(server)
    typed = typed.replace(f"{server.url} {server.pid}", "URL PID")
    if store in SENT:
        _add("http", SERVE, store, typed, Cost(cpu=said["cpu"], wall=said["wall"]), found)
    _note(SERVE, store, typed, said["resident"], found)


def _floor(store: GraphStore, found: Mapping[str, Collector]) -> None:
    typed, cost = store.keep().floor()
    _add("ingest", SQLITE, store, typed, cost, found)
    if store in SENT:
        _add("http", SQLITE, store, typed, cost, found)


def _add(
    subject: str,
    who: str,
    store: GraphStore,
    typed: str,
    cost: Cost,
    found: Mapping[str, Collector],
) -> None:
    if subject in found:
        figure = found[subject].add(f"{who}, {store.name}", typed, cost)
        figure.extra["events"] = store.events


def _note(
    who: str,
    store: GraphStore,
    typed: str,
    resident: Sequence[int],
    found: Mapping[str, Collector],
) -> None:
    if "stream" in found and (who, store) in STREAMED:
        for when, peak in ((EARLY, resident[len(resident) // 10]), (LATE, resident[-1])):
            name = f"{who}, {store.name}: {when}"
            found["stream"].figures[name] = Figure(command=typed, peak=[peak])


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
