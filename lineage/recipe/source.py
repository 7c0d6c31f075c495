"""What the source of a function or class says: its syntax, and the names it uses.

A file may have been edited since it was imported. So a syntax tree stands for a
function only if it compiles to the very code that runs; else, and where there is
no source, the code object stands for itself.
"""

from __future__ import annotations

import ast
import linecache
import opcode
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from . import hidden, uses
from .party import RUNNERS
from .uses import Expression, Import, Use

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_PLAIN_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # notebooks have it; nothing else is changed by it
#: How often a text is parsed when Python itself errs.
_ATTEMPTS = 20

_LOAD_GLOBAL, _EXTENDED = opcode.opmap["LOAD_GLOBAL"], opcode.opmap["EXTENDED_ARG"]
_GLOBALS = frozenset(
    opcode.opmap[name]
    for name in (
        *("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME"),
        "LOAD_FROM_DICT_OR_GLOBALS",  # since Python 3.12
    )
    if name in opcode.opmap
)
#: Flags that say what kind of function it is; above them, what its file imports from __future__.
_KINDS = 0xFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What determines a function or class, as far as its own text says."""

    #: The syntax tree as text, or the code object's parts.
    syntax: bytes
    #: Names that its code loads, with what is done to them.
    uses: tuple[Use, ...] = ()
    #: Names in annotations, decorators and base classes.
    mentions: tuple[Use, ...] = ()
    #: Imports inside its body.
    imports: tuple[Import, ...] = ()
    #: Strings that its body evaluates.
    expressions: tuple[Expression, ...] = ()
    #: Names that are its own, or those of what is nested in it.
    locals: frozenset[str] = frozenset()
    #: Whether its source was found.
    sourced: bool = True
    #: The file it is written in; empty for none.
    file: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """A parsed file, its functions by qualified name and its classes likewise."""

    text: str
    tree: ast.Module
    functions: Mapping[str, list[tuple[CodeType, Function]]]
    classes: Mapping[str, list[ast.ClassDef]]
    #: Facts of classes, by what was asked.
    facts: dict[object, Facts] = field(default_factory=dict)


@dataclass(slots=True)
class _Cache:
    """By identity: two equal code objects can stand for texts with other annotations."""

    files: dict[str, _File | None] = field(default_factory=dict)
    #: The text by file that the running code was last seen to be compiled from.
    running: dict[str, str] = field(default_factory=dict)
    facts: dict[int, tuple[CodeType, Facts]] = field(default_factory=dict)


_cache = _Cache()


def running_text(file: str) -> str | None:
    """The text that the running code of a file was compiled from, as far as a recipe saw it.

    It may have been edited since; None where no function of it was looked at.
    """
    return _cache.running.get(file)


def of_function(code: CodeType, namespace: dict[str, Any]) -> Facts:
    """The facts of the function with this code and these globals; kept for the process."""
    known = _cache.facts.get(id(code))
    if known is None:
        known = _cache.facts[id(code)] = (code, _facts(code, namespace))
    return known[1]


def of_class(
    qualname: str,
    file: str,
    namespace: dict[str, Any],
    methods: frozenset[str],
    lines: frozenset[int],
) -> Facts | None:
    """The facts of a class without these methods; None where its text is not found.

    Args:
        qualname: its `__qualname__`.
        file: the file it is written in.
        namespace: the globals of its module.
        methods: names whose functions are looked at by themselves.
        lines: lines that are known to be inside it, to tell it from others of its name.
    """
    parsed = _file(file, namespace)
    if parsed is None or qualname not in parsed.classes:
        return None
    asked = (qualname, methods, lines)
    if asked not in parsed.facts:
        node = _without(methods, _containing(lines, parsed.classes[qualname]))
        parsed.facts[asked] = Facts(syntax=_dump(node), mentions=uses.of(node).uses, file=file)
    return parsed.facts[asked]


def _containing(lines: frozenset[int], found: list[ast.ClassDef]) -> ast.ClassDef:
    inside = (c for c in found if any(c.lineno <= n <= (c.end_lineno or 0) for n in lines))
    return next(inside, found[-1])


def _without(methods: frozenset[str], node: ast.ClassDef) -> ast.ClassDef:
    body = [
        part
        for part in node.body
        if not (isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in methods)
    ]
    return ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": body})


def of_module(file: str, namespace: dict[str, Any]) -> Facts | None:
    """The facts of a whole module; None where its text is not found."""
    parsed = _file(file, namespace)
    return Facts(syntax=_dump(parsed.tree), file=file) if parsed else None


def code_parts(code: CodeType) -> tuple[Any, ...]:
    """All of a code object that running it depends on: no file, line or column."""
    return (
        code.co_qualname,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags & _KINDS,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_exceptiontable,
        tuple(
            code_parts(const) if isinstance(const, CodeType) else const for const in code.co_consts
        ),
    )


def same_code(a: CodeType, b: CodeType) -> bool:
    """Whether two code objects run alike, wherever they were written."""
    return bool(_frozen(code_parts(a)) == _frozen(code_parts(b)))


def _facts(code: CodeType, namespace: dict[str, Any]) -> Facts:
    node = _node(code, namespace)
    loaded = _loaded(code)
    if node is None:
        return _sourceless(code, namespace, loaded)
    bare, around = _bare(node, namespace)
    inner = uses.of(bare)
    bound = {imported.bound for imported in inner.imports}
    return Facts(
        syntax=_dump(bare),
        uses=tuple(use for use in inner.uses if use.chain[0] in loaded or use.chain[0] in bound),
        mentions=tuple(use for part in around for use in uses.of(part).uses),
        imports=inner.imports,
        expressions=inner.expressions,
        locals=frozenset().union(*(c.co_varnames + c.co_cellvars for c in _codes(code))),
        file=code.co_filename,
    )


def _sourceless(code: CodeType, namespace: dict[str, Any], loaded: frozenset[str]) -> Facts:
    """The facts of a code object alone: which of a module's names it uses, it does not say."""
    known = sorted(loaded & {*namespace, *code.co_freevars, *hidden.BUILTINS})
    attributes = {name for inner in _codes(code) for name in inner.co_names}
    chains: list[tuple[str, ...]] = [(name,) for name in known if namespace.get(name) is not os]
    for name in known:
        steps = hidden.inside(namespace.get(name))
        chains += [(name, step) for step in sorted(steps & attributes)]
    return Facts(
        syntax=repr(_frozen(code_parts(code))).encode("utf-8", "backslashreplace"),
        uses=tuple(Use(chain) for chain in chains),
        imports=tuple(
            Import(bound=name, module=name, attribute="", level=0) for name in _imported(code)
        ),
        sourced=False,
    )


