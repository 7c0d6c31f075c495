"""Making a recorded model version again, in a folder of its own, and judging what comes out."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from begat.lineage import results
from begat.lineage.capture import packages
from begat.lineage.errors import ParameterError
from begat.lineage.records import DatasetVersion
from begat.lineage.reproduction import compare, environment, inputs, rebuild, record, sources
from begat.lineage.reproduction.compare import Compared, Judgement
from begat.lineage.reproduction.plan import Plan, plan
from begat.lineage.reproduction.spread import BOUND, Spread, spreads
from begat.lineage.workspace import Workspace

Progress = Callable[[str], None]

_WORKER = "begat.lineage.reproduction.worker"
_APART = {"OPENLINEAGE_DISABLED": "true"}
#: Lines of a worker's log that a reason repeats when it died.
_LINES = 5


def quiet(_: str) -> None:
    """The progress of those who do not want to see it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How something is made again.

    Args:
        tolerance: share of a recorded metric by which another may differ.
        slices: judge the metrics of every slice, too.
        from_commit: take the recorded commit's code, not what was kept of the run.
        rebuild: build an environment of the recorded packages, and run there.
        folder: where all of it is left to be looked at; nowhere by default.
        twice: do it twice, and compare these two with each other.
        reseed: with how many other seeds to train.
        bound: share of a recorded metric that may lie between the seeds' lowest and highest.
    """

    tolerance: float = compare.TOLERANCE
    slices: bool = False
    from_commit: bool = False
    rebuild: bool = False
    folder: Path | None = None
    twice: bool = False
    reseed: int = 0
    bound: float = BOUND


@dataclass(kw_only=True)
class Reproduction:
    """What making a version again came to."""

    ref: str
    tolerance: float
    verdict: Judgement = "cannot"
    #: Why it is that, one line each.
    reasons: list[str] = field(default_factory=list)
    #: What it was made of and is not there, one line each.
    missing: list[str] = field(default_factory=list)
    #: What is another here, as `environment.differences` gives it.
    different: list[environment.Difference] = field(default_factory=list)
    #: What of the code, the parameters or the seeds is another, one line each.
    recipes: list[str] = field(default_factory=list)
    #: `dataset`, `partition`, `recorded` and `made` (digests) of every output.
    outputs: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[Compared] = field(default_factory=list)
    slices: list[Compared] = field(default_factory=list)
    #: Of the second time: `verdict`, `outputs` and `metrics`, beside the first.
    twice: dict[str, Any] | None = None
    spread: list[Spread] = field(default_factory=list)
    #: The run that tells of it.
    run_id: str = ""
    folder: str = ""

    @property
    def worst(self) -> float | None:
        """The largest relative difference of a metric that counts; None if that cannot be said."""
        found = [one.difference for one in [*self.metrics, *self.slices]]
        return max(found) if found and math.isfinite(max(found)) else None

    @property
    def good(self) -> bool:
        """Whether all that was asked about held."""
        again = self.twice is None or self.twice["verdict"] != "not reproduced"
        stable = all(not one.why for one in self.spread)
        return self.verdict in ("identical", "within tolerance") and again and stable

    @property
    def exit_code(self) -> int:
        """0 if it was reproduced and is stable, 1 if not, 2 if it could not be tried."""
        return 2 if self.verdict == "cannot" else 0 if self.good else 1

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "ref": self.ref,
            "verdict": self.verdict,
            "tolerance": self.tolerance,
            "worst": self.worst,
            "reasons": self.reasons,
            "missing": self.missing,
            "different": [one | {"says": environment.shown(one)} for one in self.different],
            "recipes": self.recipes,
            "outputs": self.outputs,
            "metrics": {one.name: one.to_json() for one in self.metrics},
            "slices": {one.name: one.to_json() for one in self.slices},
            "twice": self.twice,
            "spread": {one.name: one.to_json() for one in self.spread},
            "run_id": self.run_id,
            "folder": self.folder,
        }

    def facet(self) -> dict[str, Any]:
        """What the run that tells of it says."""
        whole = self.to_json()
        same = sum(one["recorded"] == one["made"] for one in self.outputs)
        return {
            "of": self.ref,
            **{name: whole[name] for name in ("verdict", "tolerance", "worst", "metrics")},
            "outputs": {"identical": same, "all": len(self.outputs)},
            "different": [one["says"] for one in whole["different"]] + self.recipes,
            "missing": self.missing,
            "reasons": self.reasons,
        }


def reproduce(
    space: Workspace, ref: str, options: Options, *, progress: Progress = quiet
) -> Reproduction:
    """Make a model version again, and compare it with what was recorded.

    Args:
        space: where it is recorded. One run that tells of this is added, nothing else.
        ref: a model version, or a run that trained.
        options: how.
        progress: is told of each thing that begins.

    Raises:
        RefError: `ref` names nothing that was trained.
        ParameterError: the folder is not empty.
        StoreError: the store cannot be read.
    """
    wanted = plan(space.store, ref)
    found = Reproduction(ref=wanted.ref, tolerance=options.tolerance)
    with _folder(options.folder) as folder:
        found.folder = str(options.folder) if options.folder else ""
        caller = record.begin(space, wanted)
        found.run_id = caller.run.run_id
        try:
            _Again(space, wanted, options, folder, found, progress).run()
        except BaseException:
            record.abort(space, caller, wanted)
            raise
        record.end(space, caller, wanted, found.facet())
    return found


@dataclass
class _Again:
    """One reproduction, step by step."""

    space: Workspace
    wanted: Plan
    options: Options
    folder: Path
    found: Reproduction
    progress: Progress

    def run(self) -> None:
        """Fill in what is found."""
        installed = environment.distributions(
            self.wanted.facets, self.space.artifacts, self.wanted.packages
        )
        request = self._request()
        interpreter, variables = self._interpreter(installed)
        if self.found.missing:
            self.found.reasons = [*self.found.missing]
            return
        (self.folder / "plan.json").write_text(json.dumps(request), encoding="utf-8")
        first = self._worker("first", interpreter, variables)
        if first is None:
            return
        self._differences(first, installed)
        self._judge(first)
        if self.options.twice and self.found.verdict != "cannot":
            # Seeds are the first one's business.
            request["seeds"] = []
            (self.folder / "plan.json").write_text(json.dumps(request), encoding="utf-8")
            second = self._worker("second", interpreter, variables)
            if second is not None:
                self.found.twice = _beside(first, second, self.options.tolerance)

    def _request(self) -> dict[str, Any]:
        """What a worker is given; what is missing for it is noted."""
        self.progress("checking inputs")
        settings = asdict(self.space.settings)
        artifacts = settings["artifacts"]
        if "://" not in artifacts:
            settings["artifacts"] = str(Path(artifacts).expanduser().absolute())
        for one in inputs.missing(self.space, self.wanted):
            self.found.missing.append(f"input {one['name']} {one['says']} ({one['digest'][:19]})")
        places: dict[str, Any] = {}
        try:
            places, told = sources.place(
                self.wanted,
                self.space.artifacts,
                self.folder / "sources",
                from_commit=self.options.from_commit,
                repository=Path.cwd(),
            )
            self.found.recipes += told
        except sources.MissingCodeError as error:
            self.found.missing.append(f"code: {error}")
        kept = ("artifacts", "namespace", "image_digest", "first_party", "trusted_types")
        return {
            "steps": [step.to_json() for step in self.wanted.steps],
            "places": places,
            "settings": {name: settings[name] for name in kept},
            "seeds": _seeds(self.wanted, self.options.reseed),
            "outside": str(Path.cwd()),
        }

    def _interpreter(self, installed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The Python that does it, and variables for it."""
        said = self.wanted.facets
        hashing = said.get("begat_seeds", {}).get("pythonhashseed", "random")
        variables = {} if hashing == "random" else {"PYTHONHASHSEED": hashing}
        if self.options.rebuild:
            self.progress("building the environment")
            own = {path.stem for path in (self.folder / "sources").glob("*/*")}
            python = said.get("begat_packages", {}).get("python", "")
            try:
                interpreter, more = rebuild.rebuild(
                    self.folder / "environment", installed, python, without=own
                )
                return interpreter, variables | more
            except rebuild.RebuildError as error:
                self.found.missing.append(f"environment: {error}")
            return "", variables
        here = packages.capture().distributions
        for name, version in sorted(self.wanted.packages.items()):
            if name not in here:
                self.found.missing.append(
                    f"package {name} {version} is not installed, and the code imports it; install "
                    "it, or give --rebuild-environment"
                )
        return sys.executable, variables

    def _worker(
        self, name: str, interpreter: str, variables: Mapping[str, str]
    ) -> dict[str, Any] | None:
        """What a process of its own came to; None if it died, which is noted."""
        own = self.folder / name / "home"
        inherited = {
            key: value
            for key, value in os.environ.items()
            if key not in ("BEGAT_HOME", "BEGAT_STORE", "PYTHONHASHSEED")
        }
        log = self.folder / f"{name}.log"
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [interpreter, "-P", "-m", _WORKER, str(self.folder), name],
                cwd=self.folder,
                # What tasks record of others that they call stays in the folder.
                env=inherited | _APART | {"BEGAT_HOME": str(own)} | dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                self.progress(json.loads(line)["step"])
        answer = self.folder / f"{name}.json"
        if process.returncode == 0 and answer.exists():
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return found
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LINES:]
        self.found.verdict = "cannot"
        self.found.reasons = [
            f"the process that trains ended with {process.returncode}: {' / '.join(said)}"
        ]
        return None

    def _differences(self, made: Mapping[str, Any], installed: Mapping[str, str]) -> None:
        here = made["facets"]
        now = here["begat_packages"]["distributions"]
        used = self.wanted.packages
        self.found.different = environment.differences(
            self.wanted.facets, here, (installed, now), used
        )
        lines = [line for step in made["steps"] for line in step["differences"]]
        borrowed = [f"code {file}: was not kept, and is today's" for file in made["borrowed"]]
        self.found.recipes += dict.fromkeys([*lines, *borrowed])

    def _judge(self, made: Mapping[str, Any]) -> None:
        found, options = self.found, self.options
        found.outputs = [
            {
                "dataset": one.name,
                "partition": one.partition,
                "recorded": one.digest,
                "made": _outputs(made).get(_place(step.run_id, one)),
            }
            for step in self.wanted.steps
            for one in step.outputs
        ]
        if made["error"] is not None:
            found.verdict = "not reproduced" if made["error"]["failed"] else "cannot"
            found.reasons = [f"{made['error']['step']}: {made['error']['says']}"]
            return
        found.metrics = compare.compared(self.wanted.metrics, made["metrics"], options.tolerance)
        if options.slices:
            found.slices = compare.sliced(self.wanted.slices, made["slices"], options.tolerance)
        same = all(one["recorded"] == one["made"] for one in found.outputs)
        found.verdict = compare.judged([*found.metrics, *found.slices], same_bytes=same)
        found.reasons = list(_reasons(found, same=same))
        if options.reseed:
            found.spread = spreads(
                self.wanted.metrics,
                [one["metrics"] for one in made["seeds"]],
                bound=options.bound,
            )
            found.reasons += [
                f"with seed {one['seed']}: {one['error']}" for one in made["seeds"] if one["error"]
            ]


