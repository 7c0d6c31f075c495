"""Restoring what a verification found missing or changed, as far as it can be.

Only bytes that have the recorded digest are ever put in an object's place. What is there
instead is set aside, not deleted. What cannot be restored is marked as lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..content.digest import digest_bytes, digest_file
from ..errors import ArtifactError, BegatError, DataError
from ..modules import sweep
from . import hashing
from .objects import Object
from .report import Report
from .rerun import Rerun, UnrepeatableError
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
        ArtifactError: the folder of the artifacts is not there at all.
    """
    with verification(space, ref, progress=progress) as first:
        with space.store.read() as db:
            given_up = hashing.lost(db, first.state.sound)
        space.store.mark_present(given_up)  # somebody has brought them back
        if first.report.sound:
            return first.report
        if first.state.bad:
            _check_place(space.settings.artifacts)
        sweep(space.settings.home)
        done = Repair(space=space, found=first)
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
class Repair:
    """What is being restored of what one verification found."""

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
        """Restore objects: from what lay elsewhere, from files and records, from runs."""
        state = self.found.state
        bad = {digest: self.found.objects[digest] for digest in sorted(state.bad)}
        for digest, why in state.unreadable.items():
            self.refused.append(f"{bad.pop(digest).name}: {why}")
        self._set_aside(bad)
        self._salvage(bad)
        self._look_up(bad)
        self._give_up(bad, self._rerun(bad, progress))

    def _set_aside(self, bad: dict[str, Object]) -> None:
        """Move everything away that is not what it should be, before anything is put there."""
        for digest in [*self.found.state.changed, *self.found.state.replaced]:
            try:
                self.space.artifacts.set_aside(digest)
            except ArtifactError as error:
                self.refused.append(f"{bad.pop(digest).name}: {error}")

    def _salvage(self, bad: dict[str, Object]) -> None:
        """Keep where they belong what was set aside: now, by a run, or by another repair."""
        artifacts = self.space.artifacts
        for aside in artifacts.aside() if bad else ():
            really = _digest(aside)
            if really in bad and artifacts.write(aside) == really:
                self._restored(bad, really, "from what was set aside")

    def _look_up(self, bad: dict[str, Object]) -> None:
        """Take from files and records what they still hold."""
        for digest, one in list(bad.items()):
            recovery = self.found.recoveries.find(one)
            if recovery is None or recovery.by not in ("file", "record"):
                continue
            try:
                if self.found.recoveries.restore(one, recovery, self.space.artifacts):
                    self._restored(bad, digest, f"from {recovery.name}")
            except BegatError as error:
                self.refused.append(f"{one.name}: {error}")

    def _rerun(self, bad: dict[str, Object], progress: Progress) -> dict[str, str]:
        """Do the runs again that wrote what is still gone, the earliest first; why it still is."""
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
            except (UnrepeatableError, BegatError) as error:
                why = f"{said} was not done again: {error}"
            for digest in wanted:
                if self._is_there(digest):
                    self._restored(bad, digest, f"by doing {said} again")
                else:
                    reasons[digest] = why
        return reasons

    def _give_up(self, bad: dict[str, Object], reasons: Mapping[str, str]) -> None:
        """Mark as lost what is still gone."""
        for digest in [digest for digest in bad if self._is_there(digest)]:
            self._restored(bad, digest, "by somebody else meanwhile")
        for digest, one in bad.items():
            why = reasons.get(digest, "nothing that is known can make it again")
            self.refused.append(f"{one.name} is marked as lost: {why}")
        if bad:
            self.space.store.mark_lost(bad)

    def _is_there(self, digest: str) -> bool:
        found = self.space.artifacts.rehash(digest)
        return found is not None and found[0] == digest

    def _restored(self, bad: dict[str, Object], digest: str, how: str) -> None:
        self.repaired.append(f"{bad.pop(digest).name} {how}")
        self.space.store.mark_present([digest])


def _check_place(artifacts: str) -> None:
    # A disk that is not mounted has lost nothing; and a bucket that is away has raised by now.
    if "://" not in artifacts and not Path(artifacts).expanduser().exists():
        raise ArtifactError(
            f"{artifacts} is not there, and a repair would give up all that was in it; mount it, "
            "point BEGAT_ARTIFACTS to where it is now, or create it to make everything anew"
        )


def _digest(aside: bytes | Path) -> str:
    """What was set aside really is; empty if it cannot be read."""
    try:
        return digest_bytes(aside) if isinstance(aside, bytes) else digest_file(aside)[0]
    except DataError:
        return ""
