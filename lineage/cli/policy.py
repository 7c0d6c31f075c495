"""`begat policy`: the rules that model versions are moved by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from .output import as_json, console, print_json, say, space

if TYPE_CHECKING:
    from ..settings import Settings

#: Where rules come from, as people read it.
PYPROJECT, PIPELINE, DEFAULT = "pyproject.toml", "pipeline", "default"


@click.group()
def policy() -> None:
    """Show or check the rules that model versions are moved by."""


@policy.command()
@click.argument("model", required=False)
@as_json
def show(model: str | None, as_json: bool) -> None:
    """Show the rules that hold for MODEL, or else for every model, and where they come from."""
    from ..registry.policy import WHERE, parse, policy_of
    from ..settings import load

    said: dict[str, str] = {}
    if model is None:
        settings = load()
        found = parse(settings.policy, where=WHERE)
    else:
        from ..registry import current
        from ..registry.policy import own

        place = space()
        settings = place.settings
        with place.store.read() as db:
            current.check_model(db, model)
        found = policy_of(place, model)
        said = dict.fromkeys(own(place.store, model), PIPELINE)
    origin = dict.fromkeys(found.to_json(), DEFAULT) | dict.fromkeys(settings.policy, PYPROJECT)
    origin |= said
    if as_json:
        print_json({"model": model, "policy": found.to_json(), "from": origin})
        return
    _print(found.to_json(), origin)


@policy.command()
@as_json
def check(as_json: bool) -> None:
    """Check the rules in pyproject.toml, and those of every registered model."""
    from ..registry import gates
    from ..registry.policy import WHERE, parse, policy_of
    from ..settings import load

    settings = load()
    checked = {PYPROJECT: parse(settings.policy, where=WHERE)}
    gates.check(checked[PYPROJECT], where=WHERE)
    for model in _models(settings):
        checked[model] = policy_of(space(), model)
        gates.check(checked[model], where=f"the policy of {model}")
    if as_json:
        print_json({"checked": {name: found.to_json() for name, found in checked.items()}})
        return
    for name, found in checked.items():
        count = len(found.gates)
        say(f"the policy of {name} is sound: {count} gate{'' if count == 1 else 's'}")


def _models(settings: Settings) -> list[str]:
    """Registered models; none where nothing is recorded yet."""
    from ..registry import current

    if settings.store.startswith("sqlite") and not settings.home.is_dir():
        return []
    with space().store.read() as db:
        return current.models(db)


def _print(found: Mapping[str, Any], origin: Mapping[str, str]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("rule", "value", "from"):
        table.add_column(heading)
    for key, value in found.items():
        lines = [*_lines(value)] or ["none"]
        table.add_row(key, lines[0], origin[key])
        for line in lines[1:]:
            table.add_row("", line, "")
    console().print(table)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"{key} = {one}" for key, one in value.items())
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for one in value:
            rest = ", ".join(f"{key} = {said}" for key, said in one.items() if key != "gate")
            yield f"{one['gate']}: {rest}" if rest else one["gate"]
    elif isinstance(value, list):
        if value:
            yield ", ".join(value)
    else:
        yield format(value, "g") if isinstance(value, float) else str(value)
