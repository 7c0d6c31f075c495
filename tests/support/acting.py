"""Acts on a registry by processes of their own: several at once, or one that is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg

from begat.lineage import settings
from begat.lineage.content.memory import MemoryStore
from begat.lineage.content.store import ArtifactStore
from begat.lineage.errors import BegatError
from begat.lineage.graph.store import Store
from begat.lineage.records import ModelVersion
from begat.lineage.registry import audit, sign_off, stages
from begat.lineage.registry.gates import Candidate, Verdict
from begat.lineage.registry.policy import Policy
from begat.lineage.workspace import Workspace

from .registered import ADA, BOB

#: Something that is done to a registry; None if there was nothing to do.
Act = Callable[[Workspace], object]

#: Seconds that processes wait for each other, and for the store.
PATIENCE = 60
_TABLES = {"model": "name", "model_version": "model, version", "alias": "model, name"}
_TOLD = "SELECT COUNT(*) FROM event WHERE type = 'DATASET'"


class Registry:
    """A registry without open connections between its uses: none is to survive a fork.

    Args:
        url: of its store.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.artifacts: ArtifactStore = MemoryStore()

    @contextmanager
    def space(self) -> Iterator[Workspace]:
        """A workspace with a connection of its own."""
        with closing(Store.open(self.url, timeout=PATIENCE)) as store:
            space = Workspace(settings.load(), store=store)
            space.__dict__["artifacts"] = self.artifacts
            yield space

    def rows(self) -> dict[str, Any]:
        """All that it holds, and how many events tell of it; the log has no flaw."""
        with self.space() as space:
            found: dict[str, Any] = {"audit": audit.entries(space.store)}
            with space.store.read() as db:
                for table, key in _TABLES.items():
                    rows = db.execute(f"SELECT * FROM {table} ORDER BY {key}", {})
                    found[table] = [tuple(row) for row in rows]
                [(found["told"],)] = db.execute(_TOLD, {}).fetchall()
            assert audit.verify(space.store) == []
        return found

    def stages(self) -> list[str]:
        """Of all versions, in their order."""
        with self.space() as space, space.store.read() as db:
            rows = db.execute("SELECT stage FROM model_version ORDER BY model, version", {})
            return [stage for (stage,) in rows]

    def at_once(self, acts: Sequence[Act], *, looked: bool) -> list[str]:
        """What comes of acts by as many processes: `done`, `nothing`, or the error.

        Args:
            acts: what each does.
            looked: whether nobody writes before all have looked at the files, and so at the
                stages; else they only begin at the same moment.
        """
        everybody = get_context("fork").Barrier(len(acts), timeout=PATIENCE)
        answers, answer = os.pipe()

        def work(act: Act) -> None:
            with self.space() as space:
                everybody.wait()
                if looked:
                    space.__dict__["artifacts"] = _Looked(self.artifacts, everybody)
                os.write(answer, (json.dumps(_outcome(act, space)) + "\n").encode())

        children = [forked(lambda act=act: work(act)) for act in acts]  # type: ignore[misc]  # mypy infers no default
        os.close(answer)
        with os.fdopen(answers) as lines:
            found = [json.loads(line) for line in lines]
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(acts)
        return found

    def killed(self, act: Act, statement: int) -> bool:
        """Let a process do it and die before its so-manieth statement, or behind its last one.

        Returns:
            Whether it died, so that it had not fewer.
        """

        def work() -> None:
            with self.space() as space:
                before = _counted(space.store, statement)
                act(space)
                before()

        _, status = os.waitpid(forked(work), 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL)
        return code != 0


class _Looked:
    """Artifacts that nobody goes on from before everybody has looked at one."""

    def __init__(self, artifacts: ArtifactStore, everybody: Barrier) -> None:
        self._artifacts = artifacts
        self._everybody: Barrier | None = everybody

    def rehash(self, digest: str) -> tuple[str, int] | None:
        """As the artifacts do."""
        if self._everybody is not None:
            self._everybody.wait()
            self._everybody = None
        return self._artifacts.rehash(digest)


def forked(work: Callable[[], None]) -> int:
    """A child process that does it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def passes(candidate: Candidate, policy: Policy) -> list[Verdict]:
    """A gate that is always open."""
    return [Verdict(gate="roc_auc", passed=True, value=0.9, threshold="at least 0.7")]


def to(stage: str, of: ModelVersion, reason: str = "") -> Act:
    """Promote a version."""
    return lambda space: stages.promote(
        space, of.ref, to=stage, identity=ADA, judge=passes, reason=reason
    )


def approve(of: ModelVersion) -> Act:
    """Sign a version off."""
    return lambda space: sign_off.sign(space, of.ref, approve=True, identity=BOB)


def rollback(space: Workspace) -> object:
    """Take back what is in Production."""
    return stages.rollback(space, "delays", identity=BOB, reason="worse on AA")


def produce(space: Workspace, of: ModelVersion) -> None:
    """Take a new version all the way."""
    for act in (to("Staging", of), approve(of), to("Production", of)):
        act(space)


def _outcome(act: Act, space: Workspace) -> str:
    try:
        return "done" if act(space) is not None else "nothing"
    except BegatError as error:
        return f"{type(error).__name__}: {error}"


def _counted(store: Store, statement: int) -> Callable[..., None]:
    """Is to be called before each statement, and lets none go on from one of them."""
    left = statement

    def before(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    connection: Any = store._database.connection  # type: ignore[attr-defined]  # no part of the protocol
    if isinstance(connection, psycopg.Connection):
        for name in ("execute", "executemany"):
            _precede(psycopg.Cursor, name, before)
    else:
        connection.set_trace_callback(before)
    return before


def _precede(owner: Any, name: str, before: Callable[..., None]) -> None:
    genuine = getattr(owner, name)

    def preceded(self: Any, *given: Any, **named: Any) -> Any:
        before()
        return genuine(self, *given, **named)

    setattr(owner, name, preceded)
