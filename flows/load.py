"""Find the pipeline that a command names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from begat.lineage.errors import BegatError, PipelineError

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
    said = f"it has {', '.join(others)}" if others else "it defines no Pipeline"
    if found is None:
        raise PipelineError(f"{where} has nothing called {attribute!r}; {said}")
    raise PipelineError(
        f"{attribute!r} in {where} is a {type(found).__qualname__}, not a Pipeline; {said}"
    )


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise PipelineError(f"there is no file {path}; give the path of the pipeline's file")
    path = path.absolute()
    _put_first(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise PipelineError(f"{path} cannot be imported; a pipeline's file is Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BegatError:
        raise
    except Exception as error:
        del sys.modules[path.stem]
        raise _broken(str(path), error) from error
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
        raise _broken(name, error) from error
    except BegatError:
        raise
    except Exception as error:
        raise _broken(name, error) from error


def _put_first(folder: Path) -> None:
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _broken(name: str, error: Exception) -> PipelineError:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename}:{last.lineno}"
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    return PipelineError(
        f"importing {name} fails at {where}: {type(error).__name__}: {error}; mend it there"
    )
