"""Made-up training histories: events of as many days as one likes, always the same for a seed.

A day has 100 tables of which every fifth is cumulative: it is overwritten, out of what it was
yesterday and three others; the rest are written as a partition of the day, out of a raw file
of the day. Then 30 models are trained, each on the last 30 partitions of one table, every
third warm, out of its own predecessor; and each is evaluated on the table's newest partition.
A chain of further models, each out of its predecessor and a raw file of its own, may run along:
it has the same closures in a history of a few days and in one of years.

Nothing is held: an event is a function of the seed and of where it stands.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from blake3 import blake3

Event = dict[str, Any]

#: Shape of a day.
TABLES, CUMULATIVE, MODELS, WINDOW, WARM = 100, 20, 30, 30, 10
#: A day's runs beside the chain's: tables, trainings, evaluations.
RUNS = TABLES + 2 * MODELS

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_SPEC = "https://openlineage.io/spec"
_COLUMNS = ("id", "day", "amount", "carrier", "late")


class Data(NamedTuple):
    """A version of a dataset, or of one partition of it."""

    name: str
    partition: str
    #: Which of its versions: a day, or a link of the chain.
    number: int
    #: The job that made it; empty for what came in from outside.
    job: str = ""
    is_model: bool = False


class Work(NamedTuple):
    """One run."""

    job: str
    number: int
    reads: tuple[Data, ...]
    writes: Data


@dataclass(frozen=True, kw_only=True)
class History:
    """A history, by its size.

    >>> history = History(days=2)
    >>> sum(1 for _ in history.events()) == 2 * 2 * (RUNS + 1)
    True
    """

    days: int
    #: Whether events name versions and producers, as begat's do; else only what was read.
    versioned: bool = True
    #: How long the chain is.
    links: int = 0
    seed: int = 4

    def works(self) -> Iterator[tuple[int, list[Work]]]:
        """The runs of each day, in the order they run."""
        link = 0
        for day in range(self.days):
            until = self.links * (day + 1) // self.days
            yield day, [*_works_of(day), *map(_link, range(link, until))]
            link = until

    def edges(self) -> Iterator[tuple[str, str]]:
        """What stands on what, by name: runs on what they read, what is made on its run."""
        for _, works in self.works():
            for work in works:
                for data in work.reads:
                    yield self.run_id(work.job, work.number), self.digest(data)
                yield self.digest(work.writes), self.run_id(work.job, work.number)

    def events(self) -> Iterator[Event]:
        """A START and a COMPLETE of each run, in order of their times."""
        for day, works in self.works():
            flow = self.run_id("daily", day)
            begin, step = _FIRST + day * _DAY, _DAY / (2 * len(works) + 3)
            times = iter(
                (begin + place * step).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                for place in range(2 * len(works) + 2)
            )
            yield self._event("START", next(times), "daily", flow, day)
            for work in works:
                yield self._of(work, "START", next(times), day)
                yield self._of(work, "COMPLETE", next(times), day)
            yield self._event("COMPLETE", next(times), "daily", flow, day)

    def batches(self, size: int) -> Iterator[list[Event]]:
        """The events, that many at a time."""
        batch = []
        for event in self.events():
            batch.append(event)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    @property
    def size(self) -> int:
        """How many events there are."""
        return 2 * ((RUNS + 1) * self.days + self.links)

    def link(self, number: int) -> Data:
        """A model of the chain, the first is 0; it has 3 ancestors for each up to itself."""
        return _link(number).writes

    def link_source(self, number: int) -> Data:
        """The raw file that a model of the chain was made of, beside its predecessor."""
        return _link(number).reads[-1]

    @functools.lru_cache(maxsize=16 * WINDOW * TABLES)  # noqa: B019 - frozen, and bounded
    def run_id(self, job: str, number: int) -> str:
        """Id of a job's run: a UUID."""
        return str(UUID(bytes=blake3(f"{self.seed} {job} {number}".encode()).digest(16), version=4))

    @functools.lru_cache(maxsize=16 * WINDOW * TABLES)  # noqa: B019 - frozen, and bounded
    def digest(self, data: Data) -> str:
        """Digest of a version."""
        return "blake3:" + blake3(f"{self.seed} {data.name} {data.number}".encode()).hexdigest()

    def _of(self, work: Work, state: str, time: str, day: int) -> Event:
        event = self._event(state, time, work.job, self.run_id(work.job, work.number), day)
        # A training finds its window while it runs, so that only its end names it.
        if state == "COMPLETE" or len(work.reads) < WINDOW // 2:
            event["inputs"] = [self._read(data, place) for place, data in enumerate(work.reads)]
        if state == "COMPLETE":
            event["outputs"] = [self._written(work.writes)]
        return event

    def _event(self, state: str, time: str, job: str, run_id: str, day: int) -> Event:
        above = {
            "run": {"runId": self.run_id("daily", day)},
            "job": {"namespace": "training", "name": "daily"},
        }
        engine = {"name": "prefect", "version": "3.8.8", "openlineageAdapterVersion": "0.1.0"}
        facets = {"processing_engine": self._facet("1-1-1/ProcessingEngineRunFacet", engine)}
        if job != "daily":
            facets["parent"] = self._facet("1-2-0/ParentRunFacet", {**above, "root": above})
        if self.versioned and job != "daily":
            recipe = blake3(f"{self.seed} recipe {run_id}".encode()).hexdigest()
            said = {"digest": f"blake3:{recipe}", "reusable": True}
            facets["begat_recipe"] = self._own("BegatRecipeRunFacet", said)
        else:
            nominal = {"nominalStartTime": f"{time[:10]}T00:00:00Z"}
            facets["nominalTime"] = self._facet("1-0-1/NominalTimeRunFacet", nominal)
        kind = {
            "processingType": "BATCH",
            "integration": "PREFECT",
            "jobType": "FLOW" if job == "daily" else "TASK",
        }
        return {
            "eventType": state,
            "eventTime": time,
            "producer": self._producer,
            "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": run_id, "facets": facets},
            "job": {
                "namespace": "training",
                "name": job,
                "facets": {"jobType": self._facet("2-0-4/JobTypeJobFacet", kind)},
            },
        }

    def _read(self, data: Data, place: int) -> Event:
        own: Event = {}
        if self.versioned:
            producer = self.run_id(data.job, data.number) if data.job else ""
            said = {"argument": f"data[{place}]", "partition": data.partition, "producer": producer}
            own["begat_snapshot"] = self._own("BegatSnapshotInputDatasetFacet", said)
        elif data.partition:
            own["subset"] = self._subset("Input", data.partition)
        return {
            "namespace": "s3://lake",
            "name": data.name,
            "facets": self._version(data),
            "inputFacets": own,
        }

    def _written(self, data: Data) -> Event:
        size = 1_000 + data.number % 1_000
        own = {
            "outputStatistics": self._facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet", {"size": 100 * size, "rowCount": size}
            )
        }
        if data.partition:
            own["subset"] = self._subset("Output", data.partition)
        facets = self._version(data)
        facets["datasetType"] = self._facet(
            "1-0-1/DatasetTypeDatasetFacet", {"datasetType": "MODEL" if data.is_model else "FILE"}
        )
        if not data.is_model:
            columns = [{"name": name, "type": "string"} for name in _COLUMNS]
            facets["schema"] = self._facet("1-2-0/SchemaDatasetFacet", {"fields": columns})
        return {
            "namespace": "s3://lake",
            "name": data.name,
            "facets": facets,
            "outputFacets": own,
        }

    def _version(self, data: Data) -> dict[str, Event]:
        if not self.versioned:
            return {}
        said = {"datasetVersion": self.digest(data)}
        return {"version": self._facet("1-0-1/DatasetVersionDatasetFacet", said)}

    def _subset(self, way: str, partition: str) -> Event:
        name, _, value = partition.partition("=")
        condition = {
            "type": "partition",
            "partitions": [{"identifier": partition, "dimensions": {name: value}}],
        }
        return self._facet(
            "1-0-0/BaseSubsetDatasetFacet",
            {f"{way.lower()}Condition": condition},
            f"{way}Subset{way}DatasetFacet",
        )

    @property
    def _producer(self) -> str:
        return "urn:begat:producer:0.1.0" if self.versioned else "https://example.org/scheduler/2.0"

    def _facet(self, schema: str, body: Event, definition: str = "") -> Event:
        definition = definition or schema.partition("/")[2]
        url = f"{_SPEC}/facets/{schema}.json#/$defs/{definition}"
        return {"_producer": self._producer, "_schemaURL": url, **body}

    def _own(self, name: str, body: Event) -> Event:
        url = f"urn:begat:facet:{name}:1-0-0#/$defs/{name}"
        return {"_producer": self._producer, "_schemaURL": url, **body}


