"""What events say about code and machine: captured once, told in every run."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .capture import git, hardware, image, packages, sources
from .errors import WorldError
from .workspace import Workspace, workspace

log = logging.getLogger("begat")

#: The orchestrator's job variables, where an adapter has handed them in: an image may be in them.
_job_variables: dict[str, Any] = {}


def use_job_variables(variables: Mapping[str, Any]) -> None:
    """Take what the deployment says about the process it started (its image)."""
    _job_variables.update(variables)


def environment(*, inline: bool = False) -> dict[str, Any]:
    """Run facets about packages, Python, image and hardware of this process.

    Args:
        inline: name every distribution in the event, beside the digest of the list.
    """
    space = workspace()
    found = packages.capture()
    _keep(found, space)
    given = image.capture(space.settings, _job_variables)
    return {
        "begat_packages": found.to_facet(inline=inline),
        "begat_image": given.to_facet(),
        "begat_hardware": hardware.capture().to_facet(),
    }


@functools.cache
def commit(flow_run_id: str) -> git.Git:
    """The commit that the working folder is at, looked up once a flow run."""
    del flow_run_id  # the key of the cache: what is checked out may change between flow runs
    return git.capture(Path.cwd())


def code_facets(found: git.Git) -> dict[str, Any]:
    """Job facets about the code."""
    return {"sourceCodeLocation": found.to_facet()} if found.commit else {}


def declare_sources(flow_run_id: str, files: Iterable[Path]) -> None:
    """Keep `files` with every run of a flow run, beside those that its recipe reached."""
    _declared[flow_run_id] = tuple(files)


def sources_of(flow_run_id: str, reached: tuple[Path, ...], space: Workspace) -> str:
    """Digest of the archive of a run's sources; empty if there are none, or it was not stored."""
    files = {*_declared.get(flow_run_id, ()), *reached}
    return _archive(tuple(sorted(files)), space) if files else ""


def _archive(files: tuple[Path, ...], space: Workspace) -> str:
    state = tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    with _archiving:
        if (state, space.settings.artifacts) not in _archives:
            try:
                _archives[state, space.settings.artifacts] = sources.archive(files, space.artifacts)
            except WorldError as error:
                log.warning("the sources of this run are not kept: %s", error)
                return ""
        return _archives[state, space.settings.artifacts]


@contextmanager
def unbroken(what: str, run_id: str) -> Iterator[None]:
    """Lineage never breaks training: what goes wrong inside is told and left behind."""
    try:
        yield
    except Exception as error:
        log.warning(
            "%s %s was not recorded: %s: %s",
            what,
            run_id,
            type(error).__name__,
            error,
            exc_info=True,
        )


def _keep(found: packages.Packages, space: Workspace) -> None:
    """Put the list of distributions in the store, once a process and store."""
    with _archiving, unbroken("the list of packages", found.digest):
        if (found.digest, space.settings.artifacts) not in _archives:
            _archives[found.digest, space.settings.artifacts] = space.artifacts.write(
                found.to_json()
            )


_archiving = threading.Lock()
_declared: dict[str, tuple[Path, ...]] = {}
#: What this process has put in which artifact store, and under which digest.
_archives: dict[tuple[Any, str], str] = {}