def _bare(node: Function, namespace: dict[str, Any]) -> tuple[Function, list[ast.expr]]:
    """A function without what its definition evaluated: and that, apart.

    Defaults are left out altogether, being digested by their values.
    """
    fields = dict(ast.iter_fields(node))
    arguments = ast.arguments(
        **{**dict(ast.iter_fields(node.args)), "defaults": [], "kw_defaults": []}
    )
    fields["args"] = arguments
    if isinstance(node, ast.Lambda):
        return ast.Lambda(**fields), []
    decorators = [d for d in node.decorator_list if not _runs(d, namespace)]
    fields["decorator_list"] = decorators
    annotated = [a.annotation for a in ast.walk(arguments) if isinstance(a, ast.arg)]
    around = [part for part in (*decorators, *annotated, node.returns) if part is not None]
    return type(node)(**fields), around


def _runs(decorator: ast.expr, namespace: dict[str, Any]) -> bool:
    """Whether a decorator is an orchestrator's, or begat's."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    chain = uses.chain_of(called)
    if chain is None:
        return False
    root = namespace.get(chain[0])
    module = getattr(root, "__module__", None) or getattr(root, "__name__", None)
    if not isinstance(module, str):
        module = type(root).__module__
    return module.partition(".")[0] in RUNNERS


def _node(code: CodeType, namespace: dict[str, Any]) -> Function | None:
    parsed = _file(code.co_filename, namespace)
    if parsed is None:
        return None
    found = parsed.functions.get(code.co_qualname, ())
    node = next((node for known, node in found if same_code(known, code)), None)
    if node is not None:
        _cache.running[code.co_filename] = parsed.text
    return node


def _file(file: str, namespace: dict[str, Any]) -> _File | None:
    """The parsed file, parsed anew if its text is another than last time."""
    text = _text(file, namespace)
    known = _cache.files.get(file)
    if known is not None and known.text == text:
        return known
    parsed = _cache.files[file] = _parse(text) if text else None
    return parsed


def _text(file: str, namespace: dict[str, Any]) -> str:
    linecache.checkcache(file)
    return "".join(linecache.getlines(file, namespace))


def _parse(text: str) -> _File | None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _parsed(text)
        except (SyntaxError, ValueError, RecursionError):
            return None
        except SystemError:
            # Python 3.11 counts the depth of syntax trees for all threads together, and one that
            # is converted at the same time makes it err: https://github.com/python/cpython/issues/106905
            if attempt == _ATTEMPTS:
                raise
    return None


def _parsed(text: str) -> _File:
    tree = compile(text, "<recipe>", "exec", _PLAIN_FLAGS | ast.PyCF_ONLY_AST, True)
    module = compile(tree, "<recipe>", "exec", _PLAIN_FLAGS, True)
    nodes = _number(tree)
    numbered = compile(tree, "<recipe>", "exec", _PLAIN_FLAGS, True)
    functions: dict[str, list[tuple[CodeType, Function]]] = {}
    for code, twin in _twins(module, numbered):
        number = twin.co_firstlineno
        if number in nodes and code.co_name == getattr(nodes[number], "name", "<lambda>"):
            functions.setdefault(code.co_qualname, []).append((code, nodes[number]))
    _WithoutText().visit(tree)  # after compiling: the code that runs has its docstrings
    classes: dict[str, list[ast.ClassDef]] = {}
    _collect_classes(tree, "", classes)
    return _File(text, tree, functions, classes)


def _number(tree: ast.Module) -> dict[int, Function]:
    """Give each function a line of its own, which its code object will then name.

    Nothing else would tell apart two lambdas written on one line. That code is not the
    code that runs, though: where lines change, compilers leave marks.
    """
    nodes: dict[int, Function] = {}
    first = 1 + max((getattr(node, "end_lineno", 0) or 0 for node in ast.walk(tree)), default=0)
    for number, node in enumerate(ast.walk(tree), first):
        if isinstance(node, Function):
            decorators = getattr(node, "decorator_list", [])
            nodes[number] = node
            for place in (node, *decorators[:1]):
                place.lineno = place.end_lineno = number
                place.col_offset = place.end_col_offset = 0
    return nodes


def _twins(a: CodeType, b: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The code objects of two compilations of one text, in pairs."""
    yield a, b
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (a, b)]
    if len(inner[0]) == len(inner[1]):  # else equal ones were merged: no telling which is which
        for pair in zip(*inner, strict=True):
            yield from _twins(*pair)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


