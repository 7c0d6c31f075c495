"""A look at source files: what they open, draw, save and name, without running them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..capture.git import without_credentials
from .findings import Finding, found
from .places import place
from .words import is_absolute, is_latest, is_of_one_user

_READERS = frozenset(
    {
        "open",
        "io.open",
        "codecs.open",
        "gzip.open",
        "bz2.open",
        "lzma.open",
        "urllib.request.urlopen",
    }
    | {"numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "joblib.load"}
    | {"requests.get", "httpx.get", "sqlite3.connect", "torch.load"}
)
#: Of pandas, Polars, PyArrow and whatever else reads tables.
_TABLES = ("read_", "scan_")
_TABLE_LIBRARIES = ("pandas", "polars", "geopandas", "dask.dataframe", "pyarrow", "duckdb")
_OF_PATHS = frozenset({"open", "read_text", "read_bytes"})
_PATHS = ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath")

_SAVERS = frozenset(
    {"joblib.dump", "pickle.dump", "cloudpickle.dump", "dill.dump", "skops.io.dump", "torch.save"}
)
_SAVING = frozenset({"save_model", "save_pretrained", "log_model"})

#: Each makes a generator of the system's entropy if it is given no seed.
_GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.PCG64", "random.Random"}
)
#: No seed helps these.
_ENTROPY = frozenset(
    {"random.SystemRandom", "os.urandom", "uuid.uuid4", "secrets.token_hex", "secrets.randbelow"}
    | {"secrets.choice", "secrets.token_bytes", "secrets.randbits"}
)
_SEEDING = frozenset({"seed", "numpy.random.seed", "random.seed"})
#: Names in these modules that draw nothing by themselves.
_NOT_DRAWN = frozenset({"seed", "Generator", "SeedSequence", "get_state", "set_state", "setstate"})


def of_file(
    path: Path, text: str, *, reached: Collection[str], told: Collection[str] = ()
) -> Iterator[Finding]:
    """What in a source file takes from outside, or leaves there, what begat does not see.

    Args:
        path: of the file.
        text: of it.
        reached: functions and classes that the pipeline runs. Others are looked at only for
            models that they save, and so is what runs as a script.
        told: texts that are judged elsewhere, as the pipeline's own source is.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:  # its import failed, which is told elsewhere
        return
    names = _Names.of(tree)
    for statement in tree.body:
        for finding in _Look(path, names, told).of(statement):
            if finding.code == "unrecorded-model" or _runs(statement, reached):
                yield finding


def _runs(statement: ast.stmt, reached: Collection[str]) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name in reached
    return not (isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test))


@dataclass(frozen=True, slots=True)
class _Names:
    """What names at the top of a file stand for."""

    #: Dotted name of what was imported, by the name that the file has for it.
    imported: dict[str, str] = field(default_factory=dict)
    #: Texts and paths that are constants.
    texts: dict[str, str] = field(default_factory=dict)
    #: Whether the file seeds the generators that all share.
    seeds: bool = False

    @classmethod
    def of(cls, tree: ast.Module) -> _Names:
        imported: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    top = one.name if one.asname else one.name.partition(".")[0]
                    imported[one.asname or top] = top
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    imported[one.asname or one.name] = f"{node.module}.{one.name}"
        names = cls(imported)
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                text = names.text(statement.value)
                if text is not None:
                    names.texts[statement.targets[0].id] = text
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
        return cls(imported, names.texts, any(names.dotted(c.func) in _SEEDING for c in calls))

    def dotted(self, node: ast.expr) -> str:
        """The whole name of what is called: `pandas.read_csv`; `.read_csv` of a value."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            # A variable may have a module's name: `random = default_rng(7)`.
            value = isinstance(node.value, ast.Name) and node.value.id not in self.imported
            before = "" if value else self.dotted(node.value)
            return f"{before}.{node.attr}" if before and before[0] != "." else f".{node.attr}"
        return ""

    def text(self, node: ast.expr) -> str | None:
        """The path that an expression spells, as far as it does; None if it spells none."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self.texts.get(node.id)
        if isinstance(node, ast.JoinedStr):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [self.text(side) for side in (node.left, node.right)]
            return "/".join(part or "{}" for part in parts) if any(parts) else None
        if isinstance(node, ast.Call) and self.dotted(node.func) in _PATHS and node.args:
            return self.text(node.args[0])
        return None


