"""Names in a piece of syntax: chains of attributes, what is done to them, imports."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: A string as written, or the chain of names that leads to it; None if computed.
Key = str | tuple[str, ...] | None

#: Methods that look up names inside a string, as pandas' do, with what a name looks like
#: there: `query` marks those that are no columns, a module's `eval` does not.
_NAMES_IN = {
    "query": re.compile(r"@([^\W\d]\w*(?:\.[^\W\d]\w*)*)"),
    "eval": re.compile(r"(?<![\w.])([^\W\d]\w*(?:\.[^\W\d]\w*)*)"),
}
#: Keywords of those methods; a method of that name with any other is not one of them.
_KEYWORDS = frozenset(
    {"engine", "expr", "global_dict", "inplace", "level", "local_dict", "parser"}
    | {"resolvers", "target"}
)


@dataclass(frozen=True, slots=True)
class Use:
    """A chain such as `os.environ.get`, and what is done to it."""

    chain: tuple[str, ...]
    #: Read as it is, indexed, called, or looked into (`key in chain`).
    how: Literal["load", "item", "call", "in"] = "load"
    #: Of an item, the first argument of a call, or of what is looked for.
    key: Key = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Expression:
    """A string that a method such as `DataFrame.query` evaluates."""

    method: str
    key: Key
    line: int = 0

    def uses(self, text: str) -> Iterator[Use]:
        """The chains of names in the string."""
        for name in _NAMES_IN[self.method].findall(text):
            yield Use(tuple(name.split(".")), line=self.line)


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import statement binds."""

    bound: str
    module: str
    #: The name imported from it; empty for a plain `import`.
    attribute: str
    #: Dots before a relative one.
    level: int


@dataclass(frozen=True, slots=True)
class Names:
    """All names of a piece of syntax."""

    uses: tuple[Use, ...]
    imports: tuple[Import, ...]
    expressions: tuple[Expression, ...]


def of(node: ast.AST) -> Names:
    """The names in a piece of syntax; of chains the longest."""
    visitor = _Visitor()
    visitor.visit(node)
    return Names(
        uses=tuple(dict.fromkeys(visitor.uses)),
        imports=tuple(dict.fromkeys(visitor.imports)),
        expressions=tuple(dict.fromkeys(visitor.expressions)),
    )


def chain_of(node: ast.AST) -> tuple[str, ...] | None:
    """`a.b.c` as its names; None for what is no chain of plain attributes."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    return (node.id, *reversed(steps)) if isinstance(node, ast.Name) else None


class _Visitor(ast.NodeVisitor):
    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.imports: list[Import] = []
        self.expressions: list[Expression] = []

    def visit_Name(self, node: ast.Name) -> None:
        self.uses.append(Use((node.id,), line=node.lineno))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        if chain is None:
            self.generic_visit(node)
        else:
            self.uses.append(Use(chain, line=node.lineno))

    def visit_Subscript(self, node: ast.Subscript) -> None:
        chain = chain_of(node.value)
        if chain is None:
            self.visit(node.value)
        elif isinstance(node.ctx, ast.Load):
            self.uses.append(Use(chain, "item", _key(node.slice), node.lineno))
        else:  # setting or deleting an item tells nothing of the others
            self.uses.append(Use(chain, "item", "", node.lineno))
        self.visit(node.slice)

    def visit_Call(self, node: ast.Call) -> None:
        chain = chain_of(node.func)
        if chain is None:
            self.visit(node.func)
        else:
            first = node.args[0] if node.args else _keyword(node, "key", "name")
            self.uses.append(Use(chain, "call", _key(first), node.lineno))
        if isinstance(node.func, ast.Attribute) and _evaluates(node.func.attr, node):
            key = _key(node.args[0] if node.args else _keyword(node, "expr"))
            self.expressions.append(Expression(node.func.attr, key, node.lineno))
        for part in (*node.args, *node.keywords):
            self.visit(part)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        self.visit(left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            chain = chain_of(right)
            if chain is not None and isinstance(operator, ast.In | ast.NotIn):
                self.uses.append(Use(chain, "in", _key(left), node.lineno))
            else:
                self.visit(right)
            left = right

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            # `import a.b` binds a, `import a.b as c` binds a.b.
            self.imports.append(Import(bound, alias.name, "" if alias.asname else ".", 0))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name
            self.imports.append(Import(bound, node.module or "", alias.name, node.level))


def _evaluates(method: str, node: ast.Call) -> bool:
    """Whether a call can be one of pandas' `query` and `eval`, which take one expression."""
    keywords = {keyword.arg for keyword in node.keywords}
    given = len(node.args) + ("expr" in keywords)
    return method in _NAMES_IN and given == 1 and keywords <= _KEYWORDS


def _keyword(node: ast.Call, *names: str) -> ast.expr | None:
    return next((k.value for k in node.keywords if k.arg in names), None)


def _key(node: ast.expr | None) -> Key:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        return os.fsdecode(node.value)
    return chain_of(node) if node is not None else None
