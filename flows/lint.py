"""What in a pipeline keeps its models from being made again, or from being trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from begat.lineage import partitions, recipe
from begat.lineage.capture import git
from begat.lineage.content import sources
from begat.lineage.content.queries import Query
from begat.lineage.errors import DataError, RefError
from begat.lineage.graph import queries
from begat.lineage.graph.resolve import resolve
from begat.lineage.lint import Finding, code, dependencies, found, images, ranges, reasons
from begat.lineage.lint import version as versions
from begat.lineage.lint.findings import ordered
from begat.lineage.lint.places import place
from begat.lineage.lint.words import is_absolute, is_latest
from begat.lineage.records import DatasetVersion, ModelVersion
from begat.tasks import prepare

from . import inputs

if TYPE_CHECKING:
    from begat.lineage.recipe import Recipe
    from begat.lineage.workspace import Workspace

    from .pipeline import Pipeline

#: Labels of a recipe's functions: `prepare: clean (2)`, `featurize: Model.fit`.
_LABEL = re.compile(r"(?:\w+: )?(?P<name>\w+)")
_LAST = "SELECT id FROM run WHERE job = :job AND kind = 'FLOW' ORDER BY started_at DESC LIMIT 1"
_JOB = "SELECT id FROM job WHERE namespace = :namespace AND name = :name"
_INSIDE = """
SELECT r.facets, j.name AS job FROM run t JOIN run r ON r.id = COALESCE(t.reuse_of, t.id)
JOIN job j ON j.id = r.job WHERE t.parent = :flow ORDER BY r.id
"""


def findings(pipeline: Pipeline, space: Workspace) -> tuple[Finding, ...]:
    """What is wrong with a pipeline, errors first. Nothing is run, and no data is read.

    Args:
        pipeline: judged as it is, by its code and the folder that it is in.
        space: what was recorded of earlier runs tells more.

    Raises:
        RecipeError: its code reaches something that cannot be digested, so it cannot run.
        PipelineError: a path pattern is malformed.
        StoreError: there is a store, and it failed.
    """
    reached = _reached(pipeline, space)
    return ordered(
        [
            *_tree(pipeline),
            *dependencies.of_folder(pipeline.folder),
            *_image(pipeline, space),
            *_places(pipeline),
            *_holdout(pipeline),
            *_seeds(pipeline),
            *_code(pipeline, reached),
            *_recorded(pipeline, space),
        ]
    )


def _reached(pipeline: Pipeline, space: Workspace) -> Recipe:
    """What all the pipeline's own code reaches, as one recipe."""
    own = ("prepare", "featurize", "estimator", "metrics", "expectations")
    return recipe.recipe(
        job=pipeline.name,
        version=0,
        function=prepare.prepare,
        arguments={name: getattr(pipeline, name) for name in own},
        first_party=space.settings.first_party,
    )


def _tree(pipeline: Pipeline) -> Iterator[Finding]:
    seen, where = git.capture(pipeline.folder), place(pipeline.file or pipeline.folder)
    if not seen.commit:
        yield found("no-commit", seen.reason, where)
    elif seen.dirty:
        what = f"something here is not as it is in commit {seen.commit[:8]}, or not in it"
        yield found("dirty-tree", what, where)


def _image(pipeline: Pipeline, space: Workspace) -> Iterator[Finding]:
    if not space.settings.image_digest:
        yield from images.of_folder(dependencies.root(pipeline.folder))


def _places(pipeline: Pipeline) -> Iterator[Finding]:
    """The source and the lookups, as they are written."""
    lookups = {f"lookups[{name!r}]": given for name, given in pipeline.lookups.items()}
    for argument, given in {"source": pipeline.source, **lookups}.items():
        where = f"{place(pipeline.file or pipeline.folder)}: {argument}"
        is_query, texts = isinstance(given, Query), _texts(given)
        if any(map(is_latest, texts)):
            what = f"{str(given) if is_query else repr(given)} names whatever is newest"
            yield found("latest", what, where)
        if is_absolute(texts[0]):
            # The address of a database may hold a password.
            what = "the database's file" if is_query else repr(given)
            yield found("machine-path", f"{what} is a path of one machine", where)


def _texts(given: str | Query) -> tuple[str, ...]:
    return (given.url, given.sql, given.name) if isinstance(given, Query) else (given,)


def _holdout(pipeline: Pipeline) -> Iterator[Finding]:
    """Whether the holdout, as the partitions are now, leaves something on both sides."""
    if (keys := _partitions(pipeline)) is None:
        return
    parts = tuple(
        DatasetVersion(namespace="file", name=pipeline.name, partition=key, digest="", size=0)
        for key in sorted(keys, key=partitions.natural)
    )
    try:
        inputs.split(parts, pipeline)
    except DataError as error:
        what, _, remedy = re.split(r"(?s)(.*)([;:]) ", str(error))[1:]
        where = f"{place(pipeline.file or pipeline.folder)}: holdout"
        yield found("no-holdout", what, where, remedy=remedy)


def _partitions(pipeline: Pipeline) -> list[str] | None:
    """The partitions that there are; None where only a network could tell."""
    source = pipeline.source
    if isinstance(source, Query):
        return None if source.keys else [""]
    if source.startswith("s3://"):
        return None
    try:
        return list(sources.find(source, folder=pipeline.folder))
    except DataError:  # nothing has arrived yet
        return None


def _seeds(pipeline: Pipeline) -> Iterator[Finding]:
    """Random states of the estimator that nobody has set."""
    where = f"{place(pipeline.file or pipeline.folder)}: estimator"
    given = pipeline.estimator.get_params(deep=True)
    unset = [name for name, value in sorted(given.items()) if value is None]
    for name in unset:
        last = name.rpartition("__")[2]
        if last == "random_state":
            what = f"{name} is left open; begat sets it to the pipeline's seed, {pipeline.seed}"
            yield found("open-random-state", what, where)
        elif last in ("seed", "random_seed"):
            what = f"{name} is left open, and begat sets no parameter but random_state"
            yield found("unseeded", what, where)


def _code(pipeline: Pipeline, reached: Recipe) -> Iterator[Finding]:
    places = (pipeline.source, *pipeline.lookups.values())
    told = {text for given in places for text in _texts(given)}
    names = {label["name"] for one in reached.functions if (label := _LABEL.match(one))}
    for file in reached.files:
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from code.of_file(file, text, reached=names, told=told)
    files = {file.name: place(file) for file in reached.files}
    for one in reasons.of_reasons(reached.reasons, ", ".join(files.values())):
        name, _, line = one.where.rpartition(":")
        yield replace(one, where=f"{files[name]}:{line}") if name in files else one


def _recorded(pipeline: Pipeline, space: Workspace) -> Iterator[Finding]:
    """What the last run and the newest version tell beside."""
    where = f"{place(pipeline.file or pipeline.folder)}: expectations"
    bounds = ranges.bounded(pipeline.expectations)
    known = _newest(pipeline, space)
    if known is not None and known.features:
        checked = known.prepared or {one["name"] for one in known.features}
        yield from ranges.of_features(known.features, checked=checked, bounds=bounds, where=where)
    elif not bounds:
        yield found("missing-range", "no expectation bounds any column", where)
    if _is_recorded(space):
        yield from _last_run(pipeline, space)


def _newest(pipeline: Pipeline, space: Workspace) -> versions.Recorded | None:
    if not _is_recorded(space):
        return None
    try:
        newest = resolve(space.store, f"{pipeline.name}@latest")
    except RefError:
        return None
    assert isinstance(newest, ModelVersion)
    return versions.read(space.store, newest)


def _last_run(pipeline: Pipeline, space: Workspace) -> Iterator[Finding]:
    """What made tasks of the last run not reusable; what the code alone tells, it tells now."""
    with space.store.read() as db:
        named = {"namespace": space.settings.namespace, "name": pipeline.name}
        job = db.execute(_JOB, named).fetchone()
        flow = db.execute(_LAST, {"job": job["id"]}).fetchone() if job else None
        rows = db.execute(_INSIDE, {"flow": flow["id"]}).fetchall() if flow else []
    for row in rows:
        why = (queries.facets_of(row).get("begat_recipe") or {}).get("reasons", ())
        yield from reasons.of_reasons(
            [one for one in why if not reasons.is_of_code(one)], f"the last run: {row['job']}"
        )


def _is_recorded(space: Workspace) -> bool:
    """Whether there is a store: looking makes none."""
    return not space.settings.store.startswith("sqlite") or space.settings.home.is_dir()
