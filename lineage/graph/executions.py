"""Executions of a run: an id that is used again means another one.

The events of a run, in the order of their times, are one execution until a START comes later
than an end; there the next begins. Where the ends are is a function of the set of events, so
an event that comes late may move them: then all events of that run speak anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..events.canonical import parse
from . import nodes
from .bindings import Bindings
from .facts import ENDED, Facts, facts
from .products import Products
from .rows import NEW, Rows

#: An event, and its origin.
Said = tuple[Facts, str]


class Executions:
    """Divides the events of runs, inside one transaction."""

    def __init__(self, rows: Rows, bindings: Bindings, products: Products) -> None:
        self._rows = rows
        self._bindings = bindings
        self._products = products

    def is_single(self, row: dict[str, Any], said: Facts) -> bool:
        """Whether a run has one execution, also with one more event."""
        start, end = row["last_start"], row["first_end"]
        if said.type == "START":
            start = max(start or said.time, said.time)
        elif said.rank >= ENDED:
            end = min(end or said.time, said.time)
        return row["executions"] == 1 and not (start and end and end < start)

    def last(self, said: Facts) -> str:
        """Key of the execution that an event later than all others of its run is of, or opens.

        Empty for an event that is not, which may divide the others in another way.
        """
        run_id = said.run.run_id
        [latest] = self._rows.one("latest_event", run_id=run_id, hash=said.hash)
        if latest is None or said.time <= latest:
            return ""
        first = self._rows.run_row(run_id)
        last = self._rows.run_row(key(run_id, first["executions"] - 1))
        if said.type == "START" and last["first_end"]:
            first["executions"] += 1
            self._rows.put_run(first)
        return key(run_id, first["executions"] - 1)

    @contextmanager
    def anew(self, run_id: str) -> Iterator[list[tuple[str, list[Said]]]]:
        """All events of a run by execution, each under its key, to be projected inside.

        What they had said before is forgotten.
        """
        said = [
            (facts(parse(body), event_hash), origin)
            for event_hash, origin, body in self._rows.all("events_of", run_id=run_id)
        ]
        executions = divided(said)
        keys = [key(run_id, number) for number in range(len(executions))]
        self._rows.forget()
        lost: set[tuple[int, str]] = set()
        for one in keys:
            lost |= self._forget(one)
        self._rows.forget()
        yield list(zip(keys, executions, strict=True))
        first = self._rows.run_row(run_id)
        first["executions"] = len(executions)
        self._rows.put_run(first)
        for dataset, since in sorted(lost):
            self._bindings.since(dataset, since)
        for dataset in {dataset for dataset, _ in lost}:
            self._bindings.lose(dataset)
        self._rows.forget()

    def _forget(self, uuid: str) -> set[tuple[int, str]]:
        """Take back what was projected of an execution; what was current because of it."""
        row = self._rows.run_row(uuid)
        if "id" not in row:
            return set()
        run = row["id"]
        lost = {(dataset, since) for dataset, _, since, _ in self._rows.all("currents_of", run=run)}
        self._rows.do("drop_currents", the_run=run)
        for binding in self._bindings.of_run(run):
            self._rows.stand(binding.node, set())
            self._rows.do("drop_snapshot", snapshot=binding.snapshot)
        for table in ("bindings", "readings", "derived", "traits"):
            self._rows.do(f"drop_{table}", the_run=run)
        self._rows.stand(nodes.run(run), set())
        outputs = self._rows.outputs(run)
        self._rows.do("drop_outputs", the_run=run)
        for dataset, since in lost:
            self._bindings.since(dataset, since)
        for version in outputs:
            self._products.unmake(version, run)
            self._rows.do("drop_silent_version", version=version, own=f"run:{uuid}")
        self._rows.put_run({"id": run, "uuid": uuid, **NEW, "facets": {}})
        return lost


def key(run_id: str, number: int) -> str:
    """What the execution of this number, from 0, is called."""
    return f"{run_id}#{number + 1}" if number else run_id


def divided(said: Iterable[Said]) -> list[list[Said]]:
    """The events of a run by execution, in the order of their times."""
    found: list[list[Said]] = [[]]
    ended = ""  # the earliest end of the execution
    for one, origin in sorted(said, key=lambda pair: (pair[0].time, pair[0].rank, pair[0].hash)):
        if one.type == "START" and ended and one.time > ended:
            found.append([])
            ended = ""
        if one.rank >= ENDED and not ended:
            ended = one.time
        found[-1].append((one, origin))
    return found