def _reasons(found: Reproduction, *, same: bool) -> Iterator[str]:
    if same:
        yield f"all {len(found.outputs)} outputs have the recorded bytes"
        return
    other = [one for one in found.outputs if one["recorded"] != one["made"]]
    names = dict.fromkeys(one["dataset"] for one in other)
    yield f"{len(other)} of {len(found.outputs)} outputs have other bytes: {', '.join(names)}"
    counted = [*found.metrics, *found.slices]
    if not counted:
        yield "no metric was recorded that could be compared"
    for one in counted:
        if one.judgement == "not reproduced":
            share = f"{one.difference:.2%} off" if math.isfinite(one.difference) else "another"
            yield f"{one.name} is {share}: {one.made}, was {one.recorded}"


def _beside(
    first: Mapping[str, Any], second: Mapping[str, Any], tolerance: float
) -> dict[str, Any]:
    """The second time beside the first."""
    metrics = compare.compared(first["metrics"], second["metrics"], tolerance)
    before, after = _outputs(first), _outputs(second)
    other = sorted({place[1] for place in before if before[place] != after.get(place)})
    failed = second["error"] is not None
    verdict = compare.judged([] if failed else metrics, same_bytes=not (other or failed))
    return {
        "verdict": verdict,
        "outputs": other,
        "metrics": {one.name: one.to_json() for one in metrics},
    }