def _collect_classes(node: ast.AST, prefix: str, found: dict[str, list[ast.ClassDef]]) -> None:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.ClassDef):
            found.setdefault(prefix + child.name, []).append(child)
            inner = f"{prefix}{child.name}."
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{prefix}{child.name}.<locals>."
        _collect_classes(child, inner, found)


def _loaded(code: CodeType) -> frozenset[str]:
    """Names that a function, with what is nested in it, takes from outside."""
    return frozenset(code.co_freevars).union(*map(_globals, _codes(code)))


def _globals(code: CodeType) -> set[str]:
    """Names of the globals in one code object.

    Two bytes an instruction; the argument's upper bytes are in instructions before it,
    and the lowest bit of LOAD_GLOBAL's is a flag.
    """
    found, argument = set(), 0
    for operation, byte in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument = argument << 8 | byte
        if operation == _EXTENDED:
            continue
        if operation in _GLOBALS:
            index = argument >> 1 if operation == _LOAD_GLOBAL else argument
            found.add(code.co_names[index])
        argument = 0
    return found


def _imported(code: CodeType) -> list[str]:
    """Modules that a function without source imports."""
    import dis

    found = {
        instruction.argval
        for inner in _codes(code)
        for instruction in dis.get_instructions(inner)
        if instruction.opname == "IMPORT_NAME"
    }
    return sorted(found)


class _WithoutText(ast.NodeTransformer):
    """Drops string statements: docstrings, and others that say and do nothing."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        self.generic_visit(node)
        return node


def _dump(node: ast.AST) -> bytes:
    return ast.dump(node).encode("utf-8", "backslashreplace")


def _frozen(value: Any) -> Any:
    """A constant as its type and text, sets in order: what equal constants have equal."""
    if isinstance(value, tuple):
        return tuple(_frozen(part) for part in value)
    if isinstance(value, frozenset):
        return ("frozenset", tuple(sorted(repr(_frozen(part)) for part in value)))
    return (type(value).__name__, repr(value))
