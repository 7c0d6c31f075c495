"""Drawings of all shapes, with the names that people's data have, and worse."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from begat.lineage.cli.drawing import MARKS, Drawing, Edge, Kind, Mark, Node

#: What ends a quote, a tag, a statement, a comment or a line in some format or other.
SPITEFUL = (
    'say "hello"',
    "a <b> & </text></svg><script>alert(1)</script>",
    "]]> --> %%{init: {}}%% ;",
    "a\nb\r\nc\td",
    "\\",
    '\\"',
    "\\N \\l {x|y} [z]",
    "#quot; &quot; &#34;",
    "`*md*` _under_ 1. list",
    "\x00\x1b[31m\x85\u202eevil\u2028\ud800\uffff",
    "end",
    "style x:#y;",
    "名前 \N{PILE OF POO} naïve",
    "",
    " ",
    "x" * 900,
    "month=2013-01/part={key}",
)
names = st.one_of(
    st.sampled_from(SPITEFUL),
    st.text(max_size=40),
    st.text(st.characters(categories=("Cs", "Cc", "Cf", "Po", "Sm", "Lu")), max_size=20),
)


@st.composite
def marked(draw: st.DrawFn, many: int) -> dict[Mark, int]:
    """How some of so many may be marked."""
    left, found = many, {}
    for mark in draw(st.permutations(MARKS)):
        found[mark] = draw(st.integers(0, left))
        left -= found[mark]
    return found


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Any drawing, also of a graph with circles in it."""
    count = draw(st.integers(0, 9))
    nodes = []
    for key in range(count):
        many = draw(st.integers(1, 12))
        nodes.append(
            Node(
                key=str(key),
                kind=draw(st.sampled_from(get_args(Kind))),
                name=draw(names),
                many=many,
                marks=draw(marked(many)),
                lines=tuple(draw(st.lists(names, max_size=2))),
            )
        )
    pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    return Drawing(
        title=draw(names),
        subtitle=draw(names),
        nodes=tuple(nodes),
        edges=tuple(
            Edge(source=str(a), target=str(b), label=draw(st.one_of(st.just(""), names)))
            for a, b in chosen
        ),
    )
