"""What events say about code and machine: captured once, told in every run."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import SettingsError
from .events import facets
from .events.sealed import Sealed
from .workspace import Workspace, workspace

if TYPE_CHECKING:
    from .capture import git, hardware, image
    from .records import DatasetVersion

log = logging.getLogger("begat")

#: The orchestrator's job variables, where an adapter has handed them in: an image may be in them.
_job_variables: dict[str, Any] = {}
#: Files that flow runs declared as their sources, until they end.
_declared: dict[str, tuple[Path, ...]] = {}
#: What this process has put in which artifact store, and under which digest.
_kept: dict[tuple[Any, str], str] = {}
_keeping = threading.Lock()


def use_job_variables(variables: Mapping[str, Any]) -> None:
    """Take what the deployment says about the process it started (its image)."""
    _job_variables.update(variables)


def environment(*, inline: bool = False) -> Mapping[str, Any]:
    """Run facets about packages, Python, image and hardware of this process.

    Args:
        inline: name every distribution in the event, beside the digest of the list.
    """
    # Imported here: a flow run that has nothing to do tells the commit only.
    from .capture import hardware, image, packages

    space = workspace()
    found = packages.capture()
    _keep(found.digest, lambda: space.artifacts.write(found.to_json()), space)
    return _machine(image.capture(space.settings, _job_variables), hardware.capture(), inline)


@functools.cache
def _machine(given: image.Image, machine: hardware.Hardware, inline: bool) -> Mapping[str, Any]:
    from .capture import packages

    return {
        "begat_packages": Sealed(packages.capture().to_facet(inline=inline)),
        "begat_image": Sealed(given.to_facet()),
        "begat_hardware": Sealed(machine.to_facet()),
    }


@functools.lru_cache(maxsize=256)
def commit(flow_run_id: str) -> git.Git:
    """The commit that the working folder is at, looked up once a flow run."""
    from .capture import git

    del flow_run_id  # the key of the cache: what is checked out may change between flow runs
    return git.capture(Path.cwd())


@functools.lru_cache(maxsize=256)
def code_facets(found: git.Git) -> Mapping[str, Any]:
    """Job facets about the code."""
    return {"sourceCodeLocation": Sealed(found.to_facet())}


def query_facets(read: Iterable[DatasetVersion]) -> Mapping[str, Any]:
    """Job facets about the databases that what was read came from; none if none did."""
    asked = dict.fromkeys(
        (version.query, version.namespace.partition("://")[0]) for version in read if version.query
    )
    if not asked:
        return {}
    dialects = {dialect for _, dialect in asked}
    dialect = dialects.pop() if len(dialects) == 1 else ""
    return {"sql": Sealed(facets.sql((query for query, _ in asked), dialect=dialect))}


def declare_sources(flow_run_id: str, files: Iterable[Path]) -> None:
    """Keep `files` with every run of a flow run, beside those that its recipe reached."""
    _declared[flow_run_id] = tuple(files)


def sources_of(flow_run_id: str, reached: tuple[Path, ...], space: Workspace) -> str:
    """Digest of the archive of a run's sources; empty if there are none, or it was not stored."""
    from .capture import sources
    from .recipe import running_text

    files = tuple(sorted({*_declared.get(flow_run_id, ()), *reached}))
    try:
        found = [(path, path.stat()) for path in files]
    except OSError as error:
        space.warn(f"the sources of runs are not kept: {error}")
        return ""
    # Code that was edited since it was loaded is kept as it runs.
    state = tuple(
        (path, stat.st_mtime_ns, stat.st_size, hash(running_text(str(path))))
        for path, stat in found
    )

    def write() -> str:
        return sources.archive(files, space.artifacts, running=running_text)

    return _keep(state, write, space) if files else ""


def flow_ended(flow_run_id: str) -> None:
    """Forget what was declared for a flow run."""
    _declared.pop(flow_run_id, None)


@contextmanager
def unbroken(what: str) -> Iterator[None]:
    """Lineage never breaks training: what goes wrong inside is told and left behind.

    Args:
        what: the thing that is tried, `recording the start of run …`.
    """
    try:
        yield
    except Exception as error:
        log.warning("%s failed: %s: %s", what, type(error).__name__, error, exc_info=True)


def _keep(what: Any, write: Callable[[], str], space: Workspace) -> str:
    """Put something in the artifact store, once a process and store; its digest, empty if lost."""
    key = (what, space.settings.artifacts)
    with _keeping:
        if key not in _kept:
            try:
                _kept[key] = write()
            except SettingsError:  # no home at all, and recording the run says so
                return ""
            except Exception as error:
                space.warn(f"neither sources nor the list of packages can be kept: {error}")
                return ""
        return _kept[key]
