"""Collecting garbage: artifacts that nothing which is kept stands on.

Others write and reuse meanwhile, and no run may end as completed whose outputs are gone. So:

1. *Survey.* What is kept, and why; the rest that is old enough is to go.
2. *Mark.* What is to go is marked `gone`. From now on no plan reuses it.
3. *Wait* for the runs that are open by now: they may have planned to reuse it before.
4. *Survey again.* What is kept by now, for those runs ended, is marked no more.
5. *Delete*, in transactions of the lineage store, what is still marked and still old.

Why that is enough, for a run that relies on an artifact because it

- reused it: it asked before the mark, and is waited for (3), and what it registered is kept (4);
  or it asked after the mark, and was told that it is not there.
- wrote it and found it there: writing made it young, so (5) leaves it alone, except in the moment
  between the look at its age and the deletion. That moment lies in a transaction, and so does the
  end of the run, which asks what of its outputs is marked. Either the run ends first: then it has
  taken the mark away, and (5) does not delete. Or the deletion comes first: then the end finds
  the mark and no bytes, and the run fails, and says why. It never completes.

With a `min_age` under `FRESH`, an hour, what was written again may not be younger than that: then
more runs fail so, and none completes, either.

Killed anywhere, it leaves marks on bytes that are there or not. Nobody relies on what is marked;
the next collection finishes it, and who writes it again takes the mark away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from ..content.kept import FRESH, PAGE, Swept
from ..events import now
from ..graph import leases, presence
from ..graph.connection import Connection
from ..registry import audit
from ..registry.identity import Identity
from ..workspace import Workspace
from . import keeps
from .ledger import Ledger, Line

#: Seconds that a transaction may take, while others wait for theirs.
TURN = 0.2
#: Seconds between two of them, in which others get theirs, and between two looks at who is open.
PAUSE, GLANCE = 0.01, 0.5
#: Artifacts that are removed between two looks at the clock.
FEW = 64

#: Is told what is done, how much of it, and of how much (0 if that is not known).
Progress = Callable[[str, int, int], None]


def quiet(what: str, done: int, total: int) -> None:
    """The progress of those who do not want to see it."""


@dataclass(kw_only=True, slots=True)
class Collection:
    """What a collection found, and did."""

    lines: list[Line]
    #: Model versions with files that go: not those that share theirs with one that is kept, nor
    #: those whose files went before.
    versions: list[str]
    #: Whether anything was to be deleted, or only said.
    delete: bool
    deleted: int = 0
    freed: int = 0
    #: Ids of runs that are open and were waited for in vain: nothing was deleted.
    waits_for: list[str] = field(default_factory=list)
    #: What killed writers left.
    swept: Swept = field(default_factory=Swept)

    @property
    def taken(self) -> int:
        """How many artifacts are to go."""
        return sum(line.count for line in self.lines if not line.why)

    def to_json(self) -> dict[str, Any]:
        """The object that `begat gc --json` prints."""
        return {
            "deleted": self.deleted if self.delete else None,
            "freed_bytes": self.freed if self.delete else None,
            "artifacts": [
                {
                    "kind": line.kind,
                    "kept": bool(line.why),
                    "why": line.why or None,
                    "count": line.count,
                    "bytes": line.bytes,
                }
                for line in self.lines
            ],
            "model_versions": self.versions,
            "waits_for": self.waits_for,
            "leftovers": {"count": self.swept.count, "bytes": self.swept.bytes},
        }


def collect(
    space: Workspace,
    *,
    delete: bool = False,
    min_age: float = 86_400.0,
    wait: float = 60.0,
    identity: Identity | None = None,
    progress: Progress = quiet,
) -> Collection:
    """Find what nothing that is kept stands on, and delete it.

    Args:
        space: whose store and artifacts.
        delete: do it; else only say what would go.
        min_age: seconds; what was written later stays, by the clock of where it lies.
        wait: seconds to wait for runs that are open.
        identity: who does it; needed with `delete`.
        progress: is told how far it is.

    Raises:
        StoreError: the store failed.
        ArtifactError: artifacts cannot be listed or removed.
        SettingsError: a model's policy makes no sense.
    """
    with closing(Ledger(min_age=min_age)) as ledger:
        found = _survey(space, ledger, progress)
        done = Collection(
            lines=ledger.lines(),
            versions=[one.version.ref for one in found if ledger.goes(one.digests)],
            delete=delete,
        )
        # What is half-written and young is being written.
        done.swept = space.artifacts.sweep(max(min_age, FRESH), delete=delete)
        if not delete:
            return done
        assert identity is not None
        _revive(space, ledger.stays(PAGE))
        if not done.taken:
            return done
        for page in ledger.taken(PAGE):
            with space.store.write() as db:
                presence.mark(db, page, presence.GONE, now=now())
            progress("marking", len(page), done.taken)
        done.waits_for = _waited(space, wait, progress)
        if done.waits_for:
            _revive(space, ledger.taken(PAGE))
            return done
        with closing(Ledger(min_age=min_age)) as again:
            _note(space, ledger, again)
            progress("deleting", 0, done.taken)
            _log(space, done, identity)
            _delete(space, ledger, again, done, progress)
        return done


def _survey(space: Workspace, ledger: Ledger, progress: Progress) -> list[keeps.KeptVersion]:
    """Note what there is, and why it stays."""
    count = 0
    for page in space.artifacts.listing():
        ledger.found(page)
        count += len(page)
        progress("listing", count, 0)
    found = keeps.note(space, ledger)
    keeps.files(space, ledger, of=ledger.of_files())
    return found


def _note(space: Workspace, before: Ledger, again: Ledger) -> None:
    """Note anew why artifacts stay; which are manifests of others is known."""
    keeps.note(space, again)
    keeps.files(space, again, of=before.of_files())


def _waited(space: Workspace, wait: float, progress: Progress) -> list[str]:
    """Wait for the runs that are open now; those that still are in the end."""
    until = time.monotonic() + wait
    waited_for = _open(space)
    total = len(waited_for)
    while waited_for and time.monotonic() < until:
        progress("waiting", total - len(waited_for), total)
        time.sleep(GLANCE)  # a run that ends tells nobody: its lease is looked at again
        waited_for &= _open(space)
    return sorted(waited_for)


def _open(space: Workspace) -> set[str]:
    with space.store.read() as db:
        return {lease.run_id for lease in leases.held(db) if lease.is_live}


def _revive(space: Workspace, pages: Iterator[list[str]]) -> None:
    """Take the mark from what stays: a collection that was killed may have left it there."""
    for page in pages:
        with space.store.read() as db:
            marked = presence.collected(db, page)
        if marked:
            with space.store.write() as db:
                presence.revive(db, space.artifacts.refresh(marked), now=now())


def _log(space: Workspace, done: Collection, identity: Identity) -> None:
    going = [line for line in done.lines if not line.why]
    with space.store.write() as db:
        audit.append(
            space.store,
            db,
            action="collect",
            identity=identity,
            body={
                "artifacts": sum(line.count for line in going),
                "bytes": sum(line.bytes for line in going),
                "versions": done.versions,
            },
        )


def _delete(
    space: Workspace, ledger: Ledger, again: Ledger, done: Collection, progress: Progress
) -> None:
    for page in ledger.taken(PAGE):
        stays = again.kept(page)
        if stays:
            with space.store.write() as db:
                presence.revive(db, stays, now=now())
        going = [digest for digest in page if digest not in stays]
        while going:
            with space.store.write() as db:
                going = _turn(space, going, db, ledger.min_age, done)
            progress("deleting", done.deleted, done.taken)
            time.sleep(PAUSE)  # others who write get their turn


def _turn(
    space: Workspace, going: list[str], db: Connection, min_age: float, done: Collection
) -> list[str]:
    """Delete as many as a transaction has time for; the rest."""
    until = time.monotonic() + TURN
    while going and time.monotonic() < until:
        few, going = going[:FEW], going[FEW:]
        # A run may have ended meanwhile that has written one of them again.
        marked = presence.collected(db, few)
        removed = space.artifacts.remove(marked, older=min_age)
        presence.revive(db, marked.keys() - removed.keys(), now=now())
        freed = [size for size in removed.values() if size]
        done.deleted, done.freed = done.deleted + len(freed), done.freed + sum(freed)
    return going
