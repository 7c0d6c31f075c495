"""The flights in four scenarios: cold, nothing to do, the twelfth month arrives, one parameter.

Each round starts every peer in a new folder. Within a scenario they run one after the other, so
that noise hits all of them. A server's CPU is part of the price; starting it is not.
"""

from __future__ import annotations

import contextlib
import json
import math
import shlex
from collections.abc import Mapping, Sequence

from . import lake, measure, servers
from .measure import Cost
from .peers import ALL, MAX_ITER, MORE_ITER, SCENARIOS, Peer
from .results import Figure
from .servers import Server
from .subject import Collector, Tell, forth_and_back

BEFORE, LAST = lake.MONTHS[:11], lake.MONTHS[11]


class DifferentWorkError(Exception):
    """A peer came to other metrics than the rest: it did other work."""


def measured(
    rounds: int, chosen: Sequence[str], tell: Tell, peers: Sequence[Peer] = ALL
) -> dict[str, dict[str, Figure]]:
    """What the chosen scenarios cost, of all peers.

    Raises:
        CommandError: a peer failed.
        DifferentWorkError: a peer did other work.
    """
    scenarios = _needed(chosen)
    peers = [peer for peer in peers if set(peer.scenarios) & set(chosen)]
    collected = {scenario: Collector() for scenario in chosen}
    with contextlib.ExitStack() as stack:
        running = {}
        for peer in peers:
            tell(f"making ready: {peer.name}")
            peer.fresh(BEFORE)
            if peer.server:
                running[peer.name] = stack.enter_context(servers.prefect(peer.kind, name=peer.key))
        for number in range(rounds):
            for scenario in scenarios:
                if _spared(number, scenario, chosen):
                    continue
                found = {}
                for peer in forth_and_back(number, peers):
                    if number >= peer.rounds or scenario not in peer.scenarios:
                        continue
                    tell(f"round {number + 1}, {scenario}: {peer.name}")
                    command, cost = run(peer, scenario, running.get(peer.name))
                    found[peer.name] = metrics(peer, cost)
                    if scenario in chosen:
                        figure = collected[scenario].add(peer.name, command, cost)
                        figure.extra.setdefault("stages", []).append(stages(peer, cost))
                check_same(scenario, found)
    return {scenario: collector.figures for scenario, collector in collected.items()}


def run(peer: Peer, scenario: str, server: Server | None) -> tuple[str, Cost]:
    """Let a scenario happen to a peer: what was typed, and what it cost."""
    max_iter = MORE_ITER if scenario == "parameter" else MAX_ITER
    if scenario == "cold":
        peer.fresh(BEFORE)
    elif scenario == "twelfth":
        lake.arrive(peer.folder, LAST)
    peer.arrange(peer.folder, max_iter)
    return peer.typed(max_iter), again(peer, max_iter, server)


def again(peer: Peer, max_iter: int, server: Server | None) -> Cost:
    """Run a peer in its folder as that is."""
    (peer.folder / "stages.log").unlink(missing_ok=True)
    return measure.run(
        shlex.split(peer.typed(max_iter)),
        folder=peer.folder,
        environment=peer.environment(server.url if server else ""),
        servers=[server.pid] if server else [],
    )


def stages(peer: Peer, cost: Cost) -> int:
    """How many stages did work in the run that ended last."""
    if peer.kind == "begat":
        return int(json.loads(cost.output)["executed"])
    log = peer.folder / "stages.log"
    ran = len(log.read_text().splitlines()) if log.exists() else 0
    return ran + (peer.kind == "mlflow")  # it registers by itself


def metrics(peer: Peer, cost: Cost) -> dict[str, float]:
    """What the model is worth, as a peer says."""
    held = (
        json.loads(cost.output)["metrics"]
        if peer.kind == "begat"
        else json.loads((peer.folder / "out" / "metrics.json").read_text())
    )
    return {name: float(value) for name, value in held.items()}


def check_same(scenario: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse figures of peers that did not do the same work.

    Raises:
        DifferentWorkError: their metrics differ.
    """
    for name, values in found.items():
        first, expected = next(iter(found.items()))
        same = values.keys() == expected.keys() and all(
            math.isclose(values[key], expected[key], rel_tol=1e-9) for key in expected
        )
        if not same:
            raise DifferentWorkError(
                f"{scenario}: {name} came to {dict(values)}, and {first} to {dict(expected)}"
            )


def _needed(chosen: Sequence[str]) -> list[str]:
    """What has to happen for the chosen scenarios to be measured, in order."""
    before = {"noop": ("cold",), "twelfth": ("cold",), "parameter": ("cold", "twelfth")}
    wanted = {*chosen, *(need for each in chosen for need in before.get(each, ()))}
    return [scenario for scenario in SCENARIOS if scenario in wanted]


def _spared(number: int, scenario: str, chosen: Sequence[str]) -> bool:
    """Whether a scenario need not happen again: nothing to do can be had any number of times."""
    return number > 0 and scenario == "cold" and tuple(chosen) == ("noop",)
