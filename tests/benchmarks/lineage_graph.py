"""What the lineage graph costs: taking events in, keeping them, and answering."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

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
#: What is asked of any store and has one answer in all; as the probe calls it.
QUESTIONS = (
    *("ancestry of 100", "ancestry of 4,000", "their difference", "impact of a partition"),
    *("`upstream` of 100", "`upstream` of 4,000"),
    *("`downstream` of a partition", "`impact` of a partition"),
)
#: Both are of 4,000 nodes: of the chain, three edges a model, and of a model that is trained each
#: day out of the day before's, with thirty partitions and more edges than either.
BESIDE_MEMORY = ("ancestry of 4,000", "ancestry of a warm model")
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
    for store in (SMALL, LARGE[0]):
        tell(f"closures: {store.name}")
        store.keep()
    tell(f"closures, {rounds} rounds")
    typed, command = probe("closures.py", str(rounds))
    asked = _told([*command, str(SMALL.database), str(LARGE[0].database)], "begat")
    figures = {}
    for question, (few, many) in ((key, answers.values()) for key, answers in asked.items()):
        figures[f"{question}, {LARGE[0].edges} edges"] = _figure(f"{typed} LARGE.db", many)
        if question in QUESTIONS:
            figures[f"{question}, {SMALL.edges} edges"] = _figure(f"{typed} SMALL.db", few)
    tell(f"closures: {RUSTWORKX}")
    here = [asked[question][str(LARGE[0].database)] for question in BESIDE_MEMORY]
    typed, [_, *command] = probe("in_memory.py", str(rounds))
    nodes = [str(answer["node"]) for answer in here]
    beside = _told(["python", *command, str(LARGE[0].database), *nodes], RUSTWORKX)
    for question, node, answer in zip(BESIDE_MEMORY, nodes, here, strict=True):
        if beside[node]["nodes"] != answer["nodes"]:
            raise measure.CommandError(
                f"{question}: {answer['nodes']} nodes, {RUSTWORKX} finds {beside[node]['nodes']}"
            )
        figures[f"{question}, {RUSTWORKX}"] = _figure(f"{typed} LARGE.db NODE", beside[node])
    return figures


def _told(command: Sequence[str], kind: str) -> dict[str, Any]:
    environment = environments.variables(kind, PYTHONPATH=str(places.HERE.parent))
    cost = measure.run(command, folder=SMALL.folder, environment=environment)
    found: dict[str, Any] = json.loads(cost.output)
    return found


def _figure(typed: str, answer: Mapping[str, Any]) -> Figure:
    return Figure(
        command=typed, cpu=answer["cpu"], wall=answer["wall"], extra={"nodes": answer["nodes"]}
    )
