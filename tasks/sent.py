"""Values on their way to a worker, and how the worker comes to know the code they are of.

A user's functions travel by name, as pickle has it: their recipes are made from their files,
which a worker reads too. What is sent stays closed on its way, since others open what passes
them (Dask's scheduler does) and have none of the user's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from begat.lineage import provenance, workspace
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import BegatError, PipelineError, SettingsError
from begat.lineage.recipe import running_text

#: Settings that a worker takes from its flow where its own environment says nothing.
_SETTINGS = {
    "BEGAT_HOME": "home",
    "BEGAT_STORE": "store",
    "BEGAT_ARTIFACTS": "artifacts",
    "BEGAT_NAMESPACE": "namespace",
}

_lock = threading.RLock()
#: Digests of first-party files as this process has loaded them from what was sent to it.
_loaded: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Working:
    """Store and artifacts that a flow works with, without passwords."""

    #: By the variable that says it.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: Variables of which a worker has to have the whole by itself, for a password is in it.
    secret: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where code comes from, and what its flow works with."""

    #: The module that defines the pipeline; empty in a script or notebook of no module.
    module: str = ""
    file: str = ""
    #: Folders of modules, in the order of `sys.path`.
    folders: tuple[str, ...] = ()
    #: Digest by first-party file.
    files: Mapping[str, str] = field(default_factory=dict)
    #: The flow run that the files are of.
    flow_run_id: str = ""
    #: What the flow works with; nothing if its blocks say that everywhere.
    working: Working = field(default_factory=Working)

    def settle(self) -> None:
        """Let this process be one where this code can run.

        Raises:
            PipelineError: it has other code, or cannot import it.
            SettingsError: it works with another store, or other artifacts.
        """
        with _lock:
            self._work_with()
            sys.path[:0] = [
                folder
                for folder in self.folders
                if folder not in sys.path and os.path.isdir(folder)
            ]
            self._forget_what_changed()
            self._import()
            if self.flow_run_id:
                provenance.declare_sources(self.flow_run_id, map(Path, self.files))

    def _work_with(self) -> None:
        for name, value in self.working.settings.items():
            if name not in self.working.secret:
                os.environ.setdefault(name, value)
        here = workspace.workspace().settings
        for name in ("BEGAT_STORE", "BEGAT_ARTIFACTS"):
            own = _public(str(getattr(here, _SETTINGS[name])))
            wanted = self.working.settings.get(name, "")
            if wanted and own != wanted:
                raise SettingsError(
                    f"the worker {_here()} has {name}={own}, and its flow {wanted}; "
                    f"start the worker with the flow's {name}"
                )

    def _forget_what_changed(self) -> None:
        """Drop the modules of files that are other than they were when they were imported.

        Raises:
            PipelineError: a file here is not the flow's.
        """
        for file, digest in self.files.items():
            if _digest(file) != digest:
                raise PipelineError(
                    f"the worker {_here()} has another {file} than its flow; "
                    "give both the same code"
                )
        if any(_loaded.get(file, digest) != digest for file, digest in self.files.items()):
            for name, module in list(sys.modules.items()):
                if getattr(module, "__file__", None) in _loaded and name != "__main__":
                    del sys.modules[name]
            importlib.invalidate_caches()
        _loaded.update(self.files)

    def _import(self) -> None:
        if not self.module or self.module in sys.modules:
            return
        try:
            if "." not in self.module and Path(self.file).name != "__init__.py":
                _from_file(self.module, self.file)
            else:
                importlib.import_module(self.module)
        except BegatError:
            raise
        except Exception as error:
            raise PipelineError(
                f"the worker {_here()} cannot import {self.file or self.module} "
                f"({type(error).__name__}: {error}); give it the flow's files and packages"
            ) from error


def origin(
    file: Path | None, *, files: Mapping[str, str] | None = None, flow_run_id: str = ""
) -> Origin:
    """The origin of the pipeline that a file defines, as this process has it.

    Args:
        file: of a module that is imported; none in a notebook.
        files: digest by first-party file.
        flow_run_id: the flow run that is to name them as its sources.
    """
    return Origin(
        module=_module(file),
        file=str(file or ""),
        folders=tuple(_folders()),
        files=files or {},
        flow_run_id=flow_run_id,
    )


def working_here() -> Working:
    """What this process works with, for workers that are not told by blocks."""
    here = workspace.workspace().settings
    found = {name: str(getattr(here, attribute)) for name, attribute in _SETTINGS.items()}
    secret = frozenset(name for name, value in found.items() if _public(value) != value)
    shown = {name: _public(value) for name, value in found.items()}
    return Working(settings=shown, secret=secret)


def digests(files: list[Path]) -> Mapping[str, str]:
    """Digest by file, of the text that runs here: it may have been edited since."""
    return {file: _digest(file, running_text(file)) for file in map(str, files)}


class Sent:
    """A value that Prefect and its task runners pass on without looking into it.

    Args:
        value: what arrives, anything that cloudpickle takes.
        origin: where its code comes from.
    """

    def __init__(self, value: Any, origin: Origin) -> None:
        self.origin = origin
        self.value = value

    @cached_property
    def body(self) -> bytes:
        """The value, pickled."""
        import cloudpickle

        content: bytes = cloudpickle.dumps(self.value)
        return content

    def open(self) -> Any:
        """The value.

        Raises:
            PipelineError: this process has other code than the one that sent it.
            SettingsError: this process works with another store.
        """
        if "value" not in vars(self):
            import cloudpickle

            self.origin.settle()
            self.value = cloudpickle.loads(self.body)
        return self.value

    def __getstate__(self) -> dict[str, Any]:
        return {"origin": self.origin, "body": self.body}


def opened(
    args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of a call with what was sent opened.

    Raises:
        PipelineError: see `Sent.open`.
        SettingsError: see `Sent.open`.
    """
    return tuple(map(_open, args)), {name: _open(value) for name, value in kwargs.items()}


def _open(value: Any) -> Any:
    return value.open() if isinstance(value, Sent) else value


def _module(file: Path | None) -> str:
    """The name that a file was imported by; empty if it is a script's, which pickles by value."""
    if file is None:
        return ""
    names = [
        name
        for name, module in list(sys.modules.items())
        if getattr(module, "__file__", None) == str(file)
    ]
    return "" if "__main__" in names else next(iter(names), "")


def _folders() -> Iterator[str]:
    """Folders on `sys.path` that are no part of Python or its environment."""
    own = (f"{sys.prefix}{os.sep}", f"{sys.base_prefix}{os.sep}")
    for entry in sys.path:
        folder = os.path.abspath(entry or os.getcwd())
        if not folder.startswith(own):
            yield folder


def _from_file(name: str, file: str) -> None:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PipelineError(f"{file} cannot be imported; a pipeline's file is Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _digest(file: str, text: str | None = None) -> str:
    if text is None:
        linecache.checkcache(file)
        text = "".join(linecache.getlines(file))
    return digest_bytes(text.encode(errors="surrogatepass"))


def _public(url: str) -> str:
    """A URL without user, password and options, among which one may be."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _here() -> str:
    return f"{os.getpid()} on {socket.gethostname()}"
