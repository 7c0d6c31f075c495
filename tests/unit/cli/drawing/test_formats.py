"""Every format takes any name, and says all there is."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given

from begat.lineage.cli.drawing import Drawing, Edge, Node, letters, render, text
from support.drawings import SPITEFUL, drawings

FORMATS = ("text", "mermaid", "dot", "svg")
SVG = "{http://www.w3.org/2000/svg}"
SAFE_TAGS = {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
SHAPES = (('[("', '")]'), ('[["', '"]]'), ('{{"', '"}}'), ('["', '"]'), ('("', '")'))
PIPELINE = Drawing(
    title="delays",
    subtitle="2 stale",
    nodes=(
        Node(key="s", kind="source", name="lake/{month}.csv", many=3),
        Node(key="w", kind="source", name="weather.csv"),
        Node(key="p", kind="task", name="prepare", many=3, marks={"stale": 1, "reused": 2}),
        Node(key="t", kind="task", name="train", marks={"pending": 1}, lines=("Tree",)),
        Node(key="e", kind="task", name="evaluate", marks={"pending": 1}),
        Node(key="m", kind="model", name="delays@2"),
    ),
    edges=(
        Edge(source="s", target="p"),
        Edge(source="w", target="p"),
        Edge(source="p", target="t", label="2 partitions"),
        Edge(source="p", target="e", label="held out"),
        Edge(source="t", target="e"),
        Edge(source="t", target="m"),
        Edge(source="e", target="m"),
    ),
)


def said(node: Node) -> list[str]:
    """What is written into its box, line by line."""
    return [letters.clean(line) for line in (node.name, *node.said)]


# Well-formed, whatever is in it


@given(drawings())
def test_svg_is_xml_and_nothing_but_a_picture(drawing: Drawing) -> None:
    """Each node is one group that says all of it; no name becomes an element or a script."""
    root = ElementTree.fromstring(render(drawing, "svg"))
    boxes = root.findall(f"{SVG}g/{SVG}g")

    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= SAFE_TAGS
    attributes = {key for element in root.iter() for key in element.attrib}
    assert not any(key.startswith("on") or "href" in key for key in attributes)
    assert [box.findtext(f"{SVG}title") for box in boxes] == [
        ", ".join(said(node)) for node in drawing.nodes
    ]


@given(drawings())
def test_dot_is_quoted(drawing: Drawing) -> None:
    """Its tokens are those of the language, and each label read back is what was written."""
    written = render(drawing, "dot")
    token = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|->|[A-Za-z_]\w*|[{}\[\]=,;]')
    tokens = [found[0] for found in token.finditer(written)]
    labels = [
        [read_back(line) for line in re.split(r"(?<!\\)(?:\\\\)*\\n", found)]
        for found in re.findall(r'^    n\d+ \[label="((?:[^"\\]|\\.)*)"', written, re.MULTILINE)
    ]

    assert "".join(tokens) == written
    assert [len(label) for label in labels] == [len(node.said) + 1 for node in drawing.nodes]
    assert re.findall(r"n(\d+) -> n(\d+)", written) == [
        (edge.source, edge.target) for edge in drawing.edges
    ]


def read_back(label: str) -> str:
    """What Graphviz shows for a line of a label."""
    return re.sub(r"\\(.)", r"\1", label).replace("&amp;", "&")


@pytest.mark.parametrize("name", SPITEFUL)
def test_dot_shows_the_name_itself(name: str) -> None:
    """Neither an escape sequence of labels nor an entity of HTML is taken for one."""
    drawing = Drawing(title="", nodes=(Node(key="a", kind="data", name=name),))
    [label] = re.findall(r'n0 \[label="((?:[^"\\]|\\.)*)"', render(drawing, "dot"))

    assert read_back(label) == letters.clean(name)


@given(drawings())
def test_mermaid_is_quoted(drawing: Drawing) -> None:
    """Each line is a node, an edge or a style, and each label read back is what was written."""
    first, *lines = render(drawing, "mermaid").splitlines()
    nodes = [line.strip() for line in lines if re.match(r"    n\d+[\[({]", line)]
    edges = [line for line in lines if " -->" in line]
    styles = [line for line in lines if re.match(r"    class(Def)? ", line)]
    for edge in edges:
        assert re.fullmatch(r'    n\d+ -->(\|"[^"<>;`&]*(#\d+;[^"<>;`&]*)*"\|)? n\d+', edge)

    assert first == "flowchart TD"
    assert len(nodes) + len(edges) + len(styles) == len(lines)
    assert [shown(node) for node in nodes] == [
        [line or "\xa0" for line in said(node)] for node in drawing.nodes
    ]


def shown(line: str) -> list[str]:
    """What Mermaid shows in a node's box, line by line."""
    shape = re.sub(r"^n\d+", "", line)
    before, behind = next(one for one in SHAPES if shape.startswith(one[0]))
    assert shape.endswith(behind)
    inside = shape[len(before) : -len(behind)]
    assert re.fullmatch(r'([^"<>;`&#]|#\d+;|<br/>)*', inside)
    return [
        re.sub(r"#(\d+);", lambda found: chr(int(found[1])), part) for part in inside.split("<br/>")
    ]


