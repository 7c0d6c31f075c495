"""Environment markers of requirements: does this one count here?

The grammar and the meaning are those of the dependency specifiers specification
(https://packaging.python.org/en/latest/specifications/dependency-specifiers/).
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from functools import cache

_TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])|(?P<text>"[^"]*"|'[^']*')"""
    r"""|(?P<op>===|~=|==|!=|<=|>=|<|>|not\s+in\b|in\b)|(?P<word>[a-zA-Z_][\w.]*))""",
)


def holds(marker: str, *, extra: str = "") -> bool:
    """Whether a marker holds on this machine, in this Python, with this extra.

    One that cannot be read holds: a version too many in a recipe is better than one too few.

    >>> holds('python_version >= "3" and extra != "test"')
    True
    >>> holds('sys_platform == "win32" or extra == "test"', extra="test")
    True
    """
    if not marker.strip():
        return True
    try:
        tokens = [(m.lastgroup or "", m.group().strip()) for m in _tokens(marker)]
        return _Parser(tokens, {**_environment(), "extra": extra}).expression()
    except (ValueError, IndexError, KeyError):
        return True


def _tokens(marker: str) -> Iterator[re.Match[str]]:
    end = 0
    marker = marker.strip()
    while end < len(marker):
        match = _TOKEN.match(marker, end)
        if match is None:
            raise ValueError(marker)
        yield match
        end = match.end()


class _Parser:
    """`or` of `and` of comparisons, in parentheses where they are."""

    def __init__(self, tokens: list[tuple[str, str]], environment: dict[str, str]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._environment = environment
        self._at = 0

    def expression(self) -> bool:
        value = self._either()
        if self._tokens[self._at][0] != "end":
            raise ValueError(self._tokens[self._at])
        return value

    def _either(self) -> bool:
        value = self._both()
        while self._taken("or"):
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._taken("and"):
            value = self._one() and value
        return value

    def _one(self) -> bool:
        if self._taken("("):
            value = self._either()
            if not self._taken(")"):
                raise ValueError("parenthesis")
            return value
        (left, name), operator, (right, other) = self._side(), self._next()[1], self._side()
        return _compare(left, re.sub(r"\s+", " ", operator), right, name or other)

    def _side(self) -> tuple[str, str]:
        """A value, and the variable it comes from."""
        kind, token = self._next()
        if kind == "text":
            return token[1:-1], ""
        return self._environment[token], token

    def _next(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, token: str) -> bool:
        if self._tokens[self._at] in {("word", token), ("paren", token)}:
            self._at += 1
            return True
        return False


def _compare(left: str, operator: str, right: str, variable: str) -> bool:
    if operator in {"in", "not in"}:
        return (left in right) == (operator == "in")
    if variable == "extra":
        left, right = (re.sub(r"[-_.]+", "-", side).lower() for side in (left, right))
    if "version" not in variable or operator == "===":
        return (left != right) if operator == "!=" else (left == right)
    if right.endswith(".*"):
        prefix = right[:-2].split(".")
        return (left.split(".")[: len(prefix)] == prefix) == (operator == "==")
    a, b = _release(left), _release(right)
    if operator == "~=":
        kept = max(len(right.split(".")) - 1, 1)
        return a >= b and a[:kept] == b[:kept]
    return {
        "==": a == b,
        "!=": a != b,
        "<": a < b,
        "<=": a <= b,
        ">": a > b,
        ">=": a >= b,
    }[operator]


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[a-z+]", version.lower())[0])]
    return tuple([*numbers, 0, 0, 0, 0][:4])


@cache
def _environment() -> dict[str, str]:
    implementation = sys.implementation.version
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": ".".join(map(str, implementation[:3])),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }
