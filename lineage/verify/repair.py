"""Restoring what a verification found missing or changed, as far as it can be.

Only bytes that have the recorded digest are ever put in an object's place. What is there
instead is set aside, not deleted. What cannot be restored is marked as lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import BegatError
from . import hashing
from .objects import Object
from .report import Report
from .rerun import RefusedError, Rerun
from .verification import Progress, Verification, quiet, records, verification

if TYPE_CHECKING:
    from ..workspace import Workspace

_REASONS = {
    "event": "an event cannot be made again: restore the lineage store from a backup",
    "chunk": "rows of a snapshot cannot be made again: restore the lineage store from a backup",
    "registry": "the registry is kept nowhere else: restore the lineage store from a backup",
    "model": "its bytes are those that were registered: they are not replaced",
}


def repair(space: Workspace, ref: str, *, progress: Progress = quiet) -> Report:
    """Verify what `ref` names, restore what can be, mark the rest as lost, verify again.

    Running a task again runs its kept sources, in this process.

    Args:
        space: whose store and artifacts.
        ref: see `begat.lineage.graph.resolve`; everything if it is empty.
        progress: is told how far it is.

    Raises:
        RefError: it names nothing.
        StoreError: the store failed.
    """
    with verification(space, ref, progress=progress) as first:
        with space.store.read() as db:
            given_up = hashing.lost(db, first.state.sound)
        space.store.mark_present(given_up)  # somebody has brought them back
        if first.report.sound:
            return first.report
        done = _Repair(space=space, found=first)
        done.graph()
        done.objects(progress)
        for finding in first.findings:
            if finding.kind in _REASONS:
                done.refused.append(f"{finding.name}: {_REASONS[finding.kind]}")
        trusted, hashed = first.state.sound, first.counts.bytes
    with verification(space, ref, progress=progress, trusted=trusted) as second:
        second.counts.bytes += hashed
        return replace(
            second.report,
            repaired=tuple(done.repaired),
            refused=tuple(dict.fromkeys(done.refused)),
        )


@dataclass(kw_only=True)
class _Repair:
    space: Workspace
    found: Verification
    repaired: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def graph(self) -> None:
        """Rebuild the graph, if all events of the store are there to rebuild it from."""
        if not any(finding.kind == "graph" for finding in self.found.findings):
            return
        # The whole graph is made anew, so the events of all runs have to be sound.
        with records(self.space, "") as everything:
            wrong = [one for one in everything.findings if one.kind in ("event", "chunk")]
        if wrong:
            self.refused.append(
                f"the graph was not rebuilt: {wrong[0].name} {wrong[0].says}"
                + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
            )
            return
        self.space.store.rebuild()
        self.repaired.append("the graph was rebuilt from the events")

    def objects(self, progress: Progress) -> None:
        """Restore objects: from other objects' places, from files and records, from runs."""
        state = self.found.state
        bad = {digest: self.found.objects[digest] for digest in sorted(state.bad)}
        for digest, why in state.unreadable.items():
            self.refused.append(f"{bad.pop(digest).name}: {why}")
        self._salvage(bad)
        for digest, one in list(bad.items()):
            recovery = self.found.recoveries.find(one)
            if recovery is None or recovery.by not in ("file", "record"):
                continue
            try:
                if self.found.recoveries.restore(one, recovery, self.space.artifacts):
                    self._restored(bad, digest, f"from {recovery.name}")
            except BegatError as error:
                self.refused.append(f"{one.name}: {error}")
        self._rerun(bad, progress)
        if bad:
            self.space.store.mark_lost(bad)

    def _salvage(self, bad: dict[str, Object]) -> None:
        """Set aside what is not what it should be, and keep it where it belongs."""
        artifacts = self.space.artifacts
        for digest, (really, _) in self.found.state.changed.items():
            aside = artifacts.set_aside(digest)
            if aside is not None and really in bad and artifacts.write(aside) == really:
                self._restored(bad, really, f"from the place of {self.found.objects[digest].name}")

    def _rerun(self, bad: dict[str, Object], progress: Progress) -> None:
        """Do the runs again that wrote what is still gone, the earliest first."""
        reasons: dict[str, str] = {}
        runs = {run["uuid"]: run for one in bad.values() for run in self.found.recoveries.runs(one)}
        again = Rerun(self.space, self.found.replay)
        # What a run read was written before it started.
        for number, uuid in enumerate(sorted(runs, key=lambda uuid: runs[uuid]["started_at"])):
            wanted = {digest for digest, one in bad.items() if uuid in one.makers}
            progress("reruns", number, len(runs))
            if not wanted:
                continue
            said = f"run {uuid[:13]} ({runs[uuid]['job']})"
            try:
                again.again(runs[uuid], wanted)
                why = f"{said} was done again and wrote other bytes"
            except (RefusedError, BegatError) as error:
                why = f"{said} was not done again: {error}"
            for digest in wanted:
                found = self.space.artifacts.rehash(digest)
                if found is not None and found[0] == digest:
                    self._restored(bad, digest, f"by doing {said} again")
                else:
                    reasons[digest] = why
        for digest, one in bad.items():
            why = reasons.get(digest, "nothing that is known can make it again")
            self.refused.append(f"{one.name} is marked as lost: {why}")

    def _restored(self, bad: dict[str, Object], digest: str, how: str) -> None:
        self.repaired.append(f"{bad.pop(digest).name} {how}")
        self.space.store.mark_present([digest])
