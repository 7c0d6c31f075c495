"""The items without which a model version is only weights.

| name | item | missing when |
|---|---|---|
| data | dataset reference | the training run stands on no data whose bytes are known |
| schema | feature schema | a feature lacks its name, its type, or its range or values |
| metrics | metrics on held-out data | none was measured |
| code | code version | the training run, or what prepared its data, has no commit |
| run | training run | the store does not know it, or it did not complete |
| serving | serving requirements | no latency budget is stated |
| signature | signature and input example | there are no rows with the outputs expected of them |
| model | model file | it is not in the artifact store, or (the gate looks) cannot be loaded |
| environment | environment | Python or the packages of the training run are not known |
| parameters | hyperparameters | the training run recorded none |
| author | author | nobody is recorded as who registered it, and when |

Nothing is written down for this: it is gathered from what was recorded anyway. Who promoted
a version, and when, is in the audit log: that item is there once a version is promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import audit, recorded, schema
from .recorded import Recorded
from .serving import Serving

if TYPE_CHECKING:
    from typing import Any

    from ..records import ModelVersion
    from ..workspace import Workspace


#: A run that finds nothing to do says so of the commit that it is at, if nothing is changed there.
_COMMIT = "commit all that `git status` shows, and run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One required item of a model version."""

    #: As policies name it.
    name: str
    #: As people call it.
    title: str
    #: What is recorded, or why nothing is.
    says: str
    #: What to do to have it; empty where it is there.
    remedy: str = ""

    @property
    def missing(self) -> bool:
        """Whether the version lacks it."""
        return bool(self.remedy)

    def __str__(self) -> str:
        """`code version: the training run has no commit; ` and the remedy."""
        return f"{self.title}: {self.says}" + (f"; {self.remedy}" if self.remedy else "")

    def to_json(self) -> dict[str, str | bool | None]:
        """Its `item`, `title`, `says`, `missing` and `remedy`."""
        return {
            "item": self.name,
            "title": self.title,
            "says": self.says,
            "missing": self.missing,
            "remedy": self.remedy or None,
        }


def at_registration(
    space: Workspace, training_run_id: str, *, digest: str, body: Mapping[str, Any]
) -> list[Item]:
    """What a model that is about to be registered lacks, and would lack for ever.

    Serving requirements are stated for a model and not for one version: they are none of it.

    Args:
        space: where lineage and artifacts are.
        training_run_id: the run that fitted it.
        digest: of the model file.
        body: what is to be kept with the version.

    Raises:
        StoreError: the store failed.
    """
    given = recorded.of_run(space.store, training_run_id, digest=digest, body=body)
    names = [name for name in NAMES if name not in ("serving", "author")]
    there = bool(space.artifacts.present([digest]))
    return [item for item in look(given, names=names, model_is_there=there) if item.missing]


def items(
    space: Workspace, of: ModelVersion, serving: Mapping[str, Any], names: Collection[str] = ()
) -> list[Item]:
    """The required items of a registered version.

    Args:
        space: where registry, lineage and artifacts are.
        of: the version.
        serving: the serving requirements in force for its model.
        names: which items; all by default.

    Raises:
        RefError: no such version is registered.
        SettingsError: the serving requirements make no sense.
        StoreError: the store failed.
    """
    names = names or NAMES
    given = recorded.of_version(space.store, of)
    there = "model" in names and bool(space.artifacts.present([given.digest]))
    return look(given, serving=serving, names=names, model_is_there=there)


def told(space: Workspace, of: ModelVersion) -> list[Item]:
    """The required items of a version, and who promoted it: without a look at artifacts.

    Raises:
        RefError: no such version is registered.
        SettingsError: the model's policy makes no sense.
        StoreError: the store failed.
    """
    from .policy import policy_of  # which knows the names of the items

    serving = policy_of(space, of.model).serving
    found = items(space, of, serving, [name for name in NAMES if name != "model"])
    with space.store.read() as db:
        moves = [entry for entry in audit.of_version(db, of) if entry.after in _PROMOTED]
    says = f"{moves[-1].who}, {moves[-1].at}, to {moves[-1].after}" if moves else "nobody yet"
    return [*found, Item(name="promoter", title="promoter", says=says)]


