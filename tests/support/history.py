"""Made-up histories: runs with events as begat's wrapper writes them, on a clock of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from begat.lineage import events
from begat.lineage.content import merkle
from begat.lineage.content.digest import digest_bytes
from begat.lineage.content.merkle import Chunk
from begat.lineage.records import Caller, DatasetVersion, RunRef, Snapshot, State

Event = dict[str, Any]
Value = DatasetVersion | Snapshot


def digest(text: str) -> str:
    """The digest of some bytes."""
    return digest_bytes(text.encode())


def time_at(minute: int) -> str:
    """A time on the histories' clock."""
    return f"2025-01-{1 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00.000000Z"


def raw(name: str, partition: str = "", *, content: str = "") -> DatasetVersion:
    """A version that no tracked run made, found in a file."""
    return DatasetVersion(
        namespace="file",
        name=f"/lake/{name}",
        partition=partition,
        digest=digest(content or f"{name} {partition}"),
        size=100,
        format="csv",
        location=f"/lake/{name}/{partition}",
    )


@dataclass
class Run:
    """One run, its events, and what it returned."""

    run_id: str
    outputs: list[DatasetVersion] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def output(self) -> DatasetVersion:
        """Its only output."""
        [one] = self.outputs
        return one


@dataclass
class History:
    """Runs one after another, one minute each."""

    flow: str = "flights"
    minutes: Iterable[int] = field(default_factory=count)
    runs: list[Run] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """All events, in the order they happened."""
        return [event for run in self.runs for event in run.events]

    @property
    def chunks(self) -> list[Chunk]:
        """All chunks of the snapshots that were read."""
        return [chunk for run in self.runs for chunk in run.chunks]

    def task(
        self,
        job: str,
        reads: Mapping[str, Value] | None = None,
        writes: Sequence[str] = (),
        *,
        partition: str = "",
        recipe: str = "",
        content: str = "",
        end: State = "COMPLETE",
        parent: Run | None = None,
        rows: bool = True,
        reuse: str = "",
        result: Any = None,
        reusable: bool = True,
        facets: Mapping[str, Mapping[str, Any]] | None = None,
        input_facets: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> Run:
        """A task run: START, and its end."""
        reads = reads or {}
        started, ended = next(iter(self.minutes)), next(iter(self.minutes))
        run = Run(run_id=events.static_id(self.flow, str(started), instant_ms=started))
        if end == "COMPLETE":
            run.outputs = [
                DatasetVersion(
                    namespace="begat",
                    name=f"{self.flow}/{name}",
                    partition=partition,
                    digest=digest(content or f"{name} {partition} {sorted(map(str, reads))}"),
                    size=10,
                    rows=5,
                    format="parquet",
                    producer=run.run_id,
                )
                for name in writes
            ]
        caller = Caller(
            run=RunRef(run_id=run.run_id, namespace="begat", job=f"{self.flow}.{job}"),
            parent=_flow(self.flow, parent) if parent else None,
        )

        def inputs(inline: bool) -> list[Event]:
            return [
                events.input_dataset(
                    value,
                    argument,
                    rows=inline,
                    input_facets=(input_facets or {}).get(argument, {}),
                )
                for argument, value in reads.items()
            ]

        about = {
            "begat_recipe": {
                "digest": recipe or digest(f"recipe of {job} {partition} {started}"),
                "reusable": reusable,
            },
            **(facets or {}),
        }
        start = events.run_event(
            "START", caller=caller, time=time_at(started), inputs=inputs(False), run_facets=about
        )
        if end == "COMPLETE":
            about["begat_recipe"] = {**about["begat_recipe"], "result": result}
        if reuse:
            about = {"begat_reuse": events.facets.reuse(run=reuse)}
        last = events.run_event(
            end,
            caller=caller,
            time=time_at(ended),
            inputs=inputs(rows and end == "COMPLETE"),
            outputs=[events.output_dataset(version) for version in run.outputs],
            run_facets=about,
        )
        run.events = [last] if reuse else [start, last]
        for value in reads.values():
            if isinstance(value, Snapshot):
                run.chunks += merkle.chunks(value)
        self.runs.append(run)
        return run

    def flow_run(self, *, end: State = "COMPLETE", **counted: Any) -> Run:
        """A flow run that starts and ends here."""
        started, ended = next(iter(self.minutes)), next(iter(self.minutes))
        run = Run(run_id=events.static_id(self.flow, "flow", str(started), instant_ms=started))
        caller = Caller(run=_flow(self.flow, run))
        facets = {"begat_reuse": events.facets.reuse(**counted)} if counted else {}
        run.events = [
            events.run_event("START", caller=caller, time=time_at(started), job_type="FLOW"),
            events.run_event(
                end, caller=caller, time=time_at(ended), job_type="FLOW", run_facets=facets
            ),
        ]
        self.runs.append(run)
        return run


def snapshot(versions: Iterable[DatasetVersion]) -> Snapshot:
    """These partitions, sorted."""
    return Snapshot(versions=tuple(sorted(versions, key=lambda version: version.partition)))


def without_rows(event: Event) -> Event:
    """The event as it is for more partitions than are told inline: their chunks are named."""
    entries = []
    for entry in event.get("inputs", []):
        reference = dict(entry["inputFacets"]["begat_snapshot"])
        if rows := reference.pop("rows", None):
            versions = [
                DatasetVersion(
                    namespace="", name="", partition=key, digest=version, size=0, producer=run
                )
                for key, version, run in rows
            ]
            parts = merkle.chunks(Snapshot(versions=tuple(versions)))
            reference["chunks"] = [part.lineage for part in parts]
        facets = {**entry["inputFacets"], "begat_snapshot": reference}
        entries.append({**entry, "inputFacets": facets})
    return {**event, "inputs": entries}


def train(history: History, months: Sequence[str], *, flow: Run | None = None) -> dict[str, Run]:
    """A pipeline over some months, the last held out: its runs, by job."""
    lookups = {"lookups.weather": raw("weather.csv")}
    done: dict[str, Run] = {}
    features = []
    for month in months:
        key = f"month={month}"
        prepared = history.task(
            "prepare",
            {"part": raw("flights", key), **lookups},
            ["prepared"],
            partition=key,
            parent=flow,
        )
        done[f"prepare {month}"] = prepared
        made = history.task(
            "featurize", {"part": prepared.output}, ["features"], partition=key, parent=flow
        )
        done[f"featurize {month}"] = made
        features.append(made.output)
    done["train"] = history.task(
        "train",
        {"features": snapshot(features[:-1])},
        ["model", "signature"],
        parent=flow,
        content=f"model {months}",
    )
    model = done["train"].outputs[0]
    done["evaluate"] = history.task(
        "evaluate",
        {"model": model, "holdout": snapshot(features[-1:])},
        ["evaluation"],
        parent=flow,
    )
    done["register"] = history.task(
        "register",
        {
            "model": model,
            "signature": done["train"].outputs[1],
            "evaluation": done["evaluate"].output,
        },
        parent=flow,
    )
    return done


def as_raw(version: DatasetVersion) -> DatasetVersion:
    """The same bytes, said to be nobody's."""
    return replace(version, producer="")


def _flow(name: str, run: Run) -> RunRef:
    return RunRef(run_id=run.run_id, namespace="begat", job=name)
