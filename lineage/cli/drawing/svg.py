"""SVG of our own: the same drawing is the same bytes, on every machine, for ever.

No dates, no random ids, no scripts, no fonts inside. It brings its own paper, dark where
the viewer prefers that. States differ by words and lines as well as by colour; a title and
a description say all of it in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from . import Drawing, Node
from .layout import Layout, Point, lay_out
from .letters import clean, shortened, width

_MARGIN: Final = 20.0
_NAME_SIZE: Final = 13.0
_SMALL: Final = 11.0
_LEADING: Final = 15.0
_PADDING: Final = 10.0
_NARROWEST: Final = 96.0
#: Letters of a line in a box, and of the title.
_MOST: Final = 36
#: How far what lies behind the box of many shows.
_STACK: Final = 4.0
_ARROW: Final = 7.0


def render(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    texts = [_texts(node) for node in drawing.nodes]
    labels = {
        number: shortened(clean(edge.label), _MOST)
        for number, edge in enumerate(drawing.edges)
        if clean(edge.label)
    }
    numbers = {node.key: number for number, node in enumerate(drawing.nodes)}
    found = lay_out(
        [_size(text) for text in texts],
        [(numbers[edge.source], numbers[edge.target]) for edge in drawing.edges],
        {number: (width(label) * _SMALL + 8, 16.0) for number, label in labels.items()},
    )
    title, subtitle = (
        shortened(clean(text), 2 * _MOST) for text in (drawing.title, drawing.subtitle)
    )
    heading = max(width(title) * 16, width(subtitle) * 12)
    wide = max(found.width + _STACK, heading) + 2 * _MARGIN
    left = (wide - found.width) / 2
    top = 76.0 if subtitle else 56.0
    tall = top + found.height + _STACK + _MARGIN
    body = [
        _text(_MARGIN, 32, title, css="title"),
        *([_text(_MARGIN, 52, subtitle, css="muted")] if subtitle else []),
        f'<g transform="translate({number(left)} {number(top)})">',
        *map(_edge, found.routes),
        *_labels(found, labels),
        *(
            _box(node, text, place)
            for node, text, place in zip(drawing.nodes, texts, found.boxes, strict=True)
        ),
        "</g>",
    ]
    return _document(drawing, wide, tall, body)


def number(value: float) -> str:
    """A coordinate: at most one decimal, none that is zero, no negative zero.

    >>> [number(value) for value in (1.04, 3.0, -0.01, 12.5)]
    ['1', '3', '0', '12.5']
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def escaped(text: str) -> str:
    """Text between tags, or between double quotes, whatever it holds."""
    return _entities(clean(text))


