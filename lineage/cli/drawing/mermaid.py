"""Mermaid: what GitHub, GitLab and many editors draw inside Markdown."""

from __future__ import annotations

import re
from typing import Final

from . import Drawing, Node
from .letters import clean

#: All else is written as a number, so that no name can end its quotes, begin a directive or
#: a link, or be taken for Markdown.
_PLAIN: Final = re.compile(r"[^\w ,./=@+(){}\[\]…-]|[+-](?=\s)|(?<![^\W_])_|_(?![^\W_])")
_SHAPES: Final = {
    "source": ('[("', '")]'),
    "data": ('("', '")'),
    "task": ('["', '"]'),
    "tasks": ('[["', '"]]'),
    "model": ('{{"', '"}}'),
}
#: Legible on light and dark pages, since each brings its own paper and ink.
_CLASSES: Final = {
    "failed": "fill:#ffebe9,stroke:#cf222e,stroke-width:3px,color:#1b1f24",
    "stale": "fill:#fff8c5,stroke:#9a6700,stroke-width:3px,color:#1b1f24",
    "pending": "fill:#ffffff,stroke:#9a6700,stroke-width:2px,stroke-dasharray:5 4,color:#1b1f24",
    "reused": "fill:#f6f8fa,stroke:#57606a,color:#57606a",
}


def render(drawing: Drawing) -> str:
    """The drawing as a Mermaid flowchart, from top to bottom."""
    ids = drawing.ids
    lines = ["flowchart TD", *(f"    {ids[node.key]}{_box(node)}" for node in drawing.nodes)]
    for edge in drawing.edges:
        label = f'|"{escaped(edge.label)}"|' if clean(edge.label) else ""
        lines.append(f"    {ids[edge.source]} -->{label} {ids[edge.target]}")
    for mark, style in _CLASSES.items():
        if marked := [ids[node.key] for node in drawing.nodes if node.mark == mark]:
            lines += [f"    classDef {mark} {style}", f"    class {','.join(marked)} {mark}"]
    return "\n".join([*map(_readable, lines), ""])


def escaped(text: str) -> str:
    """Text between double quotes, whatever it holds.

    >>> escaped('say "#1"; <b>')
    'say #34;#35;1#34;#59; #60;b#62;'
    """
    plain = _PLAIN.sub(lambda found: f"#{ord(found[0])};", clean(text))
    # A number and a full stop at the beginning would be a list.
    return re.sub(r"^(\d+)\.", r"\1#46;", plain) or "#160;"  # quotes around nothing are refused


def _readable(line: str) -> str:
    # Mermaid takes the last semicolon off a line that looks like a style with a colour to it.
    return line if re.search("style|classDef", line) else line.replace("#58;", ":")


def _box(node: Node) -> str:
    many = node.kind == "task" and node.many > 1
    before, behind = _SHAPES["tasks" if many else node.kind]
    return before + "<br/>".join(map(escaped, (node.name, *node.said))) + behind
