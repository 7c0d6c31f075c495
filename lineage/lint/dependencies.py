"""What a project says that it needs: is it one set of versions, or whatever is newest?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..capture.git import without_credentials
from ..recipe.packages import normalized
from .findings import Finding, found
from .places import place

#: Files that name one version of everything.
LOCKS = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"),
    *("conda-lock.yml", "pixi.lock"),
)
REQUIREMENTS = "requirements.txt"
ENVIRONMENTS = ("environment.yml", "environment.yaml")
_PYPROJECT = "pyproject.toml"
#: Tables of a pyproject.toml that say what is needed; others configure tools.
_NEEDING = ("project", "dependency-groups")
_NEEDING_TOOLS = ("poetry", "pixi")

_NAME = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)", re.ASCII)
_PINNED = re.compile(r"\(?\s*(?:===?)\s*[^\s,*]+\s*\)?")
_GIT = re.compile(r"(?:^|[\s@])(?P<url>git\+[^\s;#]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# `numpy=2.1.0` and `numpy=2.1.0=py313h…`, as `conda env export` writes them.
_CONDA = re.compile(r"[\w.-]+\s*={1,2}\s*[^=*<>,\s]+(=[^\s]+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One thing that is needed, as it is written."""

    text: str
    file: Path
    line: int
    #: Whether conda reads it, to which `numpy=2.1.0` is one version.
    conda: bool = False

    @property
    def name(self) -> str:
        """Normalised name; empty for a bare URL."""
        matched = None if _GIT.match(self.text) else _NAME.match(self.text)
        return normalized(matched["name"]) if matched else ""

    @property
    def branch(self) -> str:
        """The address in git that names no commit; empty if there is none."""
        matched = _GIT.search(self.text)
        if matched is None:
            return ""
        _, _, reference = matched["url"].rpartition("/")[2].partition("@")
        return "" if _COMMIT.fullmatch(reference) else matched["url"]

    @property
    def pinned(self) -> bool:
        """Whether it allows one version only."""
        text = self.text.partition(";")[0]
        if "://" in text:
            return not self.branch
        if self.conda and _CONDA.fullmatch(text):
            return True
        matched = _NAME.match(text)
        return matched is not None and _PINNED.fullmatch(matched["rest"].strip()) is not None


def root(folder: Path) -> Path:
    """The nearest folder, here or above, that says what is needed; else the folder itself."""
    folder = folder.absolute()
    for parent in (folder, *folder.parents):
        if _declares(parent) or any((parent / name).is_file() for name in LOCKS):
            return parent
        if (parent / ".git").exists():  # what lies above belongs to something else
            break
    return folder


def of_folder(folder: Path) -> Iterator[Finding]:
    """What allows other versions tomorrow than today.

    A lock file decides for all; so does a requirements.txt of which every line is pinned.

    Args:
        folder: of the pipeline; what it needs may be said above.
    """
    project = root(folder)
    if any((project / name).is_file() for name in LOCKS):
        return
    written = list(_requirements(project / REQUIREMENTS))
    if written and all(one.pinned for one in written):
        return
    pins = {one.name for one in _constraints(project / REQUIREMENTS) if one.pinned}
    declared = [
        *written,
        *_pyproject(project / _PYPROJECT),
        *(one for name in ENVIRONMENTS for one in _environment(project / name)),
    ]
    if not _declares(project):
        yield found(
            "no-dependencies", "nothing says which packages the pipeline needs", place(folder)
        )
    for one in declared:
        where = place(one.file, one.line)
        if one.branch:
            address = without_credentials(one.branch)
            what = f"{address} names a branch or a tag, which moves on, and no commit"
            yield found("branch-dependency", what, where)
        elif not (one.pinned or one.name in pins):
            what = f"{one.text!r} allows more than one version, and no lock file says which"
            yield found("floating-dependency", what, where)


def _declares(folder: Path) -> bool:
    """Whether a file of the folder says what is needed, if only that nothing is."""
    if any((folder / name).is_file() for name in (REQUIREMENTS, *ENVIRONMENTS)):
        return True
    tables = _tables(folder / _PYPROJECT)
    tools = tables.get("tool", {})
    return any(name in tables for name in _NEEDING) or any(name in tools for name in _NEEDING_TOOLS)


def _tables(path: Path) -> Mapping[str, Any]:
    """A TOML file; empty where it is none, which is told by whatever installs it."""
    import tomllib

    try:
        return tomllib.loads(_text(path))
    except ValueError:
        return {}


def _requirements(path: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Requirement]:
    """The lines of a requirements file, and of those that it includes."""
    for number, text in _lines(path):
        if text.startswith(("-r", "--requirement")):
            other = path.parent / re.split(r"[\s=]+", text, maxsplit=1)[-1].removeprefix("-r")
            if other not in seen:
                yield from _requirements(other, seen | {path, other})
        elif text.startswith(("-e", "--editable")):
            if "git+" in text:
                yield Requirement(text=text.split(maxsplit=1)[1], file=path, line=number)
        elif not text.startswith("-"):
            yield Requirement(text=text, file=path, line=number)


def _constraints(path: Path) -> Iterator[Requirement]:
    for _, text in _lines(path):
        if text.startswith(("-c", "--constraint")):
            yield from _requirements(path.parent / re.split(r"[\s=]+", text, maxsplit=1)[-1])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that say something, joined where they go on, without hashes and comments."""
    whole, first = "", 0
    for number, line in enumerate(_text(path).splitlines(), 1):
        first = first or number
        whole += line.strip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        text = re.sub(r"(^|\s)#.*|\s--hash=\S+", "", whole).strip()
        if text:
            yield first, text
        whole, first = "", 0


def _pyproject(path: Path) -> Iterator[Requirement]:
    data, lines = _tables(path), _text(path).splitlines()
    project, poetry = data.get("project", {}), data.get("tool", {}).get("poetry", {})
    for needed in (
        *project.get("dependencies", ()),
        *(one for extra in project.get("optional-dependencies", {}).values() for one in extra),
    ):
        yield Requirement(text=needed, file=path, line=_line(lines, str(needed)))
    for name, version in poetry.get("dependencies", {}).items():
        if name.lower() != "python":
            needed = _of_poetry(name, version)
            yield Requirement(text=needed, file=path, line=_line(lines, name))


def _of_poetry(name: str, version: Any) -> str:
    """Poetry's table as a requirement: a bare version allows newer ones, as `^` does."""
    if isinstance(version, Mapping):
        if "git" in version:
            reference = next(
                (version[key] for key in ("rev", "tag", "branch") if key in version), ""
            )
            return f"{name} @ git+{version['git']}@{reference}"
        version = version.get("version", "*")
    text = str(version)
    return f"{name} {text if text[:1] in '=<>!~^*' else f'^{text}'}"


def _environment(path: Path) -> Iterator[Requirement]:
    import yaml

    text = _text(path)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    lines = text.splitlines()
    listed = data.get("dependencies") if isinstance(data, dict) else None
    for one in listed or ():
        if isinstance(one, dict):
            for inner in one.get("pip") or ():
                yield Requirement(text=str(inner), file=path, line=_line(lines, str(inner)))
        elif isinstance(one, str) and one != "pip":  # which only says that pip is used
            yield Requirement(text=one, file=path, line=_line(lines, one), conda=True)


def _line(lines: list[str], text: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
