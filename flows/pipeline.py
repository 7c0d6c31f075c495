"""What a user writes down: a training pipeline of their own functions."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from begat.lineage import recipe
from begat.lineage.content.queries import Query
from begat.lineage.errors import ParameterError, PipelineError, SettingsError
from begat.lineage.registry.serving import Serving
from begat.tasks import estimators, expectations, metrics
from begat.tasks.functions import check_frame_function

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.blocks.core import Block

    from .report import Report
    from .runners import Runner

Holdout = Literal["last"] | float | Mapping[str, str]


def _defining_file() -> Path | None:
    frame = sys._getframe(1)
    # Past this module and the __init__ that dataclasses generate, which has no file.
    while frame.f_back is not None and (
        frame.f_globals.get("__name__") == __name__ or frame.f_code.co_filename == "<string>"
    ):
        frame = frame.f_back
    # An installed pipeline's own distribution is first-party, wherever its functions lie in it.
    recipe.claim(frame.f_globals.get("__name__", ""))
    file = frame.f_globals.get("__file__")
    return Path(file).absolute() if file else None


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """prepare, featurize, train, evaluate, register: your functions, tracked.

    Args:
        name: names the flow, its datasets and the model.
        source: path pattern of the raw partitions, `lake/flights/month={month}/*.csv`;
            CSV, JSON lines or Parquet. A relative one is relative to the file that defines the
            pipeline. Or a `begat.lineage.Query`.
        prepare: `(DataFrame, **lookups) -> DataFrame`, called for each partition.
        featurize: `(DataFrame) -> DataFrame`, called for each prepared partition.
        estimator: a scikit-learn estimator, or `"module:Class"`.
        target: the column to predict.
        lookups: further inputs of prepare by argument name: a path or a query each.
        expectations: Great Expectations, as objects or as its own dictionaries of `type` and
            `kwargs`; checked on what `prepare` returns.
        features: the columns to learn from; every column but the target by default.
        holdout: what evaluates the model and never trains it: `"last"` (partitions in natural
            order), a fraction of the rows (the same rows for ever), or `{"month": "2013-12"}`.
        slices: columns whose values are evaluated one by one.
        metrics: names or `"module:function"`; the usual ones of the task by default.
        seed: what random generators are derived from.
        incremental: train by the estimator's `partial_fit`, partition by partition, with one
            in memory at a time.
        serving: what serving the model may take: `latency_p99_ms`, `latency_p50_ms`,
            `memory_mb`, `gpu_memory_mb`, `format`; see `begat.lineage.registry.serving`. Another
            budget makes no other model.

    Raises:
        PipelineError: the definition cannot work.
    """

    name: str
    source: str | Query
    prepare: Callable[..., Any]
    featurize: Callable[..., Any]
    estimator: Any
    target: str
    lookups: Mapping[str, str | Query] = field(default_factory=dict)
    expectations: Sequence[Any] = ()
    features: Sequence[str] | None = None
    holdout: Holdout = "last"
    slices: Sequence[str] = ()
    metrics: Sequence[Any] = ()
    seed: int = 0
    incremental: bool = False
    serving: Mapping[str, Any] = field(default_factory=dict)
    #: The file that defines the pipeline; none in a notebook.
    file: Path | None = field(default_factory=_defining_file)

    def __post_init__(self) -> None:
        _check_types(self)
        check_frame_function(self.prepare, what="prepare", lookups=tuple(self.lookups))
        check_frame_function(self.featurize, what="featurize")
        _check_holdout(self.name, self.holdout)
        _check_serving(self.name, self.serving)
        object.__setattr__(self, "estimator", estimators.build(self.estimator))
        object.__setattr__(self, "metrics", metrics.located(self.metrics))
        if self.incremental:
            estimators.incremental_steps(self.estimator)
        metrics.check(self.metrics, estimators.task_of(self.estimator))
        object.__setattr__(self, "expectations", expectations.plain(self.expectations))

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self.file.parent if self.file else Path.cwd()

    def with_parameters(self, given: Mapping[str, Any]) -> Pipeline:
        """This pipeline with other parameters.

        Args:
            given: `train.{estimator parameter}`, `prepare.{argument}` or
                `featurize.{argument}`, and `seed`.

        Raises:
            ParameterError: a key is unknown, or a value of the wrong type.
        """
        changed = self
        # In order, so that a pipeline is what was set, whichever was named first.
        for key, value in sorted(given.items()):
            changed = changed._with_parameter(key, value)
        return changed

    def run(
        self,
        *,
        partitions: str = "",
        parameters: Mapping[str, Any] | None = None,
        adapter: Literal["prefect", "plain"] = "prefect",
        runner: Runner = "",
        workers: int | None = None,
    ) -> Report:
        """Run what is stale.

        Args:
            partitions: which partitions to train on, `month<=2013-11`; all by default.
            parameters: see `with_parameters`.
            adapter: who runs the tasks: Prefect, or this process by itself.
            runner: where Prefect runs them: `"threads"`, `"processes"`, `"dask"`,
                `"dask:ADDRESS"`, or a task runner of Prefect's. BEGAT_RUNNER by default, else
                threads.
            workers: how many run at a time; as many as suit the machine by default.

        Raises:
            BegatError: see `begat.lineage.errors`; nothing is left half-written.
        """
        from . import training

        return training.run(
            self.with_parameters(parameters or {}),
            partitions=partitions,
            adapter=adapter,
            runner=runner,
            workers=workers,
        )

    def flow(
        self,
        *,
        blocks: Sequence[Block | str] = (),
        runner: Runner = "",
        workers: int | None = None,
    ) -> Flow[..., Any]:
        """A Prefect flow of this pipeline, to serve or deploy.

        Its parameters are `partitions` and `parameters`, as in `run`.

        Args:
            blocks: what its runs work with, as blocks of begat's or by their names:
                `begat-store/production`.
            runner: as in `run`.
            workers: as in `run`.

        Raises:
            ParameterError: there is no such runner, or it cannot have so many workers.
            SettingsError: one of `blocks` is no block of begat's, BEGAT_RUNNER names no runner,
                or Dask is not installed.
        """
        from . import training

        return training.flow(self, blocks=blocks, runner=runner, workers=workers)

    def _with_parameter(self, key: str, value: Any) -> Pipeline:
        step, _, name = key.partition(".")
        if key == "seed":
            return replace(self, seed=value)
        if step == "train" and name:
            return replace(self, estimator=estimators.build(self.estimator, {name: value}))
        if step in ("prepare", "featurize") and name:
            function = _with_argument(getattr(self, step), step, name, value, set(self.lookups))
            if step == "prepare":
                return replace(self, prepare=function)
            return replace(self, featurize=function)
        raise ParameterError(
            f"there is no parameter {key!r}; parameters are train.NAME (the estimator's), "
            "prepare.NAME and featurize.NAME (arguments with a default), and seed"
        )


def _with_argument(
    function: Callable[..., Any], step: str, name: str, value: Any, lookups: set[str]
) -> Callable[..., Any]:
    # What it was set to before, here or by the user's own partial, does not decide the type.
    own = _defaults(function.func) if isinstance(function, functools.partial) else {}
    known = {
        key: own.get(key, default)
        for key, default in _defaults(function).items()
        if key not in lookups
    }
    if name not in known:
        raise ParameterError(
            f"{step} has no parameter {name!r} with a default; "
            f"it has {', '.join(sorted(known)) or 'none'}"
        )
    default = known[name]
    wanted = (int, float) if isinstance(default, float) else type(default)
    if default is not None and (
        not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool)
    ):
        raise ParameterError(
            f"{step}.{name} takes values of type {type(default).__name__} such as {default!r}; "
            f"got {value!r}"
        )
    return _called_with(function, name, value)


def _called_with(function: Callable[..., Any], name: str, value: Any) -> Callable[..., Any]:
    """A function with another default, in one form however often and in what order it is set."""
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    if isinstance(function, functools.partial):
        arguments, keywords, function = function.args, {**function.keywords}, function.func
    keywords.pop(name, None)
    own = _defaults(function)
    if name not in own or not _same(value, own[name]):
        keywords[name] = value
    if not (arguments or keywords):
        return function
    return functools.partial(function, *arguments, **dict(sorted(keywords.items())))


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty
    }


def _same(value: Any, default: Any) -> bool:
    # 1 and 1.0 are equal, and so are 0.0 and -0.0; a function may tell them apart.
    if value is default or type(value) is not type(default):
        return value is default
    if isinstance(value, dict):
        return _same([*value.items()], [*default.items()])
    if isinstance(value, (list, tuple)):
        return len(value) == len(default) and all(map(_same, value, default))
    return isinstance(value, (int, float, str)) and repr(value) == repr(default)


def _check_types(pipeline: Pipeline) -> None:
    name = pipeline.name
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise PipelineError(
            f"a pipeline's name is letters, digits, '.', '_' and '-'; got {name!r}: rename it"
        )
    if not isinstance(pipeline.target, str) or not pipeline.target:
        raise PipelineError(f"target of {name} is a string; got {pipeline.target!r}")
    if not isinstance(pipeline.source, (str, Query)) or not pipeline.source:
        raise PipelineError(f"source of {name} is a string, or a Query; got {pipeline.source!r}")
    _check_lookups(name, pipeline.lookups)
    for label in ("metrics", "expectations"):
        if not _is_list(given := getattr(pipeline, label)):
            raise PipelineError(f"{label} of {name} is a list; got {given!r}")
    for label in ("features", "slices"):
        given = getattr(pipeline, label)
        if given is not None and not (_is_list(given) and _strings(given)):
            raise PipelineError(f"{label} of {name} is a list of column names; got {given!r}")
    if pipeline.target in (pipeline.features or ()):
        raise PipelineError(
            f"features of {name} name the target {pipeline.target!r}, which a model must not "
            "see; leave it out"
        )
    if not isinstance(pipeline.incremental, bool):
        raise PipelineError(f"incremental of {name} is True or False; got {pipeline.incremental!r}")
    seed = pipeline.seed
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise PipelineError(f"seed of {name} is a whole number from 0 to {2**32 - 1}; got {seed!r}")


def _check_lookups(name: str, lookups: object) -> None:
    if not isinstance(lookups, Mapping) or not all(
        isinstance(key, str) and isinstance(place, (str, Query)) for key, place in lookups.items()
    ):
        raise PipelineError(
            f"lookups of {name} are paths or queries by name, {{'weather': 'weather.csv'}}; "
            f"got {lookups!r}"
        )
    for key, place in lookups.items():
        if isinstance(place, Query) and place.keys:
            raise PipelineError(
                f"the lookup {key!r} of {name} has partitions; a lookup is one table: leave "
                "partition_by out"
            )


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _strings(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _check_serving(name: str, given: Mapping[str, Any]) -> None:
    try:
        Serving.of(given)
    except SettingsError as error:
        raise PipelineError(f"of {name}: {error}") from None


def _check_holdout(name: str, holdout: Any) -> None:
    if holdout == "last":
        return
    if isinstance(holdout, float) and 0 < holdout < 1:
        return
    if (
        isinstance(holdout, Mapping)
        and holdout
        and all(isinstance(key, str) and isinstance(value, str) for key, value in holdout.items())
    ):
        return
    raise PipelineError(
        f"holdout of {name} is 'last', a fraction between 0 and 1, or partition keys such as "
        f"{{'month': '2013-12'}}; got {holdout!r}"
    )
