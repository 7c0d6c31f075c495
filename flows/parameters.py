"""Parameters of a pipeline as people write them: KEY=VALUE on a command line, or a YAML file."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from begat.lineage.errors import ParameterError, PipelineError

if TYPE_CHECKING:
    import yaml

    from .pipeline import Pipeline

_WORDS = {"true": True, "false": False, "null": None}
#: What YAML 1.1 takes for a string, and everybody else for a number: 1e-3.
_EXPONENT = r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"
#: Values in a file, each as often as an alias repeats it: a few lines could hold billions.
MOST_VALUES = 100_000


class FromFile(str):
    """`KEY=VALUE` that stands in a file: the same text, the same parameter."""

    __slots__ = ("key", "origin", "value")

    def __new__(cls, key: str, value: Any, *, origin: Path) -> FromFile:
        """Of a parameter, and the file it stands in."""
        made = super().__new__(cls, f"{key}={value!r}")
        made.key, made.value, made.origin = key, value, origin
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, Any], dict[str, Path]]:
        """What copies and pickles are made of."""
        return (self.key, self.value), {"origin": self.origin}

    key: str
    value: Any
    origin: Path


def read(path: Path) -> tuple[FromFile, ...]:
    """The parameters in a YAML file.

    It holds a mapping of steps to mappings of their parameters (`train: {max_iter: 60}`), and
    `seed`.

    Raises:
        ParameterError: it cannot be read, is no such mapping, has a key twice, or aliases that
            repeat more than anybody could have meant.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        given = yaml.load(text, _loader())
    except OSError as error:
        raise ParameterError(
            f"{path} cannot be read ({error.strerror}); name a YAML file of parameters"
        ) from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not UTF-8; write it again") from None
    except yaml.YAMLError as error:
        raise ParameterError(f"{path} cannot be read as YAML ({_reason(error)}); mend it") from None
    except RecursionError:
        raise ParameterError(f"{path} nests too deeply; parameters are lists or dicts") from None
    _check_size(given, path)
    if given is None:
        return ()
    if not isinstance(given, dict):
        raise ParameterError(
            f"{path} holds a {type(given).__name__}; parameters are a mapping, "
            "such as train: {max_iter: 60}"
        )
    found: dict[str, FromFile] = {}
    for key, value in _flat(given, path):
        if key in found:
            raise ParameterError(f"{path} names {key!r} twice; name it once")
        found[key] = FromFile(key, value, origin=path)
    return tuple(found.values())


def apply(pipeline: Pipeline, given: Sequence[str]) -> Pipeline:
    """The pipeline with these parameters; of two for one key the later counts.

    Args:
        pipeline: what they are for.
        given: `KEY=VALUE` as a person wrote them, or from `read`.

    Raises:
        ParameterError: a key is unknown, or a value of the wrong type; one that stands in a
            file is named with it.
    """
    chosen = {key: (value, text) for text in given for key, value in [assignment(text)]}
    for key, (value, text) in chosen.items():
        try:
            pipeline = pipeline.with_parameters({key: value})
        except (ParameterError, PipelineError) as error:
            if isinstance(text, FromFile):
                raise ParameterError(f"{text.origin}: {error}") from None
            raise
    return pipeline


def assignment(text: str) -> tuple[str, Any]:
    """`train.max_iter=60` as a key and a Python value; what is no literal is a string.

    Raises:
        ParameterError: it is no KEY=VALUE, or the value is none that Python can read.
    """
    if isinstance(text, FromFile):
        return text.key, text.value
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ParameterError(f"--set takes KEY=VALUE, such as train.max_iter=60; got {text!r}")
    try:
        return key.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return key.strip(), _WORDS.get(value.strip().lower(), value.strip())
    except (TypeError, MemoryError, RecursionError):
        shown = value if len(value) <= 60 else f"{value[:60]}…"
        raise ParameterError(
            f"--set {key.strip()} takes a number, a word, or a list or dict of them as Python "
            f"writes it, such as [1, 2]; got {shown!r}"
        ) from None


def _check_size(given: object, path: Path) -> None:
    count, waiting = 0, [given]
    while waiting:
        count += 1
        if count > MOST_VALUES:
            raise ParameterError(
                f"{path} holds more than {MOST_VALUES:,} values, or one that holds itself; "
                "mend its aliases"
            )
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple, set)):
            waiting += value


def _flat(given: dict[Any, Any], path: Path) -> Iterator[tuple[str, Any]]:
    for step, value in given.items():
        inner = value if isinstance(value, dict) else {"": value}
        if value is None and step != "seed":
            continue  # a step whose parameters are all commented out
        for name, one in inner.items():
            for key in (step, name):
                if not isinstance(key, str):
                    raise ParameterError(f"{path} has the key {key!r}; parameters have names")
            yield f"{step}.{name}".rstrip("."), one


def _loader() -> type[yaml.SafeLoader]:
    import re

    import yaml

    class Loader(yaml.SafeLoader):
        """YAML that names no key twice, and reads 1e-3 as a number."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                    continue
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"{key.value!r} is there twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

        def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep=deep)
            except ValueError as error:  # a date or a number that there is not
                raise yaml.constructor.ConstructorError(
                    problem=str(error), problem_mark=node.start_mark
                ) from None

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_EXPONENT), "-+0123456789")
    return Loader


def _reason(error: yaml.YAMLError) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f" in line {mark.line + 1}" if mark else ""
    return f"{problem or type(error).__name__}{where}"
