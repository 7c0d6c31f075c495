"""Find the pipeline that a command names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from begat.lineage.errors import BegatError, PipelineError
from begat.lineage.recipe.party import Parties, Party
from begat.tasks.functions import typed

from .pipeline import Pipeline


def load(name: str) -> Pipeline:
    """The pipeline called `name`.

    Args:
        name: `file.py:name`, with that file's folder put first on `sys.path`, or
            `package.module:name`, with the working folder put first on it.

    Raises:
        PipelineError: there is no such file, module or name, importing it fails, or it is
            not a Pipeline.
    """
    where, separator, attribute = name.rpartition(":")
    if not separator or not where or not attribute:
        raise PipelineError(f"{name!r} names no pipeline; give FILE.py:NAME or PACKAGE.MODULE:NAME")
    module = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    found = getattr(module, attribute, None)
    if isinstance(found, Pipeline):
        return found
    others = sorted(key for key, value in vars(module).items() if isinstance(value, Pipeline))
    said = f"name one that it defines: {', '.join(others)}" if others else "define a Pipeline there"
    if found is None:
        raise PipelineError(f"{where} has nothing called {attribute!r}; {said}")
    raise PipelineError(
        f"{attribute!r} in {where} is a {type(found).__qualname__}, not a Pipeline; {said}"
    )


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise PipelineError(f"there is no file {path}; give the path of the pipeline's file")
    path = path.absolute()
    name = path.stem.replace(".", "_")  # a dot would make it a part of a package
    if name in sys.modules and Parties().of(name) is not Party.OWN:
        raise PipelineError(f"{path} would take the place of the module {name!r}; rename the file")
    _put_first(path.parent)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PipelineError(f"{path} cannot be imported; a pipeline's file is Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        _refuse(str(path), error, folder=path.parent)
        raise
    return module


def _from_module(name: str) -> ModuleType:
    _put_first(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise PipelineError(
                f"there is no module {name!r} here or on the path; "
                "run from the project's folder, or give FILE.py:NAME"
            ) from None
        _refuse(name, error, folder=Path.cwd())
        raise
    except BaseException as error:
        _refuse(name, error, folder=Path.cwd())
        raise


def _put_first(folder: Path) -> None:
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _refuse(name: str, error: BaseException, *, folder: Path) -> None:
    """Say where importing a pipeline failed; what begat says itself, and Ctrl-C, stay as they are.

    Raises:
        PipelineError: names the deepest line of the user's own code.
    """
    if isinstance(error, (BegatError, KeyboardInterrupt)):
        return
    calls = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [
        call for call in calls if call[0].startswith(f"{folder}/") and "-packages/" not in call[0]
    ]
    file, line = (own or calls)[-1]
    if isinstance(error, SyntaxError):
        file, line = error.filename or file, error.lineno
    raise PipelineError(
        f"importing {name} fails at {file}:{line}: {typed(error)}; mend it there"
    ) from error