def _outputs(made: Mapping[str, Any]) -> dict[tuple[str, str, str], str]:
    """Digest by run, dataset and partition."""
    return {
        _place(step["run_id"], version): version.digest
        for step in made["steps"]
        for version in results.decode(step["outputs"])
    }


def _place(run_id: str, version: DatasetVersion) -> tuple[str, str, str]:
    return run_id, version.name, version.partition


def _seeds(wanted: Plan, number: int) -> list[int]:
    """So many seeds that none of the recorded trainings was given."""
    recorded = set(_whole([step.recipe.get("parameters") for step in wanted.steps if step.fits]))
    recorded |= {step.recipe.get("seed") or 0 for step in wanted.steps if step.fits}
    return [seed for seed in range(1, number + len(recorded) + 2) if seed not in recorded][:number]


def _whole(value: Any) -> Iterator[int]:
    """The seeds among parameters."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key.rpartition("__")[2] in ("seed", "random_state") and isinstance(part, int):
                yield part
            yield from _whole(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _whole(part)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is None:
        with tempfile.TemporaryDirectory(prefix="begat-reproduce-") as made:
            yield Path(made)
        return
    if given.exists() and (not given.is_dir() or any(given.iterdir())):
        raise ParameterError(f"{given} is not an empty folder; name a new one for --keep-folder")
    given.mkdir(parents=True, exist_ok=True)
    yield given.absolute()
