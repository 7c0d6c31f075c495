"""One verification: events, graph, registry, objects and models, in this order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..content.digest import is_digest
from ..errors import ArtifactError
from ..records import ModelVersion
from ..registry import example
from . import graph, hashing, objects, registry, scope
from .hashing import State
from .objects import Object
from .recovery import Recoveries
from .replay import Replay
from .report import Counts, Finding, Recovery, Report
from .scope import Scope

if TYPE_CHECKING:
    from ..graph.connection import Connection
    from ..workspace import Workspace


class Progress(Protocol):
    """Is told how far a verification is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """So much of so much is done of `runs` (a number) or `objects` (bytes)."""
        ...


def quiet(what: str, done: int, total: int) -> None:
    """The progress of those who do not want to see it."""


@dataclass(kw_only=True)
class Verification:
    """What is verified, and what was found."""

    space: Workspace
    scope: Scope
    replay: Replay
    recoveries: Recoveries
    progress: Progress = quiet
    objects: dict[str, Object] = field(default_factory=dict)
    state: State = field(default_factory=State)
    findings: list[Finding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    @property
    def report(self) -> Report:
        """All of it."""
        return Report(ref=self.scope.name, findings=tuple(self.findings), counts=self.counts)

    def run(self, db: Connection) -> None:
        """Look at events, graph and registry: all of one state of the store.

        Raises:
            StoreError: the store failed.
        """
        self.replay.add(self.scope.witnesses)
        self.replay.follow(self.scope.runs)
        for found in graph.compare(db, self.replay, self._tell_runs):
            if isinstance(found, int):
                self.counts.rows += found
            else:
                self.findings.append(found)
        self.counts.chunks = self.replay.check_chunks()
        self.counts.runs, self.counts.events = len(self.replay.runs), self.replay.events
        for model in self.scope.models:
            self.findings += registry.check(db, self.replay, self.space.artifacts, model)
        for name in sorted({model.model for model in self.scope.models}):
            known = {model.version for model in self.scope.models if model.model == name}
            self.findings += registry.numbers(db, name, known=known)
        self.findings = [*self.replay.findings, *self.findings]

    def hash(self, trusted: Collection[str] = ()) -> None:
        """Look at the objects, and at what the models among them predict.

        Args:
            trusted: digests of objects that were hashed just now.

        Raises:
            StoreError: the store failed.
        """
        self._hash(trusted)
        for model in self.scope.models:
            self.findings += self._predict(model)

    def _hash(self, trusted: Collection[str]) -> None:
        self.objects = objects.listed(self.replay, self.scope.nodes(self.replay))
        for model in self.scope.models:
            if is_digest(model.digest) and model.digest not in self.objects:
                name = f"model file of {model.ref}"
                self.objects[model.digest] = Object(digest=model.digest, names=[name], kept=True)
        total = sum(one.size or 0 for one in self.objects.values() if one.kept)
        done = 0

        def tell(size: int) -> None:
            nonlocal done
            done += size
            self.progress("objects", done, max(total, done))

        self.state = hashing.rehash(self.space.artifacts, self.objects, trusted=trusted, tell=tell)
        self.counts.objects = sum(one.kept for one in self.objects.values())
        self.counts.bytes = self.state.bytes
        with self.space.store.read() as db:
            lost = hashing.lost(db, self.state.bad)

        def recovery(one: Object) -> Recovery | None:
            return self.recoveries.find(one, lost=one.digest in lost)

        self.findings += hashing.findings(self.objects, self.state, recovery, lost)

    def _predict(self, model: ModelVersion) -> Iterator[Finding]:
        with self.space.store.read() as db:
            body = registry.body_of(db, model)
        # As its run said it: the entry may have been made to name another file.
        told, _ = registry.said(self.replay, model.producer, model.model, model.version)
        digest = told.get("digest", model.digest)
        signature = body.get("signature")
        if digest not in self.state.sound or not isinstance(signature, dict):
            return  # told already: the bytes or the entry are not there
        try:
            # Of these bytes the digest was checked just now; reading checks it once more.
            data = self.space.artifacts.read(digest)
            self.counts.predictions += example.check(
                data, signature, trusted=self.space.settings.trusted_types
            )
        except (example.UnlikeError, ArtifactError) as error:
            yield Finding(
                kind="model",
                state="failing",
                name=model.ref,
                digest=digest,
                says=str(error),
                recovery=Recovery(
                    by="run",
                    name=model.producer,
                    says="compare the packages here with those it was trained with "
                    f"(`begat show {model.ref}`), or train it again",
                ),
            )

    def _tell_runs(self, done: int, total: int) -> None:
        self.progress("runs", done, total)


@contextmanager
def records(space: Workspace, ref: str, *, progress: Progress = quiet) -> Iterator[Verification]:
    """Verify the events, the graph and the registry of what `ref` names, and no objects.

    Raises:
        RefError: it names nothing.
        StoreError: the store failed.
    """
    with ExitStack() as until:
        with space.store.read() as db:
            found = scope.of(space.store, ref)
            replay = Replay(db, lambda events: progress("events", events, 0))
            until.callback(replay.close)
            bodies = {model.ref: registry.body_of(db, model) for model in found.models}
            done = Verification(
                space=space,
                scope=found,
                replay=replay,
                recoveries=Recoveries(replay, bodies),
                progress=progress,
            )
            done.run(db)
        yield done


@contextmanager
def verification(
    space: Workspace,
    ref: str,
    *,
    progress: Progress = quiet,
    trusted: Collection[str] = (),
) -> Iterator[Verification]:
    """Verify all that `ref` names stands on; everything if it is empty.

    Args:
        space: whose store and artifacts.
        ref: see `begat.lineage.graph.resolve`.
        progress: is told how far it is.
        trusted: digests of objects that were hashed just now.

    Raises:
        RefError: it names nothing.
        StoreError: the store failed.
    """
    with records(space, ref, progress=progress) as done:
        done.hash(trusted)
        yield done
