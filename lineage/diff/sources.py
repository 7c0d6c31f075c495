"""The code of both sides: functions out of the archives of sources, and how they differ."""

from __future__ import annotations

import ast
import difflib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .reading import Reader

#: Labels of a recipe's functions count namesakes: `helper (2)`.
_NAMESAKE = re.compile(r" \(\d+\)$")
_LOCAL = "<locals>"
#: Lines around what differs.
CONTEXT = 3


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The first-party source files that a run's recipe reached."""

    #: Text by name.
    files: Mapping[str, str]

    @cached_property
    def pieces(self) -> dict[str, list[tuple[str, str]]]:
        """By qualified name: every function, class and global of that name, with its file."""
        found: dict[str, list[tuple[str, str]]] = {}
        for file, text in sorted(self.files.items()):
            for name, piece in _pieces(text):
                found.setdefault(name, []).append((file, piece))
        return found


@dataclass(kw_only=True)
class Archives:
    """Archives by their digests, each read once."""

    reader: Reader
    _known: dict[str, Archive | None] = field(default_factory=dict)

    def get(self, digest: str, task: str) -> Archive | None:
        """An archive; None if it was never kept, or is gone."""
        if not digest:
            return None
        if digest not in self._known:
            data = self.reader.bytes(digest, f"the source code of {task}")
            self._known[digest] = None if data is None else _unpacked(data)
        return self._known[digest]


def difference(old: Archive, new: Archive, labels: list[str]) -> str:
    """What differs between two archives as a unified diff.

    Of the functions, classes and globals that `labels` name. If none of them is found, or none
    differs in its text, of the files as wholes.

    Args:
        old: the archive of the old side.
        new: that of the new side.
        labels: as a recipe's `functions` has them, without the argument's name.
    """
    lines: list[str] = []
    for name in dict.fromkeys(_plain(label) for label in labels):
        before, after = old.pieces.get(name, []), new.pieces.get(name, [])
        if [piece for _, piece in before] == [piece for _, piece in after]:
            continue
        places = [f"{file}: {name}" for file, _ in (*before[:1], *after[:1])]
        lines += unified(
            "\n\n".join(piece for _, piece in before),
            "\n\n".join(piece for _, piece in after),
            places[0] if before else "/dev/null",
            places[-1] if after else "/dev/null",
        )
    return "\n".join(lines or _whole(old, new))


def unified(old: str, new: str, old_name: str, new_name: str) -> list[str]:
    """The lines of a unified diff; the other way round, it says the same with other signs."""
    before, after = old.splitlines(), new.splitlines()
    # difflib pairs lines up otherwise the other way round.
    swapped = before > after
    first, second = (after, before) if swapped else (before, after)
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    lines = [f"--- {old_name}", f"+++ {new_name}"]
    for group in matcher.get_grouped_opcodes(CONTEXT):
        turned = [(t, c, d, a, b) if swapped else (t, a, b, c, d) for t, a, b, c, d in group]
        head, tail = turned[0], turned[-1]
        lines.append(f"@@ -{_span(head[1], tail[2])} +{_span(head[3], tail[4])} @@")
        for tag, a, b, c, d in turned:
            if tag == "equal":
                lines += [f" {line}" for line in before[a:b]]
            else:
                lines += [f"-{line}" for line in before[a:b]]
                lines += [f"+{line}" for line in after[c:d]]
    return lines


def _span(start: int, stop: int) -> str:
    length = stop - start
    return f"{start + 1 if length else start},{length}"


def _whole(old: Archive, new: Archive) -> list[str]:
    lines: list[str] = []
    for file in sorted({*old.files, *new.files}):
        before, after = old.files.get(file), new.files.get(file)
        if before != after:
            lines += unified(
                before or "",
                after or "",
                "/dev/null" if before is None else file,
                "/dev/null" if after is None else file,
            )
    return lines


def _plain(label: str) -> str:
    name = _NAMESAKE.sub("", label)
    # A function inside another is shown with the one around it.
    return name.partition(f".{_LOCAL}")[0]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # written for another Python: its file is shown as a whole
    yield from _members(tree.body, text.splitlines(), "")


def _members(body: list[ast.stmt], lines: list[str], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                yield f"{prefix}{node.name}", _cut(lines, first, node.end_lineno)
                if isinstance(node, ast.ClassDef):
                    yield from _members(node.body, lines, f"{prefix}{node.name}.")
            case ast.Assign():
                for target in node.targets:
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            yield f"{prefix}{name.id}", _cut(lines, node.lineno, node.end_lineno)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
                yield f"{prefix}{name}", _cut(lines, node.lineno, node.end_lineno)
            case ast.If() | ast.Try() | ast.With():
                inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
                yield from _members(inner, lines, prefix)


def _cut(lines: list[str], first: int, last: int | None) -> str:
    return "\n".join(lines[first - 1 : last])


def _unpacked(data: bytes) -> Archive:
    files: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is not None:
                files[entry.name] = content.read().decode("utf-8", "replace")
    return Archive(files=files)