@dataclass(frozen=True, slots=True)
class _Look:
    path: Path
    names: _Names
    told: Collection[str]

    def of(self, statement: ast.stmt) -> Iterator[Finding]:
        sentences = _docstrings(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Constant) and node not in sentences:
                yield from self._constant(node)

    def _found(self, code: str, what: str, node: ast.expr, remedy: str = "") -> Finding:
        return found(code, what, place(self.path, node.lineno), remedy=remedy)

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        name = self.names.dotted(node.func)
        last = name.rpartition(".")[2]
        if (read := self._read(node, name)) is not None:
            yield self._found(
                "undeclared-input", f"{last}() reads {without_credentials(read)!r}", node
            )
            if is_absolute(read) and not is_of_one_user(read):  # those are told by themselves
                what = f"{read!r} is a path of one machine"
                yield self._found("machine-path", what, node)
        if name in _SAVERS or (isinstance(node.func, ast.Attribute) and last in _SAVING):
            what = f"{name.lstrip('.')}() saves what nothing is recorded of"
            yield self._found("unrecorded-model", what, node)
        if why := self._draws(node, name):
            yield self._found("unseeded", f"{name.lstrip('.')}() {why}", node)

    def _read(self, node: ast.Call, name: str) -> str | None:
        """The path that a call opens to read; None if it does not, or does not spell it."""
        module, _, last = name.rpartition(".")
        if last in _OF_PATHS and isinstance(node.func, ast.Attribute) and name not in _READERS:
            path = self.names.text(node.func.value)
            return None if path is None or _writes(node, 0) else path
        table = last.startswith(_TABLES) and module.startswith(_TABLE_LIBRARIES)
        if not (table or name in _READERS):
            return None
        given = [*node.args, *(one.value for one in node.keywords)][:1]
        return None if not given or _writes(node, 1) else self.names.text(given[0])

    def _draws(self, node: ast.Call, name: str) -> str:
        """Why what a call draws differs from run to run; empty if it does not."""
        module, _, last = name.rpartition(".")
        keywords = {one.arg for one in node.keywords}
        if name in _ENTROPY:
            return "draws from the system's entropy, which has no seed"
        if name in _GENERATORS:
            given = [*node.args, *(one.value for one in node.keywords)]
            empty = all(isinstance(one, ast.Constant) and one.value is None for one in given)
            return "has no seed" if empty else ""
        if last in ("train_test_split", "resample", "shuffle") and module.startswith("sklearn."):
            return "" if "random_state" in keywords else "has no random_state"
        if last == "sample" and module not in ("random", "numpy.random"):
            drawn = keywords & {"frac", "n"} and not keywords & {"random_state", "seed"}
            return "has no random_state" if drawn else ""
        if module in ("random", "numpy.random") and last[:1].islower() and last not in _NOT_DRAWN:
            return "" if self.names.seeds else "draws from the generator that all share, unseeded"
        return ""

    def _constant(self, node: ast.Constant) -> Iterator[Finding]:
        if not isinstance(node.value, str) or node.value in self.told:
            return
        text = without_credentials(node.value)
        if is_of_one_user(text) and "\n" not in text:
            yield self._found("machine-path", f"{text!r} is a path of one machine", node)
        if is_latest(text) and _is_reference(text):
            yield self._found("latest", f"{text!r} names whatever is newest", node)


def _is_reference(text: str) -> bool:
    """Whether a text names data, a model or an image, and is no sentence."""
    return " " not in text and any(sign in text for sign in ("/", "@", ":", "."))


def _writes(node: ast.Call, position: int) -> bool:
    """Whether the mode that a file is opened with lets nothing be read."""
    given = [one.value for one in node.keywords if one.arg == "mode"]
    modes = [*given, *node.args[position : position + 1]]
    text = modes[0].value if modes and isinstance(modes[0], ast.Constant) else ""
    return isinstance(text, str) and text[:1] in ("w", "a", "x") and "+" not in text


def _docstrings(statement: ast.stmt) -> set[ast.expr]:
    """Texts that are statements of their own."""
    return {node.value for node in ast.walk(statement) if isinstance(node, ast.Expr)}