def look(
    given: Recorded,
    *,
    serving: Mapping[str, Any] | None = None,
    names: Collection[str] = (),
    model_is_there: bool = True,
) -> list[Item]:
    """The required items, as far as they are recorded.

    Args:
        given: what is recorded.
        serving: the serving requirements in force.
        names: which items; all by default.
        model_is_there: whether the model file is in the artifact store.

    Raises:
        SettingsError: the serving requirements make no sense.
    """
    facts = _Facts(recorded=given, serving=Serving.of(serving or {}), model_is_there=model_is_there)
    return [
        Item(name=name, title=title, says=found.says, remedy=found.remedy)
        for name, (title, of) in _ITEMS.items()
        if not names or name in names
        for found in [of(facts)]
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    recorded: Recorded
    serving: Serving
    model_is_there: bool

    @property
    def signature(self) -> Mapping[str, Any]:
        found = self.recorded.body.get("signature")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class _Found:
    says: str
    remedy: str = field(default="", kw_only=True)


def _data(facts: _Facts) -> _Found:
    data = facts.recorded.data
    if not data.datasets:
        return _Found(
            "the training run stands on no data whose bytes are known",
            remedy="give it its data as a source, a lookup or begat.lineage.source(…), "
            "and run again",
        )
    read = ", ".join(
        name if count < 2 else f"{name} ({count} partitions)"
        for name, count in data.datasets.items()
    )
    when = f", prepared {data.prepared_at}" if data.prepared_at else ""
    by = f" by commit {', '.join(one[:10] for one in data.commits)}" if data.commits else ""
    return _Found(f"{read}{when}{by}")


def _schema(facts: _Facts) -> _Found:
    if gaps := schema.gaps(facts.signature):
        return _Found(
            f"the signature has {_some(gaps)}",
            remedy="leave columns without values out of the features, and train again",
        )
    open_ = schema.open_features(facts.signature)
    more = f"; {', '.join(open_)} may hold any value" if open_ else ""
    return _Found(f"{len(facts.signature['features'])} features{more}")


def _metrics(facts: _Facts) -> _Found:
    body = facts.recorded.body
    measured = {
        name: value
        for name, value in (body.get("metrics") or {}).items()
        if isinstance(value, (int, float)) and name != "rows"
    }
    if not measured:
        return _Found(
            "none was measured on held-out data",
            remedy="hold out rows that the metrics can be had of, and run again",
        )
    slices = body.get("slices") or {}
    more = f"; by {', '.join(slices)}" if slices else ""
    return _Found(", ".join(f"{name} {value:.4g}" for name, value in measured.items()) + more)


def _code(facts: _Facts) -> _Found:
    recipe = facts.recorded.training.get("begat_recipe", {})
    source = facts.recorded.training.get("job.sourceCodeLocation", {})
    commit = facts.recorded.trained_at
    where = source.get("repoUrl") or source.get("url")
    later = facts.recorded.commit
    if not commit and not later:
        return _Found("the training run has no commit", remedy=_COMMIT)
    if not facts.recorded.code_is_kept and not later:
        return _Found(
            f"the training run's code was changed since commit {commit[:10]}, and is not kept",
            remedy=_COMMIT,
        )
    if jobs := facts.recorded.data.uncommitted:
        return _Found(
            f"{_some(jobs)} prepared data from no commit",
            remedy="commit that code, and let it prepare the data anew",
        )
    if later:
        return _Found(f"commit {later[:10]}, made when it was trained already")
    return _Found(
        f"commit {commit[:10]}"
        + (f" of {where}" if where else "")
        + (f", with changes that are kept as {recipe['sources']}" if recipe.get("dirty") else "")
    )


def _run(facts: _Facts) -> _Found:
    given = facts.recorded
    if given.state == "COMPLETE":
        return _Found(given.training_run_id)
    if not given.state:
        what = f"run {given.training_run_id}" if given.training_run_id else "no run"
        return _Found(
            f"{what} is known to have trained it",
            remedy="import its events with `begat db import`, or train again",
        )
    return _Found(
        f"run {given.training_run_id}, which trained it, is {given.state}", remedy="train again"
    )


def _serving(facts: _Facts) -> _Found:
    if facts.serving.latency_p99_ms is None:
        only = f", only {facts.serving}" if str(facts.serving) else ""
        return _Found(
            f"no latency budget is stated{only}",
            remedy='say Pipeline(…, serving={"latency_p99_ms": 10}), or the same in '
            "[tool.begat.policy], and run again",
        )
    takes = "" if facts.serving.format else f"; rows of {len(_features(facts))} features"
    return _Found(f"{facts.serving}{takes}")


def _signature(facts: _Facts) -> _Found:
    if gaps := schema.example_gaps(facts.signature):
        return _Found(f"the signature has {_some(gaps)}", remedy="train again")
    rows = len(facts.signature["example"]["rows"])
    return _Found(f"{len(_features(facts))} features, {rows} example rows with their outputs")


def _model(facts: _Facts) -> _Found:
    digest = facts.recorded.digest
    if not facts.model_is_there:
        return _Found(
            f"{digest} is not in the artifact store",
            remedy="`begat verify --repair` looks for it; else train again",
        )
    return _Found(f"{digest}, preprocessing inside")


def _environment(facts: _Facts) -> _Found:
    packages = facts.recorded.training.get("begat_packages", {})
    if not (packages.get("digest") and packages.get("python")):
        return _Found(
            "the training run did not say which Python and packages it had",
            remedy="train again, with begat's wrapper",
        )
    return _Found(f"Python {packages['python']}, packages {packages['digest']}")


def _parameters(facts: _Facts) -> _Found:
    parameters = facts.recorded.training.get("begat_recipe", {}).get("parameters")
    if not parameters:
        return _Found(
            "the training run recorded none",
            remedy="give the task that trains them as arguments, and run again",
        )
    return _Found(", ".join(parameters))


def _author(facts: _Facts) -> _Found:
    given = facts.recorded
    if not (given.registered_by and given.created_at):
        return _Found(
            "nobody is recorded as who registered it", remedy="register it again, by a run"
        )
    return _Found(f"{given.registered_by}, {given.created_at}")


def _features(facts: _Facts) -> Sequence[Any]:
    found: Sequence[Any] = facts.signature.get("features") or ()
    return found


def _some(names: Sequence[str]) -> str:
    """The first of many, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


#: Where a version comes to by a promotion.
_PROMOTED = ("Staging", "Production")
_ITEMS: Mapping[str, tuple[str, Callable[[_Facts], _Found]]] = {
    "data": ("dataset reference", _data),
    "schema": ("feature schema", _schema),
    "metrics": ("metrics", _metrics),
    "code": ("code version", _code),
    "run": ("training run", _run),
    "serving": ("serving requirements", _serving),
    "signature": ("signature and example", _signature),
    "model": ("model file", _model),
    "environment": ("environment", _environment),
    "parameters": ("hyperparameters", _parameters),
    "author": ("author", _author),
}
#: What policies call the required items, in the order in which they are told.
NAMES = tuple(_ITEMS)
