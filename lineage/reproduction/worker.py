"""Does recorded runs again, in a process of its own: `python -m …worker FOLDER NAME`.

The folder has `plan.json`; what came of it is written to `NAME.json` beside it. Artifacts are
read from where they are and written into the folder, and so is whatever else is recorded
meanwhile. A line of JSON on stdout tells of each step that begins.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from .. import results
from ..active import ActiveRun, active
from ..capture import hardware, image, packages, pytorch, seeds
from ..content.local import LocalStore
from ..content.stat import StatCache
from ..content.store import ArtifactStore, open_store
from ..errors import ArtifactError
from ..modules import Modules, importable
from ..recipe import Recipe, Reference, explain
from ..recipe.party import is_site
from ..records import DatasetVersion, Snapshot
from ..settings import Settings
from ..verify.recorded import FailedError, UnrepeatableError, call, done, torch_seed
from ..workspace import Workspace, using
from .plan import Step

#: Parameters of a user's own functions that are seeds.
SEEDS = ("seed", "random_state")

_Key = tuple[str, str, str, str]


def main() -> None:
    """Do it."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tasks print goes to the log
    request = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    found = Again(request, folder, folder / name, said).run()
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


class Again:
    """Steps, done again one behind the other.

    Args:
        request: `steps`, `places` of their code, `settings`, `seeds` for further trainings,
            and `outside`: a folder whose modules count where none were kept.
        folder: all of it lies there.
        own: what is made goes there.
        said: is told of steps.
    """

    def __init__(self, request: Mapping[str, Any], folder: Path, own: Path, said: TextIO) -> None:
        self._request = request
        self._said = said
        self._folder = folder
        self._steps = [Step.from_json(body) for body in request["steps"]]
        own.mkdir(parents=True)
        given = request["settings"]
        settings = Settings(
            home=own / "home",
            store=f"sqlite:///{own / 'home' / 'begat.db'}",
            artifacts=given["artifacts"],
            namespace=given["namespace"],
            image_digest=given["image_digest"],
            first_party=tuple(given["first_party"]),
            trusted_types=tuple(given["trusted_types"]),
        )
        settings.home.mkdir()
        self._space = Workspace(settings)
        self._artifacts = Apart(own, open_store(settings))
        vars(self._space)["artifacts"] = self._artifacts
        self._made: dict[_Key, DatasetVersion] = {}
        self._evaluated: dict[str, Any] = {}
        #: The sources that can be imported now.
        self._sources = ExitStack()
        self._found: tuple[Mapping[str, Any], Modules] | None = None

    def run(self) -> dict[str, Any]:
        """What came of it."""
        settings = self._space.settings
        found: dict[str, Any] = {
            "facets": {
                "begat_packages": packages.capture().to_facet(),
                "begat_hardware": hardware.capture().to_facet(),
                "begat_image": image.capture(settings).to_facet(),
                "begat_seeds": seeds.derive(None, "").to_facet(),
            },
            "steps": [],
            "seeds": [],
            "error": None,
        }
        # What a step's module imports and no function of it reaches, another step may have kept.
        others = [place["folder"] for place in self._request["places"].values()]
        sys.path += [*dict.fromkeys(others), self._request["outside"]]
        with using(self._space), self._sources:
            for number, step in enumerate(self._steps, 1):
                self._tell(f"{step.job} ({number} of {len(self._steps)})")
                try:
                    found["steps"].append(self._again(step))
                except UnrepeatableError as error:
                    found["error"] = _error(step, error)
                    break
            found |= {"metrics": {}, "slices": {}} | self._evaluated
            if found["error"] is None:
                found["seeds"] = [self._with_seed(seed) for seed in self._request["seeds"]]
            found["borrowed"] = self._borrowed()
        return found

    def _with_seed(self, seed: int) -> dict[str, Any]:
        """Train and evaluate with another seed, on the features that were made again."""
        self._evaluated = {}
        self._tell(f"seed {seed}")
        before = dict(self._made)
        try:
            for step in self._steps:
                if step.fits or step.evaluates:
                    self._again(step, seed=seed if step.fits else None)
        except UnrepeatableError as error:
            return {"seed": seed, "metrics": {}, "error": str(error)}
        finally:
            self._made = before
        return {"seed": seed, "metrics": self._evaluated.get("metrics", {}), "error": None}

    def _again(self, step: Step, *, seed: int | None = None) -> dict[str, Any]:
        read = {path: self._swap(value) for path, value in step.inputs.items()}
        called, arguments, made = self._call(step, read, self._modules(step))
        derived = torch_seed({"begat_seeds": step.seeds})
        if seed is not None:
            arguments = _reseeded(arguments, seed, step.recipe.get("function", ""))
            derived = None if derived is None else seed
        of = ActiveRun(
            run_id=step.run_id,
            flow=step.job.rpartition(".")[0],
            # Its generators are derived from it: they give the recorded numbers.
            recipe=step.recipe.get("digest", ""),
            seed=(step.recipe.get("seed") or 0) if seed is None else seed,
        )
        with active(of), pytorch.seeded(derived):
            value = done(called, arguments)
        _, outputs = results.claimed(value, run_id=step.run_id, read=read.values())
        written = [one for one in outputs if isinstance(one, DatasetVersion)]
        self._made |= {_key(one): one for one in written}
        if step.evaluates:
            self._evaluated = {
                name: of.run_facets.get("begat_metrics", {}).get(name, {})
                for name in ("metrics", "slices")
            }
        return {
            "run_id": step.run_id,
            "job": step.job,
            "outputs": results.encode(written),
            "differences": _differences(step, made),
        }

    def _modules(self, step: Step) -> Modules:
        """Those of a step's sources, imported once for all steps of the same."""
        place = self._request["places"][step.run_id]
        if self._found is None or self._found[0] != place:
            self._sources.close()
            inside = importable(Path(place["folder"]), place["only"])
            self._found = place, self._sources.enter_context(inside)
        return self._found[1]

    def _call(
        self, step: Step, read: Mapping[str, Reference], modules: Modules
    ) -> tuple[Any, dict[str, Any], Recipe]:
        try:
            return call(step.recipe, read, modules, self._space.settings.first_party)
        except UnrepeatableError as error:
            raise UnrepeatableError(f"{error}{_unimportable(modules)}") from None
        except Exception as error:  # importing is anybody's code
            message = " ".join(f"{type(error).__name__}: {error}".split())
            raise UnrepeatableError(f"its sources cannot be imported: {message}") from error

    def _swap(self, value: Reference) -> Reference:
        """A reference to what was made again, where it was."""
        if isinstance(value, Snapshot):
            return Snapshot(versions=tuple(self._swapped(one) for one in value.versions))
        return self._swapped(value) if isinstance(value, DatasetVersion) else value

    def _swapped(self, version: DatasetVersion) -> DatasetVersion:
        if version.producer not in self._request["places"]:
            return version
        made = self._made.get(_key(version))
        if made is None:
            raise UnrepeatableError(f"{version} was recorded, and is not made again")
        return made

    def _tell(self, what: str) -> None:
        print(json.dumps({"step": what}), file=self._said, flush=True)

    def _borrowed(self) -> list[str]:
        """Modules that no archive had, taken from where the command was started."""
        outside, here = (
            os.path.join(os.path.realpath(place), "")
            for place in (self._request["outside"], self._folder)
        )
        files = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
        paths = (os.path.realpath(file) for file in files if file)
        return sorted(
            {
                os.path.relpath(path, outside)
                for path in paths
                if path.startswith(outside) and not path.startswith(here) and not is_site(path)
            }
        )


