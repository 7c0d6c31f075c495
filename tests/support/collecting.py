"""A small pipeline whose artifacts are collected, and what must be there of it afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from begat import lineage
from begat.lineage import collection, plain
from begat.lineage.graph import presence
from begat.lineage.records import DatasetVersion, ModelVersion, Snapshot
from begat.lineage.registry import register
from begat.lineage.workspace import Workspace, workspace

from .registered import ADA

MONTHS = ("month=01", "month=02")


@plain.task
def prepare(part: DatasetVersion) -> DatasetVersion:
    """What a partition begins with: other rows may come to the same."""
    raw = lineage.read(part)
    assert isinstance(raw, bytes)
    return lineage.write(b"prepared " + raw[:1], "prepared", partition=part.partition)


@plain.task
def train(parts: Snapshot, flavour: int) -> DatasetVersion:
    """A model of all of them."""
    read = [lineage.read(part) for part in parts.versions]
    return lineage.write(b"model " + b" ".join(read) + bytes([flavour]), "model")


@plain.task
def enter(model: DatasetVersion, name: str) -> ModelVersion:
    """Register a model."""
    run = lineage.current()
    assert run.recipe
    return register(
        workspace().store,
        model=name,
        recipe=run.recipe,
        run_id=run.run_id,
        training_run_id=model.producer,
        digest=model.digest,
        body={"metrics": {}},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a run of the pipeline came to."""

    version: ModelVersion
    #: Of all that it read and wrote.
    digests: frozenset[str]
    raw: frozenset[str]


def lay(folder: Path, text: str, month: str = MONTHS[0]) -> None:
    """Write a raw partition."""
    file = folder / "raw" / month / "part.bin"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{os.getpid()}")
    partial.write_text(f"{text} {month}")
    partial.replace(file)


def run(folder: Path, flavour: int = 0, *, name: str = "delays") -> Ran:
    """Run the pipeline on what is there."""
    with plain.flow(name):
        raw = lineage.source("raw/month={month}/part.bin", folder=folder)
        assert isinstance(raw, Snapshot)
        parts = [prepare(part) for part in raw.versions]
        model = train(Snapshot(versions=tuple(parts)), flavour)
        version = enter(model, name)
        return Ran(
            version=version,
            digests=frozenset({one.digest for one in (*raw.versions, *parts, model)}),
            raw=frozenset({one.digest for one in raw.versions}),
        )


def collect(space: Workspace, *, min_age: float = 0.0, wait: float = 0.0) -> collection.Collection:
    """Collect whatever its age."""
    return collection.collect(space, delete=True, min_age=min_age, wait=wait, identity=ADA)


def missing(space: Workspace, digests: Iterable[str]) -> set[str]:
    """Those whose bytes are not there, or that are marked as if they were not."""
    wanted = set(digests)
    with space.store.read() as db:
        marked = presence.absent(db, wanted)
    return {one for one in wanted if space.artifacts.rehash(one) is None} | marked.keys()