def _entities(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


def words(drawing: Drawing) -> str:
    """What it shows, for who cannot see it: each box, its state, and what leads to it."""
    names = {node.key: clean(node.name) for node in drawing.nodes}
    leading: dict[str, list[str]] = {}
    for edge in drawing.edges:
        leading.setdefault(edge.target, []).append(names[edge.source])
    said = []
    for node in drawing.nodes:
        about = ", ".join([f"{node.kind} {names[node.key]}", *map(clean, node.said)])
        sources = leading.get(node.key)
        said.append(f"{about}; from {', '.join(sources)}." if sources else f"{about}.")
    return " ".join(filter(None, (clean(drawing.subtitle), *said)))


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(shortened(clean(text), _MOST) for text in (node.name, *node.said))


def _size(texts: Sequence[str]) -> Point:
    name, *said = texts
    # Names are bold, and so a little wider.
    widest = max([width(name) * _NAME_SIZE * 1.08, *(width(line) * _SMALL for line in said)])
    height = 2 * _PADDING + _NAME_SIZE + 3 + len(said) * _LEADING
    return max(_NARROWEST, widest + 2 * _PADDING + 8), height


def _box(node: Node, texts: Sequence[str], place: Point) -> str:
    wide, tall = _size(texts)
    x, y = place[0] - wide / 2, place[1] - tall / 2
    css = " ".join(filter(None, ("box", node.kind, node.mark)))
    behind = (2, 1, 0) if node.many > 1 else (0,)
    parts = [_shape(node, x + step * _STACK, y + step * _STACK, wide, tall, css) for step in behind]
    baseline = y + _PADDING + _NAME_SIZE
    parts.append(_text(place[0], baseline, texts[0], css="name"))
    for line, text in enumerate(texts[1:], start=1):
        state = line == 1 and bool(node.state)
        css = f"said {node.mark}" if state and node.mark else "said"
        parts.append(_text(place[0], baseline + 3 + line * _LEADING, text, css=css))
    full = _entities(", ".join(map(clean, (node.name, *node.said))))
    return "\n".join([f"<g><title>{full}</title>", *parts, "</g>"])


def _shape(node: Node, x: float, y: float, wide: float, tall: float, css: str) -> str:
    if node.kind == "data":
        # A sheet of paper, one corner folded.
        fold = 9.0
        right, bottom = x + wide, y + tall
        outline = [(x, y), (right - fold, y), (right, y + fold), (right, bottom), (x, bottom)]
        corner = [(right - fold, y), (right - fold, y + fold), (right, y + fold)]
        return f'<path class="{css}" d="{_lines(outline)}Z{_lines(corner)}"/>'
    if node.kind == "source":
        # A drum, as data at rest is drawn.
        arc = f"{number(wide / 2)} 6 0 0"
        return (
            f'<path class="{css}" d="M{number(x)} {number(y + 3)}V{number(y + tall - 3)}'
            f"A{arc} 0 {number(x + wide)} {number(y + tall - 3)}V{number(y + 3)}"
            f"A{arc} 0 {number(x)} {number(y + 3)}"
            f'A{arc} 0 {number(x + wide)} {number(y + 3)}"/>'
        )
    radius = 8 if node.kind == "task" else 2
    drawn = _rectangle(x, y, wide, tall, radius, css)
    if node.kind == "model" and not node.mark:
        drawn += _rectangle(x + 3, y + 3, wide - 6, tall - 6, 1, "inner")
    return drawn


def _rectangle(x: float, y: float, wide: float, tall: float, radius: float, css: str) -> str:
    return (
        f'<rect class="{css}" x="{number(x)}" y="{number(y)}" width="{number(wide)}" '
        f'height="{number(tall)}" rx="{number(radius)}"/>'
    )


def _lines(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _edge(route: Sequence[Point]) -> str:
    *before, (x, y) = route
    down = 1 if y > before[-1][1] else -1
    points = [*before, (x, y - down * _ARROW)]
    path = f"M{number(points[0][0])} {number(points[0][1])}"
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 == x1:
            path += f"V{number(y1)}"
            continue
        middle = number((y0 + y1) / 2)
        path += f"C{number(x0)} {middle} {number(x1)} {middle} {number(x1)} {number(y1)}"
    base = y - down * _ARROW
    head = _lines([(x - 4, base), (x + 4, base), (x, y)])
    return f'<path class="edge" d="{path}"/><path class="head" d="{head}Z"/>'


def _labels(found: Layout, labels: dict[int, str]) -> Iterable[str]:
    for edge, (x, y) in found.labels.items():
        wide = width(labels[edge]) * _SMALL + 8
        yield _rectangle(x - wide / 2, y - 8, wide, 16, 3, "paper")
        yield _text(x, y + 4, labels[edge], css="said")


def _text(x: float, y: float, text: str, *, css: str) -> str:
    return f'<text class="{css}" x="{number(x)}" y="{number(y)}">{escaped(text)}</text>'


def _document(drawing: Drawing, wide: float, tall: float, body: Iterable[str]) -> str:
    size = f'width="{number(wide)}" height="{number(tall)}"'
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" class="begat-drawing" role="img" '
            f'viewBox="0 0 {number(wide)} {number(tall)}" {size} '
            'aria-labelledby="drawing-title drawing-description">',
            f'<title id="drawing-title">{escaped(drawing.title)}</title>',
            f'<desc id="drawing-description">{_entities(words(drawing))}</desc>',
            f"<style>{_STYLE}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _scoped(rules: Iterable[str]) -> str:
    # Inside a page, a drawing's rules are about that drawing alone.
    return "".join(f".begat-drawing {rule}" for rule in rules)


def _colours(
    *, paper: str, ink: str, muted: str, task: tuple[str, str], model: tuple[str, str],
    stale: tuple[str, str], failed: tuple[str, str],
) -> str:  # fmt: skip
    return _scoped(
        [
            f".paper{{fill:{paper}}}",
            f"text{{fill:{ink}}}",
            f".said,.begat-drawing .muted{{fill:{muted}}}",
            f".edge{{stroke:{muted}}}",
            f".head{{fill:{muted}}}",
            f".box{{fill:{paper};stroke:{muted}}}",
            f".task{{fill:{task[0]};stroke:{task[1]}}}",
            f".model{{fill:{model[0]};stroke:{model[1]}}}",
            f".inner{{stroke:{model[1]}}}",
            f".box.reused{{fill:{paper};stroke:{muted}}}",
            f".box.pending{{fill:{paper};stroke:{stale[1]}}}",
            f".box.stale{{fill:{stale[0]};stroke:{stale[1]}}}",
            f".box.failed{{fill:{failed[0]};stroke:{failed[1]}}}",
            f"text.stale,.begat-drawing text.pending{{fill:{stale[1]}}}",
            f"text.failed{{fill:{failed[1]}}}",
        ]
    )


_LIGHT: Final = _colours(
    paper="#ffffff", ink="#1b1f24", muted="#57606a", task=("#ddf4ff", "#0550ae"),
    model=("#dafbe1", "#116329"), stale=("#fff8c5", "#7d4e00"), failed=("#ffebe9", "#b3202a"),
)  # fmt: skip
_DARK: Final = _colours(
    paper="#0d1117", ink="#e6edf3", muted="#9198a1", task=("#0c2d50", "#79c0ff"),
    model=("#0b3a1b", "#7ee787"), stale=("#3a2d05", "#e3b341"), failed=("#4c1518", "#ff8a83"),
)  # fmt: skip
_STYLE: Final = (
    _scoped(
        [
            "text{font:11px sans-serif;text-anchor:middle}",
            ".title{font-size:16px;font-weight:600;text-anchor:start}",
            ".muted{font-size:12px;text-anchor:start}",
            ".name{font-size:13px;font-weight:600}",
            ".edge{fill:none;stroke-width:1.2}",
            ".box{stroke-width:1.2}",
            ".inner{fill:none}",
            ".box.stale,.begat-drawing .box.failed{stroke-width:2.5}",
            ".box.pending{stroke-width:1.8;stroke-dasharray:6 4}",
            "text.stale,.begat-drawing text.failed{font-weight:600}",
        ]
    )
    + _LIGHT
    + f"@media (prefers-color-scheme:dark){{{_DARK}}}"
)
