"""What deployments/ says: the stages of its Dockerfile, and the services of its compose.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deployments"
DOCKERFILE, COMPOSE = FOLDER / "Dockerfile", FOLDER / "compose.yaml"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<what>[^}]*))?\}")
_PAIR = re.compile(r'(\w+)=("[^"]*"|\S+)')


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage of a Dockerfile."""

    name: str
    #: The stage or image that it begins with.
    base: str
    #: Instruction and the rest of its line, continued lines joined.
    steps: tuple[tuple[str, str], ...]

    def all(self, instruction: str) -> list[str]:
        """The arguments of all instructions of a kind."""
        return [rest for kind, rest in self.steps if kind == instruction]

    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {
            name: value.strip('"')
            for line in self.all("ENV")
            for name, value in _PAIR.findall(line)
        }


def stages() -> dict[str, Stage]:
    """The stages of the Dockerfile, by name."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    steps = [(kind, rest.strip()) for kind, _, rest in (line.partition(" ") for line in lines)]
    found: dict[str, Stage] = {}
    begins = [place for place, (kind, _) in enumerate(steps) if kind == "FROM"]
    for begin, end in zip(begins, [*begins[1:], len(steps)], strict=True):
        base, _, name = steps[begin][1].partition(" AS ")
        own = tuple(step for step in steps[begin + 1 : end] if step[0])
        found[name] = Stage(name=name, base=base, steps=own)
    return found


def variables() -> dict[str, str]:
    """The variables that compose.yaml asks for, with what each is when it is not set.

    One without which nothing starts has `?` and the message.
    """
    found: dict[str, str] = {}
    for match in _VARIABLE.finditer(COMPOSE.read_text()):
        if match["name"]:
            mark = "?" if match["how"] == "?" else ""
            found.setdefault(match["name"], mark + (match["what"] or ""))
    return found


def compose(values: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with its variables replaced, as Compose replaces them.

    Raises:
        KeyError: one that has to be set is not.
    """

    def value(match: re.Match[str]) -> str:
        if not match["name"]:
            return "$"
        if given := values.get(match["name"]):
            return given
        if match["how"] != "-":
            raise KeyError(match["name"])
        return str(match["what"])

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: replaced(inner) for key, inner in node.items()}
        if isinstance(node, list):
            return [replaced(inner) for inner in node]
        return _VARIABLE.sub(value, node) if isinstance(node, str) else node

    found: dict[str, Any] = replaced(raw())
    return found


def raw() -> dict[str, Any]:
    """compose.yaml as it is written, anchors followed."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found