class Apart:
    """An artifact store that reads another one and keeps what is written in a folder.

    Args:
        folder: where.
        behind: the other one.
    """

    def __init__(self, folder: Path, behind: ArtifactStore) -> None:
        self._own = LocalStore(folder / "artifacts", StatCache(folder / "cache.db"))
        self._behind = behind

    def write(self, data: bytes | Path) -> str:
        """Keep it in the folder."""
        return self._own.write(data)

    def read(self, digest: str) -> bytes:
        """From the folder, else from the other."""
        try:
            return self._own.read(digest)
        except ArtifactError:
            return self._behind.read(digest)

    def copy(self, digest: str, to: Path) -> None:
        """Likewise."""
        (self._own if self._own.present([digest]) else self._behind).copy(digest, to)

    def present(self, digests: Iterable[str]) -> frozenset[str]:
        """What either has."""
        wanted = frozenset(digests)
        return self._own.present(wanted) | self._behind.present(wanted)


def _key(version: DatasetVersion) -> _Key:
    return version.producer, version.namespace, version.name, version.partition


def _error(step: Step, error: UnrepeatableError) -> dict[str, Any]:
    return {"step": step.job, "failed": isinstance(error, FailedError), "says": str(error)}


def _differences(step: Step, made: Recipe) -> list[str]:
    """How the recipe differs, but for inputs that were made again: their outputs are told."""
    lines = explain(step.recipe, made.to_facet())
    return [line for line in lines if not line.startswith(("input ", "package ", "Python: "))]


def _unimportable(modules: Modules) -> str:
    for name in modules.names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever it is, it is why
            return f": importing {name} fails, {type(error).__name__}: {error}"
    return ""


def _reseeded(arguments: dict[str, Any], seed: int, function: str) -> dict[str, Any]:
    """Arguments with another seed, wherever one is given, and the same rows held out."""
    changed = {name: _value(value, seed) for name, value in arguments.items()}
    # In begat's own train the seed also says which rows are held out, if not partitions are.
    if not function.startswith("begat.") or arguments.get("holdout_fraction") is None:
        changed |= {name: seed for name in SEEDS if isinstance(arguments.get(name), int)}
    return changed


def _value(value: Any, seed: int) -> Any:
    if isinstance(value, dict):
        return {key: seed if key in SEEDS else _value(part, seed) for key, part in value.items()}
    if isinstance(value, type) or not hasattr(value, "set_params"):
        return value
    own = copy.deepcopy(value)
    names = [name for name in own.get_params() if name.rpartition("__")[2] == "random_state"]
    return own.set_params(**dict.fromkeys(names, seed))


if __name__ == "__main__":
    main()