@given(drawings())
def test_text_has_a_line_for_each_node(drawing: Drawing) -> None:
    """No name breaks a line, and a line that only leads on holds nothing else."""
    heading, *lines = render(drawing, "text").splitlines()
    drawn = text.lines(drawing)

    assert sorted(line.said for line in drawn if re.search("[○●◆]", line.rails)) == sorted(
        "  ".join(
            letters.clean(part)
            for part in (
                *node.said,
                *(
                    f"← {e.label}"
                    for e in drawing.edges
                    if e.target == node.key and letters.clean(e.label)
                ),
            )
        )
        for node in drawing.nodes
    )
    assert len(lines) == len(drawn)
    assert heading.startswith(letters.clean(drawing.title)[:5].strip())


@pytest.mark.parametrize("form", FORMATS)
@given(drawing=drawings())
def test_the_same_drawing_is_the_same_text(form: str, drawing: Drawing) -> None:
    """Nothing in it is random, and it can be encoded."""
    once = render(drawing, form)

    assert (once, once.encode().decode()[-1]) == (render(drawing, form), "\n")


# How it looks


def test_text() -> None:
    """Lines lead from each node to those that need it, and cross where they must."""
    assert render(PIPELINE, "text") == (
        "delays  2 stale\n"
        "○      lake/{month}.csv  3 partitions\n"
        "│ ○    weather.csv\n"
        "├─╯\n"
        "●      prepare           3 partitions, 1 stale\n"
        "├─╮\n"
        "● │    train             pending  Tree  ← 2 partitions\n"
        "├─┼─╮\n"
        "├─╯ │\n"
        "●   │  evaluate          pending  ← held out\n"
        "├───╯\n"
        "◆      delays@2\n"
    )


def test_mermaid() -> None:
    """A flowchart; stale and pending nodes have classes."""
    assert render(PIPELINE, "mermaid") == (
        "flowchart TD\n"
        '    n0[("lake/{month}.csv<br/>3 partitions")]\n'
        '    n1[("weather.csv")]\n'
        '    n2[["prepare<br/>3 partitions, 1 stale"]]\n'
        '    n3["train<br/>pending<br/>Tree"]\n'
        '    n4["evaluate<br/>pending"]\n'
        '    n5{{"delays@2"}}\n'
        "    n0 --> n2\n"
        "    n1 --> n2\n"
        '    n2 -->|"2 partitions"| n3\n'
        '    n2 -->|"held out"| n4\n'
        "    n3 --> n4\n"
        "    n3 --> n5\n"
        "    n4 --> n5\n"
        "    classDef stale fill:#fff8c5,stroke:#9a6700,stroke-width:3px,color:#1b1f24\n"
        "    class n2 stale\n"
        "    classDef pending fill:#ffffff,stroke:#9a6700,stroke-width:2px,"
        "stroke-dasharray:5 4,color:#1b1f24\n"
        "    class n3,n4 pending\n"
    )


def test_svg_says_it_in_words() -> None:
    """A title and a description name every node, its state, and what leads to it."""
    root = ElementTree.fromstring(render(PIPELINE, "svg"))
    described = root.findtext(f"{SVG}desc") or ""

    assert root.get("aria-labelledby") == "drawing-title drawing-description"
    assert root.findtext(f"{SVG}title") == "delays"
    assert "task prepare, 3 partitions, 1 stale; from lake/{month}.csv, weather.csv." in described
    assert "model delays@2; from train, evaluate." in described
    assert "prefers-color-scheme:dark" in (root.findtext(f"{SVG}style") or "")


def test_what_goes_in_circles_is_drawn() -> None:
    """A dataset that a task reads and writes again has a line there, and one back."""
    drawing = Drawing(
        title="",
        nodes=(Node(key="d", kind="data", name="d"), Node(key="t", kind="task", name="t")),
        edges=(Edge(source="d", target="t"), Edge(source="t", target="d")),
    )
    drawn = [render(drawing, form) for form in FORMATS]

    assert "n1 --> n0" in drawn[1]
    assert "n1 -> n0" in drawn[2]
    assert drawn[3].count('class="edge"') == 2
