"""What the pipeline that was just loaded rests on, told from what loading it read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from begat.lineage.recipe.party import Parties, Party, is_beside, is_python, is_site

from . import circumstances
from .grounds import Grounds, digests, variable

if TYPE_CHECKING:
    from begat.lineage.workspace import Workspace

    from .seen import Asker, Seen

#: How far the clock that stamps files may be behind: by its tick, or where it counts seconds.
TICK_NS, SECONDS_NS = 50_000_000, 2_000_000_000
#: What Python imports by itself when it starts.
_AT_START = ("sitecustomize", "usercustomize")


class UnsettledError(Exception):
    """Not all that a pipeline rests on can be told, or some of it changed meanwhile."""


def collect(
    seen: Seen,
    *,
    code: Iterable[Path],
    variables: Iterable[str],
    environment: Mapping[str, str],
    started: int,
    path: Iterable[str],
    space: Workspace,
) -> Grounds:
    """What the pipeline that was just loaded rests on.

    Args:
        seen: what loading read.
        code: source files that its functions reach, beside the modules that are loaded.
        variables: names that its functions read.
        environment: as it was before loading.
        started: when loading started, in nanoseconds since 1970.
        path: folders whose names are known to be as they were then.
        space: its cache knows digests.

    Raises:
        UnsettledError: not all of it can be told, or some may have changed since.
    """
    parties = _parties(space)
    if events := _by(parties, seen.unseen):
        raise UnsettledError(f"loading it raised {sorted(events)[0]}")
    names = {*_by(parties, seen.variables), *variables}
    if "" in names:
        raise UnsettledError("loading it read the environment as a whole")
    modules = {*map(_on_disk, (*_modules(parties), *map(str, code)))}
    files = modules | _outside(_by(parties, seen.files), modules)
    known = {os.path.abspath(entry) for entry in path}
    listed = _outside(_by(parties, seen.folders), modules) - known
    folders = {os.path.abspath(entry) for entry in sys.path} | {*map(os.path.dirname, modules)}
    folders = (folders | listed | {*_packages(parties)}) - known
    for file in files:
        _check(file, there=seen.there.get(file, True), started=started)
    for folder in folders:
        _check(folder, there=folder in listed or os.path.exists(folder), started=started)
    there = [file for file in files if os.path.exists(file)]
    return Grounds(
        files=dict.fromkeys(files, "") | digests(there, space),
        folders={f: circumstances.listing(f, space.settings) for f in folders},
        variables={name: variable(environment, name) for name in names},
    )


def first_party(space: Workspace) -> list[str]:
    """Files of the first-party modules that are imported, but for what Python itself imports."""
    at_start = {getattr(sys.modules.get(name), "__file__", None) for name in _AT_START}
    return [file for file in _modules(_parties(space)) if file not in at_start]


def _parties(space: Workspace) -> Parties:
    return Parties(space.settings.first_party)


def _modules(parties: Parties) -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # Most are Python's own, and that is told fastest.
        if name == "__main__" or not isinstance(file, str) or is_python(file):
            continue
        if parties.of(name) is Party.OWN:
            yield os.path.abspath(file)


def _packages(parties: Parties) -> Iterator[str]:
    """Folders that first-party packages look for modules in, also where none is loaded."""
    for name, module in list(sys.modules.items()):
        paths = getattr(module, "__path__", None)
        file = getattr(module, "__file__", None)
        if paths is None or (isinstance(file, str) and is_python(file)):
            continue
        if parties.of(name) is Party.OWN:
            yield from (os.path.abspath(path) for path in paths if isinstance(path, str))


def _by(parties: Parties, seen: Mapping[str, Iterable[Asker]]) -> set[str]:
    """What first-party code read."""
    return {
        what
        for what, askers in seen.items()
        if any(asker.is_one_of(lambda name: parties.of(name) is Party.OWN) for asker in askers)
    }


def _outside(paths: set[str], modules: set[str]) -> set[str]:
    """Those that no version stands for."""
    homes = tuple({f"{os.path.dirname(file)}{os.sep}" for file in modules})
    return {
        path
        for path in paths
        if path.startswith(homes) or not (is_site(path) or is_python(path) or is_beside(path))
    }


def _on_disk(file: str) -> str:
    """The file that a module lies in: an archive, where it is in one."""
    path = os.path.abspath(file)
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path if os.path.isfile(path) else os.path.abspath(file)


def _check(path: str, *, there: bool, started: int) -> None:
    """Refuse what may be other than what was read.

    Raises:
        UnsettledError: it came, went or was written since.
    """
    if os.path.exists(path) != there:
        raise UnsettledError(f"{path} came or went meanwhile")
    # ctime moves with every write, and no writer can set it.
    changed = os.stat(path).st_ctime_ns if there else 0
    if changed > started - (TICK_NS if changed % 1_000_000_000 else SECONDS_NS):
        raise UnsettledError(f"{path} was written meanwhile, or just before")
