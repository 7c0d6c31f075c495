"""Doing a recorded run's task again, from its kept sources, for the bytes that it wrote.

Nothing is recorded of it, and nothing is kept but what has the recorded digest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..active import ActiveRun, active
from ..capture import pytorch
from ..content.digest import digest_bytes, digest_file
from ..content.local import LocalStore
from ..content.stat import StatCache
from ..content.store import ArtifactStore
from ..modules import PREFIX, archive, unpacked
from ..recipe import Recipe, Reference, explain
from ..records import Snapshot
from ..workspace import Workspace, using
from .recorded import UnrepeatableError, call, done, inputs_of_run, torch_seed
from .replay import Replay

__all__ = ["Rerun", "UnrepeatableError"]

#: Differences of two recipes that a refusal names.
_NAMED = 3


class Rerun:
    """Does runs again.

    Args:
        space: whose artifacts are read, and restored.
        replay: what the events say.
    """

    def __init__(self, space: Workspace, replay: Replay) -> None:
        self._space = space
        self._replay = replay

    def again(self, run: Mapping[str, Any], wanted: Iterable[str]) -> None:
        """Do a run again, and keep those of these digests that it writes.

        Args:
            run: `uuid`, `job` and `facets` of a run that completed.
            wanted: digests of what it wrote.

        Raises:
            UnrepeatableError: its recipe is another here, or something that it needs is gone.
        """
        recorded = run["facets"].get("begat_recipe", {})
        read = self._inputs(run["uuid"])
        home = self._space.settings.home
        kept = archive(self._space.artifacts, recorded.get("sources") or "")
        with unpacked(kept, beneath=home) as modules:
            first_party = self._space.settings.first_party
            called, arguments, made = call(recorded, read, modules, first_party)
            if made.digest != recorded.get("digest"):
                gone = recorded.get("sources") and not modules.names
                why = "its kept sources are gone, and " if gone else ""
                raise UnrepeatableError(why + _difference(recorded, made))
            with tempfile.TemporaryDirectory(dir=home, prefix=PREFIX) as aside:
                own = Workspace(self._space.settings)
                # Where `begat.lineage.write` looks: what has other digests is thrown away.
                vars(own)["artifacts"] = _Only(self._space.artifacts, set(wanted), Path(aside))
                of = ActiveRun(
                    run_id=run["uuid"],
                    flow=run["job"].rpartition(".")[0],
                    recipe=made.digest,
                    seed=recorded.get("seed") or 0,
                )
                with using(own), active(of), pytorch.seeded(torch_seed(run["facets"])):
                    done(called, arguments)

    def _inputs(self, run: str) -> dict[str, Reference]:
        """What a run read, by argument; all of it is in the artifact store."""
        with self._replay.store.read() as own:
            found = inputs_of_run(own, run)
        digests = {
            version.digest
            for value in found.values()
            for version in (value.versions if isinstance(value, Snapshot) else (value,))
        }
        here = self._space.artifacts.present(digests)
        for path, value in found.items():
            versions = value.versions if isinstance(value, Snapshot) else (value,)
            for version in versions:
                if version.digest not in here:
                    raise UnrepeatableError(f"its input {path}, {version}, is not there")
        return found


class _Only:
    """An artifact store that keeps what is wanted, and the rest for as long as a run lasts."""

    def __init__(self, store: ArtifactStore, wanted: set[str], aside: Path) -> None:
        self._store = store
        self._wanted = wanted
        self._aside = LocalStore(aside, StatCache(aside / "cache.db"))

    def write(self, data: bytes | Path) -> str:
        digest = digest_bytes(data) if isinstance(data, bytes) else digest_file(data)[0]
        return (self._store if digest in self._wanted else self._aside).write(data)

    def read(self, digest: str) -> bytes:
        return self._of(digest).read(digest)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        asked = frozenset(digests)
        return self._store.present(asked) | self._aside.present(asked)

    def rehash(self, digest: str) -> tuple[str, int] | None:
        return self._of(digest).rehash(digest)

    def set_aside(self, digest: str) -> bytes | Path | None:
        return self._of(digest).set_aside(digest)

    def _of(self, digest: str) -> ArtifactStore:
        return self._aside if self._aside.present([digest]) else self._store


def _difference(recorded: Mapping[str, Any], made: Recipe) -> str:
    lines = explain(recorded, made.to_facet())
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return f"its recipe is another here: {'; '.join(lines[:_NAMED])}{more}"
