"""Arguments of a recorded call, had again from what its recipe shows of them.

What a recipe shows is for people and says less than the value: a tuple reads like a list, a
function like its name, and no dictionary has its order. So a value is guessed, and taken only
if its digest is the recorded one: a wrong guess costs a look, never a wrong argument.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..recipe import Reference

if TYPE_CHECKING:
    from ..modules import Modules

#: By the keys of dictionaries as they are shown: an order that they may have had.
_Order = Mapping[tuple[str, ...], tuple[str, ...]]
#: How a list that is shown may have been written: as itself, a tuple, or a list of tuples,
#: such as the steps of scikit-learn's pipelines.
_Shape = Callable[[list[Any]], Any]
_SHAPES: tuple[_Shape, ...] = (
    lambda items: items,
    tuple,
    lambda items: [tuple(item) if isinstance(item, list) else item for item in items],
)
#: Orders of dictionaries' keys that are tried at most.
_ORDERS = 720
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")


def candidates(name: str, shown: Any, modules: Modules) -> Iterator[Any]:
    """What an argument may have been, the likeliest last.

    Args:
        name: of the parameter.
        shown: its value, as the recipe shows it.
        modules: the archive's.
    """
    for value in modules.held(name):
        yield value
        if isinstance(value, list | tuple):
            yield [*value]
    for order in _orders(shown):
        for shape in _SHAPES:
            yield _plain(shown, shape, order)
        for shape in reversed(_SHAPES):
            try:
                yield _meant(shown, shape, order, modules)
            except Exception:  # a constructor of anybody's may raise anything
                continue


def function(found: Any) -> Callable[..., Any] | None:
    """The plain function behind a task, whoever decorated it; None for what is none."""
    found = getattr(found, "fn", found)  # Prefect's tasks keep theirs there
    found = inspect.unwrap(found) if callable(found) else found
    return found if callable(found) else None


def inputs(read: Mapping[str, Reference]) -> dict[str, Any]:
    """Arguments that are inputs, from what was read under which path.

    Args:
        read: by path among the arguments, `part`, `lookups.weather`, `parts[0]`.

    Raises:
        LookupError: a path leads into something that is neither list nor dictionary.
    """
    root: dict[Any, Any] = {}
    for path, value in sorted(read.items()):
        steps = [int(index) if index else name or key for name, index, key in _STEP.findall(path)]
        if not steps or "".join(m[0] for m in _STEP.finditer(path)) != path:
            raise LookupError(path)
        here = root
        for step in steps[:-1]:
            here = here.setdefault(step, {})
        here[steps[-1]] = value
    return {name: _listed(value) for name, value in root.items()}


def _orders(shown: Any) -> Iterator[_Order]:
    """Orders for the keys of all dictionaries in a value; those of the same keys share one."""
    found: set[tuple[str, ...]] = set()

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if not {"class", "function"} & value.keys():  # what shows an object has no order
                found.add(tuple(value))
            value = [*value.values()]
        if isinstance(value, list):
            for item in value:
                visit(item)

    visit(shown)
    keys = sorted(found)
    if math.prod(math.factorial(len(one)) for one in keys) > _ORDERS:
        yield {}
        return
    for orders in itertools.product(*map(itertools.permutations, keys)):
        yield dict(zip(keys, orders, strict=True))


def _plain(shown: Any, shape: _Shape, order: _Order) -> Any:
    if isinstance(shown, list):
        return shape([_plain(item, shape, order) for item in shown])
    if isinstance(shown, dict):
        keys = order.get(tuple(shown), tuple(shown))
        return {key: _plain(shown[key], shape, order) for key in keys}
    return shown


def _meant(shown: Any, shape: _Shape, order: _Order, modules: Modules) -> Any:
    """With functions and classes for their names, and objects for what shows them."""
    if isinstance(shown, str):
        if shown in _FLOATS:
            return _FLOATS[shown]
        try:
            return modules.named(shown) if "." in shown else shown
        except LookupError:
            return shown
    if isinstance(shown, list):
        return shape([_meant(item, shape, order, modules) for item in shown])
    if not isinstance(shown, dict):
        return shown
    keys = order.get(tuple(shown), tuple(shown))
    parts = {key: _meant(shown[key], shape, order, modules) for key in keys}
    if isinstance(cls := parts.get("class"), type):
        return cls(**{key: part for key, part in parts.items() if key != "class"})
    if callable(parts.get("function")) and isinstance(shown.get("arguments"), list):
        given = {key: part for key, part in parts.items() if key not in ("function", "arguments")}
        return functools.partial(parts["function"], *parts["arguments"], **given)
    return parts


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    parts = {key: _listed(part) for key, part in value.items()}
    if parts and all(isinstance(key, int) for key in parts):
        return [parts[key] for key in sorted(parts)]
    return parts
