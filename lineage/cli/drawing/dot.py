"""DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import Drawing, Kind, Mark, Node
from .letters import clean

_SHAPES: Final[Mapping[Kind, Mapping[str, str]]] = {
    "source": {"shape": "cylinder"},
    "data": {"shape": "note"},
    "task": {"shape": "box", "style": "rounded,filled", "fillcolor": "#ddf4ff"},
    "model": {"shape": "box3d", "style": "filled", "fillcolor": "#dafbe1"},
}
_MARKS: Final[Mapping[Mark, Mapping[str, str]]] = {
    "failed": {"fillcolor": "#ffebe9", "color": "#cf222e", "penwidth": "2.5"},
    "stale": {"fillcolor": "#fff8c5", "color": "#9a6700", "penwidth": "2.5"},
    "pending": {"style": "rounded,dashed", "color": "#9a6700", "penwidth": "1.5"},
    "reused": {"fillcolor": "#f6f8fa", "color": "#57606a", "fontcolor": "#57606a"},
}


def render(drawing: Drawing) -> str:
    """The drawing as a directed graph, from top to bottom."""
    ids = drawing.ids
    said = "\\n".join(filter(None, (escaped(drawing.title), escaped(drawing.subtitle))))
    lines = [
        "digraph begat {",
        '    graph [charset="UTF-8", rankdir="TB", fontname="sans-serif", labelloc="t",',
        f'        label="{said}"];',
        '    node [fontname="sans-serif", fontsize="12"];',
        '    edge [fontname="sans-serif", fontsize="10", color="#57606a"];',
        *(f"    {ids[node.key]} [{_attributes(node)}];" for node in drawing.nodes),
    ]
    for edge in drawing.edges:
        label = f' [label="{escaped(edge.label)}"]' if clean(edge.label) else ""
        lines.append(f"    {ids[edge.source]} -> {ids[edge.target]}{label};")
    return "\n".join([*lines, "}", ""])


def escaped(text: str) -> str:
    r"""Text between double quotes, whatever it holds.

    >>> print(escaped('a "b" \\N &lt;'))
    a \"b\" \\N &amp;lt;
    """
    # Graphviz reads entities of HTML in all labels, and \N as the name of the node.
    text = clean(text)
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("&", "&amp;")):
        text = text.replace(character, written)
    return text


def _attributes(node: Node) -> str:
    label = "\\n".join(map(escaped, (node.name, *node.said)))
    chosen = {**_SHAPES[node.kind], **(_MARKS[node.mark] if node.mark else {})}
    if node.many > 1 and node.kind != "source":  # two drums in one look like a mistake
        chosen["peripheries"] = "2"
    return ", ".join(f'{key}="{value}"' for key, value in {"label": label, **chosen}.items())