def bodies(events: list[Event]) -> list[str]:
    """Events as they go over a wire."""
    return [json.dumps(event, separators=(",", ":")) for event in events]


def _works_of(day: int) -> Iterator[Work]:
    plain = TABLES - CUMULATIVE
    for table in range(plain):
        yield Work(f"table{table:03}", day, (_raw(table, day),), _table(table, day))
    for table in range(plain, TABLES):
        others = tuple(_table(table - plain + step, day) for step in (0, 20, 40))
        before = (_table(table, day - 1),) if day else ()
        yield Work(f"table{table:03}", day, (*before, *others), _table(table, day))
    for model in range(MODELS):
        window = tuple(_table(model, each) for each in range(max(0, day + 1 - WINDOW), day + 1))
        before = (_model(model, day - 1),) if day and model < WARM else ()
        yield Work(f"train{model:02}", day, (*before, *window), _model(model, day))
    for model in range(MODELS):
        job = f"evaluate{model:02}"
        made = Data(f"evaluations/{model:02}", "", day, job)
        yield Work(job, day, (_model(model, day), _table(model, day)), made)


def _link(number: int) -> Work:
    before = (_chained(number - 1),) if number else ()
    raw = Data("raw/chain", f"link={number:05}", number)
    return Work("chain", number, (*before, raw), _chained(number))


def _raw(table: int, day: int) -> Data:
    return Data(f"raw/{table:03}", _partition(day), day)


def _table(table: int, day: int) -> Data:
    partition = _partition(day) if table < TABLES - CUMULATIVE else ""
    return Data(f"tables/{table:03}", partition, day, f"table{table:03}")


def _model(model: int, day: int) -> Data:
    return Data(f"models/{model:02}", "", day, f"train{model:02}", True)


def _chained(number: int) -> Data:
    return Data("models/chain", "", number, "chain", True)


@functools.lru_cache(maxsize=4 * WINDOW)
def _partition(day: int) -> str:
    return f"day={_FIRST + day * _DAY:%Y-%m-%d}"
